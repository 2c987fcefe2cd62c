/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the policy room share: policy.c (what comes in), commit.c and anew.c (to the kernel),
 * report.c (to people), advice.c and subjects.c (to whoever changed the store), list.c, entries.c, rules.c,
 * names.c and places.c (to people who ask),
 * members.c (endpoints), host.c (the node's addresses), memory.c (numbers over restarts). */
#pragma once

#include <stdbool.h>

#include <beeline/abi.h>
#include <beeline/engine.h>
#include <beeline/json.h>
#include <beeline/labels.h>
#include <beeline/policy.h>

#include "../datapath.h"
#include "../endpoint.h"
#include "../histogram.h"
#include "../objects.h"
#include "../policy.h"
#include "../queue.h"
#include "journal.h"

/* An endpoint, as it was admitted. What cannot change stands behind it; account and labels are its own. */
struct member {
	const char *name;
	const char *vmi;       /* its name; NULL: of no VM */
	const char *namespace; /* the VMI's too */
	char *service_account;
	struct bl_labels labels;
	struct bl_addr addrs[BL_FAMILIES];
	size_t n_addrs;
	const struct bl_named_port *ports;
	size_t n_ports;
	bool concerned; /* by changes that are not in the kernel */
	const char *
		amiss; /* why its rows are not those of its policy, as its VMI was told; NULL: they are */
	bool told; /* ... by this agent */
};

/* A policy of the store, and what is to be said of it. */
struct told {
	struct told *next;
	char *kind, *namespace, *name;
	char *unenforced; /* sentences; NULL: all of it can be enforced */
	char *unfit; /* of an endpoint that is too small for it, as was said; NULL: there is none */
	bool unfit_now; /* ... since policy_flush() began */
	bool pending;   /* not known yet to be in the kernel */
};

struct policy {
	struct policy_config config;
	struct bl_engine *engine;
	struct object_watch *watch;
	struct queue *queue;                      /* of one key: the commit */
	struct member *members[BL_ENDPOINTS_MAX]; /* by index */
	struct told *told;
	struct journal journal; /* of numbers; memory.c */
	uint32_t *numbers;      /* those that were when it was written last, rising */
	size_t n_numbers;
	struct bl_io host_events;
	struct places *places; /* places.h */
	char name[512];        /* that was given out last */
	bool started;
	bool anew;         /* the kernel is not known to be what the last update left */
	bool dirty;        /* a commit was asked for */
	bool written;      /* the present commit changed the kernel */
	uint64_t dirty_ns; /* since when the kernel lacks something; 0: it has all */
	bool rules_full;   /* counters of rules are all taken, and that was said */
	struct histogram update_times;
	struct policy_troubles troubles;
	char *failure;  /* of the last commit; NULL: it ended well */
	bool reporting; /* the change in the store is our own */
};

/* Endpoints whose rows are written out together: as many as the datapath swaps by one update. */
#define POLICY_SWAP_MAX 128

/* Soon, and once for all that was asked for meanwhile. */
void policy_commit_soon(struct policy *policy);
/* The kernel lacks something from now on, if it did not before. */
void policy_note_change(struct policy *policy);
/* Now. */
int policy_commit(struct policy *policy, struct bl_err *err);

/* Brings everything into the kernel, whatever it has. */
int policy_write_anew(struct policy *policy, struct bl_err *err);
/* What the kernel says of addresses keeps its meaning: after policy_recall(). */
int policy_reserve_numbers(struct policy *policy, struct bl_err *err);

int policy_admit(const struct endpoint_spec *spec, uint32_t index, const struct bl_addr *addrs,
		 size_t n_addrs, uint32_t *ret_flags, void *data, struct bl_err *err);
void policy_leave(const char *name, void *data);
/* The index of the endpoint; -ENOENT. */
int policy_find_member(const struct policy *policy, const char *name);
/* Under which a machine of this spec runs; NULL: the one of its namespace. Borrowed. */
const char *policy_service_account(const struct cJSON *spec);
/* A VMI's labels changed. */
void policy_relabel(struct policy *policy, const struct cJSON *vmi);
void policy_clear_members(struct policy *policy);

/* The policy is in the store, and the engine has it. */
void policy_expect(struct policy *policy, const struct bl_policy *object);
void policy_expect_no_more(struct policy *policy, const struct object_key *key);
/* A change concerns the endpoint, until a commit ends well. */
void policy_concern(struct policy *policy, const char *name);
/* Why a policy is not in force as it stands, in the words of its condition Enforced; reason NULL: it is. */
struct shortfall {
	const char *reason, *message; /* borrowed until the next commit */
};
struct shortfall policy_shortfall(const struct policy *policy, const struct told *told);
/* A commit ended; why NULL: well. */
void policy_report(struct policy *policy, const struct bl_err *why);
/* From now on it is news again which policies do not fit. */
void policy_report_afresh(struct policy *policy);
void policy_clear_told(struct policy *policy);

/* Who has an address, of an identity as the engine knows it; borrowed until the next call. NULL: nobody
 * knows. */
const char *policy_name(struct policy *policy, const struct bl_addr *addr, uint32_t identity);
/* "default deny of default/web, default/db and 3 more"; the caller frees. */
#define DENIERS_TOLD 3
char *policy_default_deny(const struct policy *policy, const char *endpoint,
			  enum bl_policy_direction direction);
/* Places in a list that has no order of its own are numbers: where it goes on, and an item handed out with
 * its own. */
size_t policy_items_first(const struct policy_items *items);
bool policy_items_tell(const struct policy_items *items, struct cJSON *item, uint64_t place);
/* The labels of an identity, an array of texts; empty when nobody knows it. */
struct cJSON *policy_labels(const struct policy *policy, uint32_t identity);
/* As the store knows it; borrowed from the policy. */
static inline struct object_key policy_key(const struct bl_policy *policy)
{
	return (struct object_key){policy->kind, policy->namespace, policy->name};
}
/* By their keys. */
int policy_compare(const struct bl_policy *a, const struct bl_policy *b);
/* {"kind", "namespace"?, "name"} */
struct cJSON *policy_reference(const struct bl_policy *policy);

int policy_watch_host(struct policy *policy, struct bl_err *err);
void policy_unwatch_host(struct policy *policy);
/* Tells the engine what the addresses are now. */
int policy_read_host(struct policy *policy, struct bl_err *err);

/* The engine is told of the numbers of the agent before. */
int policy_recall(struct policy *policy, struct bl_err *err);
/* Before the kernel is told of identities, so that whoever comes next knows them. */
int policy_remember(struct policy *policy, struct bl_err *err);
