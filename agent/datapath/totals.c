// SPDX-License-Identifier: Apache-2.0
/*
 * What the programs have counted, of all endpoints at once: for metrics and for `beeline top`, which
 * must not cost a system call per counter. One endpoint's counters are in maps.c.
 *
 *   bl_traffic, bl_verdicts, bl_tallies and the like   read whole, in batches
 *   shares of bl_conntrack             1 MiB each: SETS_PER_LOOK sets in all, from every share alike
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <beeline/file.h>

#include "room.h"
#include "datapath.skel.h"

#define BATCH         1024
#define SETS_PER_LOOK 65536 /* 8 MiB: eight shares in full */

/* ---- arrays with a counter per CPU --------------------------------------------------------------- */

/* The first n entries, of value_size bytes per CPU each; the caller frees. */
static void *read_array(const struct bpf_map *map, uint32_t n, size_t value_size, int n_cpus)
{
	char *values = bl_alloc(((size_t)n + 1) * value_size * (size_t)n_cpus);
	bl_autofree uint32_t *keys = bl_alloc(((size_t)n + 1) * sizeof(*keys));
	uint32_t at, count = n;

	if (n &&
	    bpf_map_lookup_batch(bpf_map__fd(map), NULL, &at, keys, values, &count, NULL) < 0 &&
	    errno != ENOENT) {
		free(values);
		return NULL;
	}
	return values;
}

static int read_traffic(struct datapath *datapath, struct datapath_totals *totals)
{
	size_t n_cpus = (size_t)datapath->n_cpus;
	bl_autofree struct bl_counter *counters =
		read_array(datapath->skeleton->maps.bl_traffic, totals->n * BL_DIRECTIONS_MAX,
			   sizeof(*counters), datapath->n_cpus);

	if (!counters)
		return -errno;
	for (uint32_t i = 0; i < totals->n * BL_DIRECTIONS_MAX; i++)
		totals->traffic[i / BL_DIRECTIONS_MAX][i % BL_DIRECTIONS_MAX] =
			datapath_sum(&counters[i * n_cpus], datapath->n_cpus);
	return 0;
}

/* ret_lost: one for each of n indices, at zero. */
static int read_lost(const struct datapath *datapath, const struct bpf_map *map, uint32_t n,
		     uint64_t *ret_lost)
{
	size_t n_cpus = (size_t)datapath->n_cpus;
	bl_autofree uint64_t *counts = read_array(map, n, sizeof(*counts), datapath->n_cpus);

	if (!counts)
		return -errno;
	for (size_t i = 0; i < n * n_cpus; i++)
		ret_lost[i / n_cpus] += counts[i];
	return 0;
}

static int read_tallies(const struct datapath *datapath, struct datapath_totals *totals)
{
	size_t n_cpus = (size_t)datapath->n_cpus;
	bl_autofree struct bl_tally *tallies =
		read_array(datapath->skeleton->maps.bl_tallies, totals->n * BL_VM_DIRECTIONS,
			   sizeof(*tallies), datapath->n_cpus);

	if (!tallies)
		return -errno;
	for (size_t i = 0; i < totals->n * BL_VM_DIRECTIONS * n_cpus; i++) {
		size_t at = i / n_cpus;
		struct bl_tally *total =
			&totals->tallies[at / BL_VM_DIRECTIONS][at % BL_VM_DIRECTIONS];

		total->opened += tallies[i].opened;
		total->allowed += tallies[i].allowed;
		total->evicted += tallies[i].evicted;
	}
	return 0;
}

