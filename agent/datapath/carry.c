// SPDX-License-Identifier: Apache-2.0
/*
 * Map to map: see the header.
 *
 * Connections are not copied like other values, because programs insert while they are carried: a
 * program (bl_ct_restore) puts each into its place under the rules that programs have among
 * themselves. So shares need not agree in size nor layouts in their hash.
 */
#include "carry.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <beeline/file.h>

#include "datapath.skel.h"
#include "layout.h"
#include "rcu.h"

#define SETS_AT_ONCE 256
/* A way is claimed for nanoseconds. */

BL_DEFINE_AUTO(btf, struct btf *, btf__free)
#define bl_auto_btf bl_cleanup(bl_auto_btf_fn)

static int map_info(int fd, struct bpf_map_info *ret_info, struct bl_err *err)
{
	uint32_t len = sizeof(*ret_info);

	memset(ret_info, 0, len);
	if (bpf_obj_get_info_by_fd(fd, ret_info, &len) < 0)
		return bl_fail_errno(err, -errno, "asking the kernel about a map");
	return 0;
}

/* The types of a map's values; the caller frees ret_btf. */
static int value_layout(const struct bpf_map_info *info, struct btf **ret_btf,
			struct layout *ret_layout, struct bl_err *err)
{
	if (info->btf_value_type_id == 0)
		return bl_fail(err, -ESTALE, "map '%s' does not say what its values are",
			       info->name);
	*ret_btf = btf__load_from_kernel_by_id(info->btf_id);
	if (!*ret_btf)
		return bl_fail_errno(err, -errno, "reading the types of map '%s'", info->name);
	*ret_layout = (struct layout){*ret_btf, info->btf_value_type_id};
	return 0;
}

/* ---- is it needed? --------------------------------------------------------------------------- */

int carry_needless(struct datapath *datapath, const struct bpf_map *map, int before,
		   struct bl_err *err)
{
	const struct layout ours = {bpf_object__btf(datapath->skeleton->obj),
				    bpf_map__btf_value_type_id(map)};
	bl_auto_btf struct btf *btf = NULL;
	struct layout theirs;
	struct bpf_map_info info;
	int r = map_info(before, &info, err);

	if (r < 0)
		return r;
	if (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map))
		return bl_fail(err, -ESTALE, "map '%s' has other keys than ours", info.name);
	if (info.max_entries > bpf_map__max_entries(map))
		return bl_fail(err, -ESTALE, "map '%s' has %u entries and ours would have %u",
			       info.name, info.max_entries, bpf_map__max_entries(map));
	if (info.type == BPF_MAP_TYPE_RINGBUF || /* what nobody has read by now nobody will */
	    info.type == BPF_MAP_TYPE_ARRAY_OF_MAPS || info.map_flags != bpf_map__map_flags(map) ||
	    info.max_entries != bpf_map__max_entries(map))
		return 0;
	r = value_layout(&info, &btf, &theirs, err);
	return r < 0 ? r : layout_same(theirs, ours);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* One map's values under one key: for each CPU where the map is per CPU, at steps of eight bytes. */
struct values {
	struct layout layout;
	size_t step;
	int n;
};

static struct values values_of(const struct bpf_map_info *info, struct layout layout)
{
	bool per_cpu =
		info->type == BPF_MAP_TYPE_PERCPU_ARRAY || info->type == BPF_MAP_TYPE_PERCPU_HASH;

	return (struct values){layout, (info->value_size + 7u) & ~7u,
			       per_cpu ? libbpf_num_possible_cpus() : 1};
}

static int copy_values(int before, const struct values *from, int after, const struct values *to,
		       uint32_t key_size, struct bl_err *err)
{
	bl_autofree uint8_t *old = bl_alloc((size_t)from->n * from->step);
	bl_autofree uint8_t *new = bl_alloc((size_t)to->n * to->step);
	bl_autofree uint8_t *key = bl_alloc(key_size);
	int r = bpf_map_get_next_key(before, NULL, key);

	for (; r == 0; r = bpf_map_get_next_key(before, key, key)) {
		if (bpf_map_lookup_elem(before, key, old) < 0)
			continue;
		for (int i = 0; i < from->n; i++)
			layout_convert(from->layout, old + (size_t)i * from->step, to->layout,
				       new + (size_t)i * to->step);
		r = bpf_map_update_elem(after, key, new, BPF_ANY);
		if (r < 0)
			return bl_fail_errno(err, r, "carrying a value over");
	}
	return r == -ENOENT ? 0 : bl_fail_errno(err, r, "walking through a map");
}

int carry_values(int before, int after, struct bl_err *err)
{
	bl_auto_btf struct btf *old_btf = NULL, *new_btf = NULL;
	struct bpf_map_info old_info, new_info;
	struct layout old = {0}, new = {0};
	struct values from, to;
	int r = map_info(before, &old_info, err);

	if (r == 0)
		r = map_info(after, &new_info, err);
	if (r < 0 || old_info.type == BPF_MAP_TYPE_RINGBUF)
		return r;
	r = value_layout(&old_info, &old_btf, &old, err);
	if (r == 0)
		r = value_layout(&new_info, &new_btf, &new, err);
	if (r < 0)
		return r;
	from = values_of(&old_info, old);
	to = values_of(&new_info, new);
	return copy_values(before, &from, after, &to, old_info.key_size, err);
}

