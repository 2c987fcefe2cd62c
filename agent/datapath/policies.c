// SPDX-License-Identifier: Apache-2.0
/*
 * Policies in the kernel: a trie per endpoint, whose rows have counters (rules.h).
 *
 * A trie is filled while nobody looks at it and then takes the place of the one before, many endpoints
 * by one update of the outer map, which returns when no program looks into the old ones any
 * more. What has to come before what is in the header of the room that calls (agent/policy.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <beeline/file.h>

#include "room.h"
#include "datapath.skel.h"
#include "rcu.h"
#include "rules.h"

#define BATCH   1024
#define AT_ONCE 128 /* tries, each of which is a descriptor until it stands */

/* ---- reading a trie ----------------------------------------------------------------------------- */

typedef void row_fn(const struct bl_policy_key *key, const struct bl_policy_entry *entry,
		    void *data);

static int read_trie(int fd, row_fn *fn, void *data)
{
	bl_autofree struct bl_policy_key *keys = bl_alloc(BATCH * sizeof(*keys));
	bl_autofree struct bl_policy_entry *entries = bl_alloc(BATCH * sizeof(*entries));
	struct bl_policy_key at;
	bool more = true, first = true;

	while (more) {
		uint32_t n = BATCH;
		int r = bpf_map_lookup_batch(fd, first ? NULL : &at, &at, keys, entries, &n, NULL);

		more = r == 0;
		first = false;
		if (r < 0 && r != -ENOENT)
			return r;
		for (uint32_t i = 0; i < n; i++)
			fn(&keys[i], &entries[i], data);
	}
	return 0;
}

/* The trie that stands at an index; -1: none. */
static int open_trie(const struct datapath *datapath, uint32_t index, int *ret_fd)
{
	uint32_t id;
	int r = bpf_map_lookup_elem(bpf_map__fd(datapath->skeleton->maps.bl_policies), &index, &id);
	int fd = r < 0 ? -1 : bpf_map_get_fd_by_id(id);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

/* Nothing to read where there is none. */
static int read_index(const struct datapath *datapath, uint32_t index, row_fn *fn, void *data)
{
	bl_autoclose int fd = -1;
	int r = open_trie(datapath, index, &fd);

	return r == 0 && fd >= 0 ? read_trie(fd, fn, data) : r;
}

/* ---- at the start -------------------------------------------------------------------------------- */

struct adoption {
	struct datapath *datapath;
	uint32_t index;
};

static void adopt_row(const struct bl_policy_key *key, const struct bl_policy_entry *entry,
		      void *data)
{
	const struct adoption *adoption = data;

	adoption->datapath->policy_rows[adoption->index]++;
	rules_adopt(adoption->datapath, entry->counter);
}

int datapath_adopt_policies(struct datapath *datapath, struct bl_err *err)
{
	for (uint32_t index = 0; index < BL_ENDPOINTS_MAX; index++) {
		struct adoption adoption = {datapath, index};
		int r = read_index(datapath, index, adopt_row, &adoption);

		if (r < 0)
			return bl_fail_errno(err, r, "reading policy %u", index);
	}
	return 0;
}

/* ---- swapping ----------------------------------------------------------------------------------- */

/* One endpoint's change: the rows with counters, and the counters that nobody needs after it. */
struct change {
	uint32_t index;
	int fd; /* of the new trie; -1 before it is made */
	struct bl_policy_key *keys;
	struct bl_policy_entry *entries;
	size_t n;
	uint16_t *fresh; /* counters taken for it */
	size_t n_fresh;
	uint16_t *spare; /* counters of old rows that it has not */
	size_t n_spare;
};

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct bl_policy_key));
}

/* An old row: a new one of the same key goes on with its counter. */
static void inherit(const struct bl_policy_key *key, const struct bl_policy_entry *entry,
		    void *data)
{
	struct change *change = data;
	const struct bl_policy_key *found =
		bsearch(key, change->keys, change->n, sizeof(*key), compare_keys);

	if (!entry->counter)
		return;
	if (found && change->entries[found - change->keys].counter == 0) {
		change->entries[found - change->keys].counter = entry->counter;
		return;
	}
	change->spare = bl_realloc(change->spare, (change->n_spare + 1) * sizeof(uint16_t));
	change->spare[change->n_spare++] = entry->counter;
}

