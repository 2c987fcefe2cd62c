// SPDX-License-Identifier: Apache-2.0
/*
 * The order of a change:
 *
 *   numbers to disk --> policies of all endpoints concerned, one swap --> prefixes --> epoch
 *
 * The engine says in which steps that has to happen so that no packet is judged by half a policy. A crash
 * between two writes leaves whole policies, of before or of now; the next agent begins with policy/anew.c,
 * and so does this one after a failure, since nobody knows then what the kernel has.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/log.h>

#include "room.h"

static int check_prefixes(const struct bl_engine *engine, struct bl_err *err)
{
	size_t n = bl_engine_n_prefixes(engine);

	return n <= POLICY_PREFIXES_MAX
		       ? 0
		       : bl_fail(err, -ENOSPC,
				 "%zu prefixes of policies, pods and nodes are more than "
				 "the %d that fit",
				 n, POLICY_PREFIXES_MAX);
}

static int swap_some(struct policy *policy, const char *const *endpoints, size_t n_endpoints,
		     struct bl_err *err)
{
	struct datapath_policy items[POLICY_SWAP_MAX];
	size_t n = 0;
	int r;

	for (size_t i = 0; i < n_endpoints; i++) {
		const struct bl_policy_rows *rows = bl_engine_rows(policy->engine, endpoints[i]);
		int index = policy_find_member(policy, endpoints[i]);

		if (rows && index >= 0)
			items[n++] = (struct datapath_policy){(uint32_t)index, rows->items,
							      rows->n_items};
	}
	r = datapath_swap_policies(policy->config.datapath, items, n, err);
	bl_engine_fold_rows(policy->engine);
	return r;
}

static int swap_policies(struct policy *policy, const struct bl_engine_changes *changes,
			 struct bl_err *err)
{
	size_t n = changes->n_endpoints;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i += POLICY_SWAP_MAX)
		r = swap_some(policy, &changes->endpoints[i],
			      n - i < POLICY_SWAP_MAX ? n - i : POLICY_SWAP_MAX, err);
	return r;
}

static int write_step(struct policy *policy, const struct bl_engine_changes *changes,
		      struct bl_err *err)
{
	struct datapath *datapath = policy->config.datapath;
	int r;

	if (!policy_is_enforced(policy) ||
	    (!policy->anew && changes->n_endpoints == 0 && changes->n_prefixes == 0))
		return 0;
	policy->written = true;
	r = check_prefixes(policy->engine, err);
	if (r == 0)
		r = policy_remember(policy, err);
	if (r == 0 && policy->anew)
		r = policy_write_anew(policy, err);
	else if (r == 0)
		r = swap_policies(policy, changes, err);
	if (r == 0 && !policy->anew)
		r = datapath_write_prefixes(datapath, changes->prefixes, changes->n_prefixes, err);
	return r == 0 ? datapath_bump_epoch(datapath, err) : r;
}

static int run_steps(struct policy *policy, struct bl_err *err)
{
	struct bl_engine_changes changes;
	bool more = true;
	int r = 0;

	while (r == 0 && more) {
		r = bl_engine_update(policy->engine, &changes, err);
		if (r < 0)
			return r;
		for (size_t i = 0; i < changes.n_endpoints; i++)
			policy_concern(policy, changes.endpoints[i]);
		r = write_step(policy, &changes, err);
		policy->anew = r < 0;
		more = changes.again;
	}
	return r;
}

void policy_note_change(struct policy *policy)
{
	if (policy->dirty_ns == 0)
		policy->dirty_ns = bl_now_ns();
}

/* A commit that failed goes on taking time. */
static void observe_time(struct policy *policy)
{
	if (policy->written)
		histogram_observe(&policy->update_times, bl_now_ns() - policy->dirty_ns);
	policy->dirty_ns = 0;
	policy->written = false;
}

static void look_at_counters(struct policy *policy)
{
	bool full = datapath_rules_full(policy->config.datapath);

	if (full && !policy->rules_full)
		bl_warn("not all rules are counted, as their counters are all taken");
	policy->rules_full = full;
}

int policy_commit(struct policy *policy, struct bl_err *err)
{
	bool was_anew = policy->anew;
	int r;

	policy_note_change(policy);
	r = policy_read_host(policy, err);
	if (r == 0)
		r = run_steps(policy, err);
	if (r == 0 && was_anew)
		bl_engine_forget(policy->engine);
	if (r == 0)
		observe_time(policy);
	else
		policy->troubles.n_failures++;
	look_at_counters(policy);
	policy_report(policy, r < 0 ? err : NULL);
	return r < 0 ? bl_wrap(err, "bringing network policy into the kernel") : 0;
}