/* ---- maps in maps ---------------------------------------------------------------------------- */

/* The map that stands at an index of an outer one; -ENOENT: none. */
static int open_inner(int outer, uint32_t index)
{
	uint32_t id;

	if (bpf_map_lookup_elem(outer, &index, &id) < 0)
		return -ENOENT;
	return bpf_map_get_fd_by_id(id);
}

int carry_inner_maps(struct datapath *datapath, int before, int after, struct bl_err *err)
{
	bool hurried = rcu_hurry(datapath->hurry);
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < BL_ENDPOINTS_MAX; i++) {
		bl_autoclose int inner = open_inner(before, i);

		if (inner == -ENOENT)
			continue;
		r = inner < 0 ? inner : bpf_map_update_elem(after, &i, &inner, BPF_ANY);
	}
	rcu_relax(datapath->hurry, hurried);
	return r < 0 ? bl_fail_errno(err, r, "sharing an inner map") : 0;
}

/* ---- connections ----------------------------------------------------------------------------- */

/* Shares of one endpoint, with the types of the old one. */
struct share {
	uint32_t index;
	int fd;
	struct bpf_map_info info;
	struct layout_array ways;
};

static struct layout our_type(const struct datapath *datapath, const char *name)
{
	const struct btf *btf = bpf_object__btf(datapath->skeleton->obj);

	return (struct layout){btf, (uint32_t)btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT)};
}

/* Shares that do not say what they hold are of a layout that we know by heart. */
static int share_layout(const struct datapath *datapath, uint32_t version, struct share *share,
			struct btf **ret_btf, struct bl_err *err)
{
	struct layout set = our_type(datapath, version == 1 ? "bl_ct_set_1" : "bl_ct_set");
	int r = 0;

	if (share->info.btf_value_type_id != 0)
		r = value_layout(&share->info, ret_btf, &set, err);
	if (r < 0)
		return r;
	if (btf__resolve_size(set.btf, set.type) != share->info.value_size ||
	    !layout_find_array(set, "ways", &share->ways))
		return bl_fail(err, -ESTALE, "what conntrack share %u holds is not known",
			       share->index);
	return 0;
}

static int for_each_share(struct datapath *datapath, int before, uint32_t version,
			  int (*fn)(struct datapath *datapath, const struct share *share,
				    struct bl_err *err),
			  struct bl_err *err)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < BL_ENDPOINTS_MAX; i++) {
		bl_autoclose int fd = open_inner(before, i);
		bl_auto_btf struct btf *btf = NULL;
		struct share share = {.index = i, .fd = fd};

		if (fd == -ENOENT)
			continue;
		r = fd < 0 ? bl_fail_errno(err, fd, "opening conntrack share %u", i)
			   : map_info(fd, &share.info, err);
		if (r == 0)
			r = share_layout(datapath, version, &share, &btf, err);
		if (r == 0)
			r = fn(datapath, &share, err);
	}
	return r;
}

/* The entry of the endpoint says how large its share is. */
static int make_share(struct datapath *datapath, const struct share *share, struct bl_err *err)
{
	return datapath_make_share(datapath, share->index, share->info.max_entries, err);
}

int carry_shares(struct datapath *datapath, int before, uint32_t version, struct bl_err *err)
{
	return for_each_share(datapath, before, version, make_share, err);
}

/* Most entries are empty, and looking through one by its members' names takes time. */
static bool is_empty(const uint8_t *bytes, size_t n)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0;
}

static int put_back_set(struct datapath *datapath, const struct share *share, const uint8_t *set,
			struct bl_err *err)
{
	const struct bpf_program *put_back = datapath->skeleton->progs.bl_ct_restore;
	const struct layout ours = our_type(datapath, "bl_ct_entry");
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < share->ways.n; i++) {
		const uint8_t *way = set + share->ways.offset + i * share->ways.size;
		struct bl_ct_order order = {.endpoint = share->index};

		if (is_empty(way, share->ways.size))
			continue;
		layout_convert(share->ways.element, way, ours, &order.entry);
		if (order.entry.expires != 0 && order.entry.expires != BL_CT_CLAIMED)
			r = datapath_order(datapath, put_back, &order, NULL, err);
	}
	return r;
}

static int put_back_share(struct datapath *datapath, const struct share *share, struct bl_err *err)
{
	size_t size = share->info.value_size;
	bl_autofree uint8_t *sets = bl_alloc(SETS_AT_ONCE * size);
	uint32_t keys[SETS_AT_ONCE], n, at = 0;
	int r = 0, more = 0;

	for (bool first = true; r == 0 && more == 0; first = false) {
		n = SETS_AT_ONCE;
		more = bpf_map_lookup_batch(share->fd, first ? NULL : &at, &at, keys, sets, &n,
					    NULL);
		if (more < 0 && more != -ENOENT)
			return bl_fail_errno(err, more, "reading conntrack share %u", share->index);
		for (uint32_t i = 0; r == 0 && i < n; i++)
			r = put_back_set(datapath, share, sets + i * size, err);
	}
	return r;
}

int carry_connections(struct datapath *datapath, int before, uint32_t version, struct bl_err *err)
{
	return for_each_share(datapath, before, version, put_back_share, err);
}
