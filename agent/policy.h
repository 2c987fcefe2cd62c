/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network policy of this node: what the store says of policies and peers, and which endpoints there are,
 * becomes what the kernel's maps say.
 *
 *   store --watch--> engine (pure) --commit--> datapath        endpoints --gate--> engine
 *
 * The order of a change (policy/commit.c): the policies of all endpoints that it concerns in one swap,
 * then the prefixes, then a new epoch; so at no moment is a packet judged by half a policy. What the store
 * says at once is one change. A change that fails leaves the policy of before in the kernel, is said in
 * the log and in the conditions of the policies, and is tried again, whole, after a back-off.
 *
 * The kernel goes on without an agent. A new one numbers identities as the one before (policy/memory.c),
 * takes over what stands there while it learns who is there, and then writes what differs.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <beeline/abi.h>
#include <beeline/err.h>
#include <beeline/json.h>
#include <beeline/loop.h>

struct datapath;
struct endpoint_gate;
struct endpoint_names;
struct histogram;
struct objects;
struct policy;

/* As Cilium's enable-policy, and an audit mode. */
enum policy_mode {
	POLICY_DEFAULT, /* a direction is enforced when a policy selects the endpoint */
	POLICY_NEVER,   /* none is: policies are read, and their conditions say so */
	POLICY_ALWAYS,  /* every direction is */
	POLICY_AUDIT,   /* as by default, but what is denied passes and is counted */
};
#define POLICY_MODES "default|never|always|audit"
/* Of a name of POLICY_MODES. */
enum policy_mode policy_mode(const char *name);

struct policy_config {
	struct bl_loop *loop;
	struct datapath *datapath;
	struct objects *objects;
	const char *state_dir;
	const char *node_name;
	enum policy_mode mode;
};

/* Takes in the store. Everything of config is borrowed and outlives the room. */
int policy_new(const struct policy_config *config, struct policy **ret_policy, struct bl_err *err);
/* The kernel's maps stay. */
void policy_free(struct policy *policy);
bool policy_is_enforced(const struct policy *policy);
/* For endpoints_new(), where it is; lasts as long as the room. */
struct endpoint_gate policy_gate(struct policy *policy);
/* For endpoints_set_names(); likewise. */
struct endpoint_names policy_names(struct policy *policy);
/* The endpoints of before have been admitted: from now on the kernel follows. */
void policy_start(struct policy *policy);
/* What the store says now is in the kernel when this returns, or that it could not be is said in the log
 * and in the conditions. policy NULL: nothing happens. */
void policy_flush(struct policy *policy);

/* What people should hear at once who changed these objects of the store, after policy_flush(): a policy that
 * selects nobody whom this node enforces, or that is not enforced as it stands; an address that somebody else
 * has too; a change that could not be brought into the kernel. Each sentence is about documents[nth], n_documents:
 * about something else. */
typedef void policy_advice_fn(size_t nth, const char *sentence, void *data);
void policy_advise(struct policy *policy, const struct cJSON *const *documents, size_t n_documents,
		   policy_advice_fn *fn, void *data);

/* From a change of the store, or of the endpoints, until the kernel has it; of changes that it noticed. */
const struct histogram *policy_update_times(const struct policy *policy);
/* What does not go as it should. */
struct policy_troubles {
	uint64_t n_failures; /* of bringing changes into the kernel, since the agent started */
	uint32_t n_amiss;    /* endpoints whose policy is not the one that they should have */
};
const struct policy_troubles *policy_troubles(const struct policy *policy);
/* Half of what the kernel's map holds, so that prefixes of before and of now always stand side by side in it
 * while these take the place of those. */
#define POLICY_PREFIXES_MAX (BL_PREFIXES_MAX / 2)
/* Prefixes that the kernel knows the identities of; policy NULL: none. */
size_t policy_n_prefixes(const struct policy *policy);

/* ---- answers, in the words of api.h -------------------------------------------------------------- */

/* Long lists are told item by item: fn takes the item, with the place that it has in the list, and says
 * whether it wants more. Who does not can go on behind that place later, whatever has changed. */
struct policy_items {
	const char *after; /* NULL: from the first one */
	bool (*fn)(struct cJSON *item, const char *place, void *data);
	void *data;
};

/* Endpoints and policies ("policy-list"); the caller owns it. */
struct cJSON *policy_list(struct policy *policy);
/* An endpoint as "policy-list" has it; NULL: there is none. */
struct cJSON *policy_endpoint(const struct policy *policy, const char *name);
/* What the kernel has for an endpoint that there is, with counters, and what becomes of all else
 * ("policy-get"). */
int policy_entries(struct policy *policy, const char *endpoint, const struct policy_items *items,
		   struct bl_err *err);
/* The rules that an endpoint is judged by, in the order in which they are asked ("policy-rules"). */
void policy_rules(const struct policy *policy, const char *endpoint,
		  const struct policy_items *items);
/* A policy of the store ("policy-describe"): *ret_json, the caller's, is about it, the items are its
 * rules. -ENOENT: there is none. */
struct object_key;
int policy_describe(const struct policy *policy, const struct object_key *key,
		    const struct policy_items *items, struct cJSON **ret_json, struct bl_err *err);
/* "identity-list" and "ipcache-list". */
void policy_identities(struct policy *policy, const struct policy_items *items);
void policy_prefixes(struct policy *policy, const struct policy_items *items);
