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

#include <beeline/err.h>
#include <beeline/loop.h>

struct datapath;
struct endpoint_gate;
struct objects;
struct policy;

/* As Cilium's enable-policy, and an audit mode. */
enum policy_mode {
	POLICY_DEFAULT, /* a direction is enforced when a policy selects the endpoint */
	POLICY_NEVER,
	POLICY_ALWAYS, /* every direction is */
	POLICY_AUDIT,  /* as by default, but what is denied passes and is counted */
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
/* For endpoints_new(); lasts as long as the room. */
struct endpoint_gate policy_gate(struct policy *policy);
/* The endpoints of before have been admitted: from now on the kernel follows. */
void policy_start(struct policy *policy);
/* What the store says now is in the kernel when this returns, or that it could not be is said in the log
 * and in the conditions. policy NULL: none is enforced. */
void policy_flush(struct policy *policy);
