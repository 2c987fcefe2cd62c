// SPDX-License-Identifier: Apache-2.0
/*
 * An endpoint's connections: read from its share, and taken out of it.
 *
 * The share is the programs': a set that was written from here would undo what they wrote into it in the
 * meantime. So an entry is taken out by a program (bl_ct_forget), under the rules that programs have among
 * themselves.
 */
#include <errno.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <beeline/file.h>

#include "room.h"
#include "datapath.skel.h"

#define TRIES 100 /* at a way that another CPU writes */

/* ---- time ---------------------------------------------------------------------------------------- */

static uint64_t tick_ns(void)
{
	struct timespec tick = {.tv_nsec = 4000000};

	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	return (uint64_t)tick.tv_nsec;
}

/* The kernel's ticks begin at the 2^32 that come 300 seconds after its start (INITIAL_JIFFIES) and go on
 * with CLOCK_MONOTONIC. */
uint32_t datapath_ct_now(const struct datapath *datapath)
{
	uint64_t tick = tick_ns(), hz = 1000000000 / tick, ticks;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ticks = ((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec) / tick;
	return (uint32_t)((ticks + (1ull << 32) - 300 * hz) >>
			  datapath->skeleton->rodata->bl_tick_shift);
}

/* ---- reading ------------------------------------------------------------------------------------- */

/* What one look hands on. */
struct look {
	datapath_connection_fn *fn;
	void *data;
	uint64_t unit_ns;
	uint32_t now;
};

static void hand_on(const struct look *look, const struct bl_ct_set *set)
{
	for (int i = 0; i < BL_CT_WAYS; i++) {
		const struct bl_ct_entry *entry = &set->ways[i];
		uint64_t left = entry->expires - look->now;

		if (entry->expires >= look->now && entry->expires != BL_CT_CLAIMED)
			look->fn(entry, (uint32_t)(left * look->unit_ns / 1000000000), look->data);
	}
}

/* The share that stands at an index, and its size; -ENOENT: none. */
static int open_share(const struct datapath *datapath, uint32_t index, uint32_t *ret_sets)
{
	struct bpf_map_info info = {0};
	uint32_t id, len = sizeof(info);
	int fd;

	if (bpf_map_lookup_elem(bpf_map__fd(datapath->skeleton->maps.bl_conntrack), &index, &id) <
	    0)
		return -ENOENT;
	fd = bpf_map_get_fd_by_id(id);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0) {
		if (fd >= 0)
			close(fd);
		return -ENOENT;
	}
	*ret_sets = info.max_entries;
	return fd;
}

int datapath_connections(struct datapath *datapath, uint32_t index, uint32_t first,
			 datapath_connection_fn *fn, void *data, uint32_t *ret_next,
			 struct bl_err *err)
{
	bl_autofree struct bl_ct_set *sets = bl_alloc(DATAPATH_CT_SETS * sizeof(*sets));
	bl_autofree uint32_t *keys = bl_alloc(DATAPATH_CT_SETS * sizeof(*keys));
	uint32_t n = DATAPATH_CT_SETS, n_sets, before = first - 1, at;
	bl_autoclose int fd = open_share(datapath, index, &n_sets);
	const struct look look = {
		.fn = fn,
		.data = data,
		.unit_ns = tick_ns() << datapath->skeleton->rodata->bl_tick_shift,
		.now = datapath_ct_now(datapath),
	};

	int r;

	*ret_next = 0;
	if (fd < 0 || first >= n_sets)
		return 0;
	/* a batch begins after the key that it is given */
	r = bpf_map_lookup_batch(fd, first ? &before : NULL, &at, keys, sets, &n, NULL);
	if (r < 0 && r != -ENOENT)
		return bl_fail_errno(err, r, "reading conntrack share %u", index);
	for (uint32_t i = 0; i < n; i++)
		hand_on(&look, &sets[i]);
	*ret_next = first + n < n_sets ? first + n : 0;
	return 0;
}

/* ---- orders -------------------------------------------------------------------------------------- */

int datapath_order(struct datapath *datapath, const struct bpf_program *program,
		   const struct bl_ct_order *order, enum bl_ct_outcome *ret_outcome,
		   struct bl_err *err)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = order, .data_size_in = sizeof(*order));

	for (int i = 0; i < TRIES; i++) {
		int r = bpf_prog_test_run_opts(bpf_program__fd(program), &opts);

		if (r < 0)
			return bl_fail_errno(err, r, "running program '%s'",
					     bpf_program__name(program));
		if (opts.retval == BL_CT_BUSY)
			continue;
		if (ret_outcome)
			*ret_outcome = (enum bl_ct_outcome)opts.retval;
		return 0;
	}
	return bl_fail(err, -EBUSY, "a set of connections stays claimed");
}

int datapath_forget(struct datapath *datapath, uint32_t index, const struct bl_ct_entry *entry,
		    bool *ret_was, struct bl_err *err)
{
	const struct bl_ct_order order = {.endpoint = index, .entry = *entry};
	enum bl_ct_outcome outcome = BL_CT_ABSENT;
	int r = datapath_order(datapath, datapath->skeleton->progs.bl_ct_forget, &order, &outcome,
			       err);

	*ret_was = r == 0 && outcome == BL_CT_DONE;
	return r;
}
