// SPDX-License-Identifier: Apache-2.0
/*
 * Everything written anew, over whatever the kernel has: at the start of an agent, and after a failure.
 *
 *   rows of now, and rows of before for identities that are no more --> prefixes --> rows of now
 *
 * As long as the kernel's prefixes still give an address an identity of before, it is judged by the rules
 * of before; from the moment that they give it one of now, by those of now. So the change has no gap,
 * however far the agent before had come with one when it ended. Numbers mean the same to both
 * (policy/memory.c).
 */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "room.h"

/* ---- policies ----------------------------------------------------------------------------------- */

struct rows {
	const struct bl_engine *engine;
	struct bl_policy_row *items;
	size_t n_items, n_room;
	bool kept; /* some are of before */
};

static void add_row(struct rows *rows, const struct bl_policy_row *row)
{
	if (rows->n_items == rows->n_room) {
		rows->n_room = rows->n_room * 2 + 64;
		rows->items = bl_realloc(rows->items, rows->n_room * sizeof(*rows->items));
	}
	rows->items[rows->n_items++] = *row;
}

static bool is_known(const struct rows *rows, const struct bl_policy_row *row)
{
	return row->key.identity < BL_IDENTITY_CLUSTER_FIRST ||
	       bl_engine_identity_labels(rows->engine, row->key.identity);
}

static void keep_row(const struct bl_policy_row *row, const struct bl_counter *counter, void *data)
{
	struct rows *rows = data;

	if (is_known(rows, row))
		return;
	add_row(rows, row);
	rows->kept = true;
}

/* Which rule it was is forgotten: the number may be another's by now. */
static void inherit_row(const struct bl_policy_row *row, const struct bl_counter *counter,
			void *data)
{
	struct bl_policy_row nameless = *row;

	nameless.entry.cookie = 0;
	if (is_known(data, row))
		add_row(data, &nameless);
}

/* The engine has nothing for an endpoint whose policy is too big, and did not know it before: so the rows of
 * the agent before stay. */
static bool is_heir(const struct policy *policy, const char *name, const struct bl_policy_rows *now)
{
	return now && now->n_items == 0 && bl_engine_error(policy->engine, name);
}

static int collect_rows(struct policy *policy, uint32_t index, bool keeps, struct rows *rows,
			struct bl_err *err)
{
	const char *name = policy->members[index]->name;
	const struct bl_policy_rows *now = bl_engine_rows(policy->engine, name);
	int r = 0;

	rows->engine = policy->engine;
	if (is_heir(policy, name, now))
		r = datapath_policy_rows(policy->config.datapath, index, inherit_row, rows, err);
	for (size_t i = 0; now && i < now->n_items; i++)
		add_row(rows, &now->items[i]);
	if (r == 0 && keeps)
		r = datapath_policy_rows(policy->config.datapath, index, keep_row, rows, err);
	if (now && now->n_items > 0 && rows->n_items > BL_POLICY_ROWS_MAX)
		rows->n_items = now->n_items;
	return r;
}

/* What is handed to the datapath together. */
struct batch {
	struct datapath_policy items[POLICY_SWAP_MAX];
	struct rows rows[POLICY_SWAP_MAX];
	size_t n;
};

static int add_member(struct policy *policy, uint32_t index, bool keeps, struct batch *batch,
		      struct bl_err *err)
{
	struct rows *rows = &batch->rows[batch->n];
	int r = collect_rows(policy, index, keeps, rows, err);

	batch->items[batch->n++] = (struct datapath_policy){index, rows->items, rows->n_items};
	return r;
}

static void clear_batch(struct policy *policy, struct batch *batch)
{
	for (size_t i = 0; i < batch->n; i++)
		free(batch->rows[i].items);
	*batch = (struct batch){0};
	bl_engine_fold_rows(policy->engine);
}

/* keeps: those of identities that are no more, too. *ret_kept: whether there were any. */
static int swap_all(struct policy *policy, bool keeps, bool *ret_kept, struct bl_err *err)
{
	struct batch batch = {0};
	int r = 0;

	*ret_kept = false;
	for (uint32_t i = 0; r == 0 && i < BL_ENDPOINTS_MAX;) {
		for (; r == 0 && i < BL_ENDPOINTS_MAX && batch.n < POLICY_SWAP_MAX; i++) {
			if (!policy->members[i])
				continue;
			r = add_member(policy, i, keeps, &batch, err);
			*ret_kept |= batch.rows[batch.n - 1].kept;
		}
		if (r == 0)
			r = datapath_swap_policies(policy->config.datapath, batch.items, batch.n,
						   err);
		clear_batch(policy, &batch);
	}
	return r;
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

int policy_write_anew(struct policy *policy, struct bl_err *err)
{
	bool kept;
	int r = swap_all(policy, true, &kept, err);

	if (r == 0)
		r = write_all_prefixes(policy, err);
	return r == 0 && kept ? swap_all(policy, false, &kept, err) : r;
}

/* The number is somebody's, though nobody knows whose: no label looks like this. */
static void reserve(const struct bl_ipcache_row *row, void *data)
{
	bl_autofree char *labels = bl_format("=%u", row->identity);

	bl_engine_remember(data, labels, row->identity);
}

int policy_reserve_numbers(struct policy *policy, struct bl_err *err)
{
	return datapath_prefixes(policy->config.datapath, reserve, policy->engine, err);
}