static int read_handshakes(const struct datapath *datapath, struct datapath_totals *totals)
{
	bl_autofree struct bl_handshakes *handshakes =
		read_array(datapath->skeleton->maps.bl_handshakes, totals->n * BL_VM_DIRECTIONS,
			   sizeof(*handshakes), 1);

	if (!handshakes)
		return -errno;
	for (size_t i = 0; i < totals->n * BL_VM_DIRECTIONS; i++) {
		struct datapath_handshakes *total =
			&totals->handshakes[i / BL_VM_DIRECTIONS][i % BL_VM_DIRECTIONS];

		total->sum_ns = handshakes[i].sum << BL_HANDSHAKE_SHIFT;
		for (int k = 0; k <= BL_HANDSHAKE_BOUNDS; k++)
			total->counts[k] = handshakes[i].counts[k];
	}
	return 0;
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

static int compare_verdicts(const void *a, const void *b)
{
	const struct bl_verdict_key *x = &((const struct datapath_verdict *)a)->key;
	const struct bl_verdict_key *y = &((const struct datapath_verdict *)b)->key;

	if (x->endpoint != y->endpoint)
		return x->endpoint < y->endpoint ? -1 : 1;
	return x->direction != y->direction ? x->direction - y->direction : x->reason - y->reason;
}

static int read_verdicts(struct datapath *datapath, struct datapath_totals *totals)
{
	const struct bpf_map *map = datapath->skeleton->maps.bl_verdicts;
	size_t n_cpus = (size_t)datapath->n_cpus, max = bpf_map__max_entries(map);
	bl_autofree struct bl_counter *counters = bl_alloc(BATCH * n_cpus * sizeof(*counters));
	bl_autofree struct bl_verdict_key *keys = bl_alloc(BATCH * sizeof(*keys));
	uint32_t at, n = 0;
	bool first = true;
	int r = 0;

	totals->max_verdicts = max;
	totals->verdicts = bl_alloc((max + 1) * sizeof(*totals->verdicts));
	for (; r == 0 && totals->n_verdicts < max; first = false) {
		n = BATCH;
		r = bpf_map_lookup_batch(bpf_map__fd(map), first ? NULL : &at, &at, keys, counters,
					 &n, NULL);
		if (r < 0 && r != -ENOENT)
			return r;
		for (uint32_t i = 0; i < n && totals->n_verdicts < max; i++)
			totals->verdicts[totals->n_verdicts++] = (struct datapath_verdict){
				keys[i], datapath_sum(&counters[i * n_cpus], datapath->n_cpus)};
	}
	qsort(totals->verdicts, totals->n_verdicts, sizeof(*totals->verdicts), compare_verdicts);
	return 0;
}

/* ---- connections --------------------------------------------------------------------------------- */

static uint64_t n_living(const struct bl_ct_set *sets, uint32_t n, uint32_t now)
{
	uint64_t living = 0;

	for (uint32_t i = 0; i < n; i++)
		for (int way = 0; way < BL_CT_WAYS; way++)
			living += sets[i].ways[way].owner != BL_CT_FREE &&
				  sets[i].ways[way].expires >= now;
	return living;
}

/* What one look at the shares has to do. */
struct look {
	int conntrack;
	uint32_t sets; /* to read of each share */
	uint32_t turn; /* which part of it */
	uint32_t now;
	struct bl_ct_set *room;
	uint32_t *keys;
};

static struct datapath_fill look_into(const struct look *look, uint32_t index)
{
	struct bpf_map_info info = {0};
	uint32_t id, at, before, n, len = sizeof(info), parts;
	bl_autoclose int fd = -1;

	if (bpf_map_lookup_elem(look->conntrack, &index, &id) < 0)
		return (struct datapath_fill){0};
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return (struct datapath_fill){0};
	n = info.max_entries < look->sets ? info.max_entries : look->sets;
	parts = info.max_entries / n;
	/* a batch begins after the key that it is given */
	before = look->turn % parts * n - 1;
	if (bpf_map_lookup_batch(fd, look->turn % parts ? &before : NULL, &at, look->keys,
				 look->room, &n, NULL) < 0 &&
	    errno != ENOENT)
		n = 0;
	return (struct datapath_fill){
		.capacity = (uint64_t)info.max_entries * BL_CT_WAYS,
		.used = n ? n_living(look->room, n, look->now) * info.max_entries / n : 0,
	};
}

static void read_fill(struct datapath *datapath, struct datapath_totals *totals)
{
	uint32_t share = SETS_PER_LOOK / (totals->n ? totals->n : 1);
	uint32_t sets = share < BL_CT_SETS ? share : BL_CT_SETS;
	bl_autofree struct bl_ct_set *room = bl_alloc(sets * sizeof(*room));
	bl_autofree uint32_t *keys = bl_alloc(sets * sizeof(*keys));
	const struct look look = {
		.conntrack = bpf_map__fd(datapath->skeleton->maps.bl_conntrack),
		.sets = sets,
		.turn = datapath->looks++,
		.now = datapath_ct_now(datapath),
		.room = room,
		.keys = keys,
	};

	for (uint32_t i = 0; i < totals->n; i++)
		totals->fill[i] = look_into(&look, i);
}

/* ---- all of it ----------------------------------------------------------------------------------- */

static void count_rules(const struct datapath *datapath, struct datapath_totals *totals)
{
	totals->max_rules = BL_RULES_MAX - 1; /* 0 means none */
	for (size_t i = 0; i < BL_RULES_MAX / 64; i++)
		totals->n_rules += (size_t)__builtin_popcountll(datapath->rules[i]);
}

static int read_counters(struct datapath *datapath, struct datapath_totals *totals)
{
	const struct bpf_map *lost = datapath->skeleton->maps.bl_lost;
	const struct bpf_map *capture_lost = datapath->skeleton->maps.bl_capture_lost;
	int r = read_traffic(datapath, totals);

	if (r == 0)
		r = read_tallies(datapath, totals);
	if (r == 0)
		r = read_handshakes(datapath, totals);
	if (r == 0)
		r = read_lost(datapath, lost, totals->n, totals->lost);
	if (r == 0)
		r = read_lost(datapath, capture_lost, totals->n, totals->capture_lost);
	return r == 0 ? read_verdicts(datapath, totals) : r;
}

int datapath_totals_new(struct datapath *datapath, uint32_t n, struct datapath_totals **ret_totals,
			struct bl_err *err)
{
	bl_auto_datapath_totals struct datapath_totals *totals = bl_alloc(sizeof(*totals));
	int r;

	totals->n = n < BL_ENDPOINTS_MAX ? n : BL_ENDPOINTS_MAX;
	r = read_counters(datapath, totals);
	if (r < 0)
		return bl_fail_errno(err, r, "reading the counters");
	read_fill(datapath, totals);
	count_rules(datapath, totals);
	memcpy(totals->policy_rows, datapath->policy_rows, sizeof(totals->policy_rows));
	*ret_totals = bl_take_ptr(totals);
	return 0;
}

void datapath_totals_free(struct datapath_totals *totals)
{
	if (!totals)
		return;
	free(totals->verdicts);
	free(totals);
}

int datapath_check(struct datapath *datapath, struct bl_err *err)
{
	const uint32_t zero = 0;
	struct bl_config config;
	int r = bpf_map_lookup_elem(bpf_map__fd(datapath->skeleton->maps.bl_config), &zero,
				    &config);

	return r < 0 ? bl_fail_errno(err, r, "reading map 'bl_config'") : 0;
}