static int compare_rows(const void *a, const void *b)
{
	return compare_keys(&((const struct bl_policy_row *)a)->key,
			    &((const struct bl_policy_row *)b)->key);
}

static int plan(struct datapath *datapath, const struct datapath_policy *policy,
		struct change *change, struct bl_err *err)
{
	size_t n = policy->n_rows;
	bl_autofree struct bl_policy_row *rows = bl_alloc((n + 1) * sizeof(*rows));
	int r;

	if (n)
		memcpy(rows, policy->rows, n * sizeof(*rows));
	qsort(rows, n, sizeof(*rows), compare_rows);
	change->index = policy->index;
	change->n = n;
	change->keys = bl_alloc((n + 1) * sizeof(*change->keys));
	change->entries = bl_alloc((n + 1) * sizeof(*change->entries));
	change->fresh = bl_alloc((n + 1) * sizeof(*change->fresh));
	for (size_t i = 0; i < n; i++) {
		change->keys[i] = rows[i].key;
		change->entries[i] = rows[i].entry;
		change->entries[i].counter = 0;
	}
	r = read_index(datapath, change->index, inherit, change);
	if (r < 0)
		return bl_fail_errno(err, r, "reading policy %u", change->index);
	for (size_t i = 0; i < n; i++) {
		if (change->entries[i].counter)
			continue;
		change->entries[i].counter = rules_take(datapath);
		if (change->entries[i].counter)
			change->fresh[change->n_fresh++] = change->entries[i].counter;
	}
	return 0;
}

static int fill(struct change *change, struct bl_err *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	uint32_t n = change->n;
	int r = 0;

	if (n > BL_POLICY_ROWS_MAX)
		return bl_fail(err, -E2BIG, "a policy of %u entries is more than the %u that fit",
			       n, BL_POLICY_ROWS_MAX);
	change->fd = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "bl_policy_trie",
				    sizeof(struct bl_policy_key), sizeof(struct bl_policy_entry),
				    BL_POLICY_ROWS_MAX, &opts);
	if (change->fd < 0)
		return bl_fail_errno(err, change->fd, "making a policy map");
	if (n)
		r = bpf_map_update_batch(change->fd, change->keys, change->entries, &n, NULL);
	return r < 0 ? bl_fail_errno(err, r, "filling a policy map") : 0;
}

static void clear_change(struct change *change)
{
	if (change->fd >= 0)
		close(change->fd);
	free(change->keys);
	free(change->entries);
	free(change->fresh);
	free(change->spare);
}

/* All tries in their places, by one update. *ret_n: as many are, whatever it returns. */
static int put(struct datapath *datapath, const struct change *changes, size_t n_changes,
	       size_t *ret_n, struct bl_err *err)
{
	bl_autofree uint32_t *indices = bl_alloc(n_changes * sizeof(*indices));
	bl_autofree int *fds = bl_alloc(n_changes * sizeof(*fds));
	uint32_t n = n_changes;
	bool hurried;
	int r;

	for (size_t i = 0; i < n_changes; i++) {
		indices[i] = changes[i].index;
		fds[i] = changes[i].fd;
	}
	hurried = rcu_hurry(datapath->hurry);
	r = bpf_map_update_batch(bpf_map__fd(datapath->skeleton->maps.bl_policies), indices, fds,
				 &n, NULL);
	rcu_relax(datapath->hurry, hurried);
	*ret_n = r < 0 && n >= n_changes ? 0 : n;
	return r < 0 ? bl_fail_errno(err, r, "putting %zu policies in place", n_changes) : 0;
}

/* Whichever set of counters the outcome made superfluous. */
static void settle(struct datapath *datapath, const struct change *change, bool done)
{
	const uint16_t *counters = done ? change->spare : change->fresh;
	size_t n = done ? change->n_spare : change->n_fresh;

	for (size_t i = 0; i < n; i++)
		rules_give_back(datapath, counters[i]);
	if (done)
		datapath->policy_rows[change->index] = (uint32_t)change->n;
}

static int swap(struct datapath *datapath, const struct datapath_policy *policies, size_t n,
		struct bl_err *err)
{
	struct change changes[AT_ONCE] = {};
	size_t n_put = 0;
	int r = 0;

