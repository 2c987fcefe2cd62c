// SPDX-License-Identifier: Apache-2.0
/*
 * The order of a change, and the only file of the room that writes to the kernel:
 *
 *   numbers to disk --> policies of all endpoints concerned, one swap --> prefixes --> epoch
 *
 * The engine says in which steps that has to happen so that no packet is judged by half a policy. A crash
 * between two writes leaves whole policies, of before or of now; the next agent writes what differs.
 *
 * After a failure nobody knows what the kernel has: then all policies are swapped, and all prefixes are
 * compared with those that stand there.
 */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/log.h>

#include "room.h"

/* ---- policies ----------------------------------------------------------------------------------- */

struct swap {
	struct datapath_policy *items;
	size_t n_items;
};

static void add(struct policy *policy, struct swap *swap, int index)
{
	const struct bl_policy_rows *rows;

	if (index < 0)
		return;
	rows = bl_engine_rows(policy->engine, policy->members[index]->name);
	if (!rows)
		return;
	swap->items[swap->n_items++] = (struct datapath_policy){
		.index = (uint32_t)index, .rows = rows->items, .n_rows = rows->n_items};
}

static int swap_policies(struct policy *policy, const struct bl_engine_changes *changes,
			 struct bl_err *err)
{
	bl_autofree struct datapath_policy *items = bl_alloc(BL_ENDPOINTS_MAX * sizeof(*items));
	struct swap swap = {.items = items};

	for (int i = 0; policy->anew && i < BL_ENDPOINTS_MAX; i++)
		if (policy->members[i])
			add(policy, &swap, i);
	for (size_t i = 0; !policy->anew && i < changes->n_endpoints; i++)
		add(policy, &swap, policy_find_member(policy, changes->endpoints[i]));
	return datapath_swap_policies(policy->config.datapath, swap.items, swap.n_items, err);
}

/* ---- prefixes ----------------------------------------------------------------------------------- */

struct prefixes {
	struct bl_ipcache_row *items;
	size_t n_items;
};

static void add_prefix(const struct bl_ipcache_row *row, void *data)
{
	struct prefixes *prefixes = data;

	/* doubled at each power of two */
	if ((prefixes->n_items & (prefixes->n_items - 1)) == 0)
		prefixes->items = bl_realloc(prefixes->items, (prefixes->n_items * 2 + 1) *
								      sizeof(*prefixes->items));
	prefixes->items[prefixes->n_items++] = *row;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct bl_ipcache_key));
}

static void sort(struct prefixes *prefixes)
{
	if (prefixes->n_items)
		qsort(prefixes->items, prefixes->n_items, sizeof(*prefixes->items), compare);
}

/* What has to be written for the kernel's prefixes to be the wanted ones; both are sorted. What is added
 * comes before what is deleted. */
static void find_differences(const struct prefixes *standing, const struct prefixes *wanted,
			     struct prefixes *ret_changes, struct prefixes *ret_gone)
{
	size_t i = 0, j = 0;

	while (i < standing->n_items || j < wanted->n_items) {
		int order = i == standing->n_items ? 1
			    : j == wanted->n_items
				    ? -1
				    : compare(&standing->items[i], &wanted->items[j]);

		if (order < 0) {
			struct bl_ipcache_row gone = {.key = standing->items[i++].key};

			add_prefix(&gone, ret_gone);
			continue;
		}
		if (order > 0 || standing->items[i].identity != wanted->items[j].identity)
			add_prefix(&wanted->items[j], ret_changes);
		i += order == 0;
		j++;
	}
}

static void prefixes_clear(struct prefixes *prefixes)
{
	free(prefixes->items);
}
#define prefixes_auto bl_cleanup(prefixes_clear)

static int write_all_prefixes(struct policy *policy, struct bl_err *err)
{
	struct datapath *datapath = policy->config.datapath;
	prefixes_auto struct prefixes standing = {0}, wanted = {0}, changes = {0}, gone = {0};
	const struct bl_ipcache_row *rows;
	size_t n;
	int r = datapath_prefixes(datapath, add_prefix, &standing, err);

	if (r < 0)
		return r;
	bl_engine_prefixes(policy->engine, &rows, &n);
	for (size_t i = 0; i < n; i++)
		add_prefix(&rows[i], &wanted);
	sort(&standing);
	sort(&wanted);
	find_differences(&standing, &wanted, &changes, &gone);
	r = datapath_write_prefixes(datapath, changes.items, changes.n_items, err);
	return r == 0 ? datapath_write_prefixes(datapath, gone.items, gone.n_items, err) : r;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static int write_changes(struct policy *policy, const struct bl_engine_changes *changes,
			 struct bl_err *err)
{
	struct datapath *datapath = policy->config.datapath;
	int r;

	if (!policy->anew && changes->n_endpoints == 0 && changes->n_prefixes == 0)
		return 0;
	r = policy_remember(policy, err);
	if (r == 0)
		r = swap_policies(policy, changes, err);
	if (r == 0)
		r = policy->anew ? write_all_prefixes(policy, err)
				 : datapath_write_prefixes(datapath, changes->prefixes,
							   changes->n_prefixes, err);
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
			policy_report_member(policy, changes.endpoints[i]);
		r = write_changes(policy, &changes, err);
		more = changes.again;
	}
	return r;
}

int policy_commit(struct policy *policy, struct bl_err *err)
{
	int r = policy_read_host(policy, err);

	if (r == 0)
		r = run_steps(policy, err);
	if (r == 0 && policy->anew)
		bl_engine_forget(policy->engine);
	policy->anew = r < 0;
	policy_report(policy, r < 0 ? err : NULL);
	return r < 0 ? bl_wrap(err, "bringing network policy into the kernel") : 0;
}