	for (size_t i = 0; i < n; i++)
		changes[i].fd = -1;
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = plan(datapath, &policies[i], &changes[i], err);
		if (r == 0)
			r = fill(&changes[i], err);
	}
	if (r == 0)
		r = put(datapath, changes, n, &n_put, err);
	for (size_t i = 0; i < n; i++) {
		settle(datapath, &changes[i], i < n_put);
		clear_change(&changes[i]);
	}
	return r;
}

int datapath_swap_policies(struct datapath *datapath, const struct datapath_policy *policies,
			   size_t n_policies, struct bl_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n_policies; i += AT_ONCE)
		r = swap(datapath, &policies[i],
			 n_policies - i < AT_ONCE ? n_policies - i : AT_ONCE, err);
	return r;
}

int datapath_rewrite_policy(struct datapath *datapath, uint32_t index,
			    const struct bl_policy_rows *before, const struct bl_policy_rows *after,
			    struct bl_err *err)
{
	bl_autoclose int fd = -1;
	int r = open_trie(datapath, index, &fd);

	for (size_t i = 0; r == 0 && before && i < before->n_items; i++)
		r = bpf_map_delete_elem(fd, &before->items[i].key);
	for (size_t i = 0; r == 0 && i < after->n_items; i++)
		r = bpf_map_update_elem(fd, &after->items[i].key, &after->items[i].entry, BPF_ANY);
	return r < 0 ? bl_fail_errno(err, r, "writing policy %u", index) : 0;
}

static void give_back_row(const struct bl_policy_key *key, const struct bl_policy_entry *entry,
			  void *data)
{
	rules_give_back(data, entry->counter);
}

int datapath_remove_policy(struct datapath *datapath, uint32_t index, struct bl_err *err)
{
	bool hurried;
	int r = read_index(datapath, index, give_back_row, datapath);

	if (r < 0)
		return bl_fail_errno(err, r, "reading policy %u", index);
	datapath->policy_rows[index] = 0;
	hurried = rcu_hurry(datapath->hurry);
	r = bpf_map_delete_elem(bpf_map__fd(datapath->skeleton->maps.bl_policies), &index);
	rcu_relax(datapath->hurry, hurried);
	return r < 0 && r != -ENOENT ? bl_fail_errno(err, r, "removing policy %u", index) : 0;
}

/* ---- what stands there -------------------------------------------------------------------------- */

struct rows {
	const struct datapath *datapath;
	struct bl_counter *counters; /* one per CPU */
	void (*fn)(const struct bl_policy_row *row, const struct bl_counter *counter, void *data);
	void *data;
};

static void hand_on(const struct bl_policy_key *key, const struct bl_policy_entry *entry,
		    void *data)
{
	const struct rows *rows = data;
	const struct bl_policy_row row = {*key, *entry};
	struct bl_counter total = rules_read(rows->datapath, entry->counter, rows->counters);

	rows->fn(&row, &total, rows->data);
}

int datapath_policy_rows(struct datapath *datapath, uint32_t index,
			 void (*fn)(const struct bl_policy_row *row,
				    const struct bl_counter *counter, void *data),
			 void *data, struct bl_err *err)
{
	bl_autofree struct bl_counter *counters =
		bl_alloc((size_t)datapath->n_cpus * sizeof(*counters));
	struct rows rows = {.datapath = datapath, .counters = counters, .fn = fn, .data = data};
	int r = read_index(datapath, index, hand_on, &rows);

	return r < 0 ? bl_fail_errno(err, r, "reading policy %u", index) : 0;
}

static void note_cookie(const struct bl_policy_key *key, const struct bl_policy_entry *entry,
			void *data)
{
	uint32_t *cookies = data;

	if (entry->counter && entry->counter < BL_RULES_MAX)
		cookies[entry->counter] = entry->cookie;
}

int datapath_policy_cookies(struct datapath *datapath, uint32_t index,
			    uint32_t ret_cookies[BL_RULES_MAX], struct bl_err *err)
{
	int r;

	memset(ret_cookies, 0, BL_RULES_MAX * sizeof(*ret_cookies));
	r = read_index(datapath, index, note_cookie, ret_cookies);
	return r < 0 ? bl_fail_errno(err, r, "reading policy %u", index) : 0;
}
