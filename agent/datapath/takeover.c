// SPDX-License-Identifier: Apache-2.0
/* The order in which programs of one layout follow those of another: see the header. */
#include "takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <beeline/file.h>
#include <beeline/log.h>

#include "carry.h"
#include "datapath.skel.h"
#include "slot.h"

char *takeover_path(const char *bpffs_dir, const char *set, const char *map)
{
	return bl_format("%s/%s/%s", bpffs_dir, set, map);
}

/* A negative errno when there is none. */
static int open_pinned(const struct datapath *datapath, const char *set, const char *map)
{
	bl_autofree char *path = takeover_path(datapath->bpffs_dir, set, map);

	return bpf_obj_get(path);
}

/* ---- what is there --------------------------------------------------------------------------- */

/* The layout of a set of pinned maps; 0: none, or not complete. */
static int set_version(const char *bpffs_dir, const char *set, uint32_t *ret_version,
		       struct bl_err *err)
{
	bl_autofree char *path = takeover_path(bpffs_dir, set, "bl_config");
	bl_autoclose int fd = bpf_obj_get(path);
	struct bpf_map_info info = {0};
	uint32_t info_len = sizeof(info), key = 0;
	bl_autofree uint32_t *config = NULL;

	*ret_version = 0;
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return bl_fail_errno(err, fd, "opening pinned map '%s'", path);
	if (bpf_obj_get_info_by_fd(fd, &info, &info_len) < 0 || info.type != BPF_MAP_TYPE_ARRAY ||
	    info.value_size < sizeof(*config))
		return bl_fail(err, -ESTALE, "pinned map '%s' is not one of ours", path);
	config = bl_alloc(info.value_size); /* the version comes first in every layout */
	if (bpf_map_lookup_elem(fd, &key, config) < 0)
		return bl_fail_errno(err, -errno, "reading pinned map '%s'", path);
	*ret_version = config[0];
	return 0;
}

static int remove_other(const char *bpffs_dir, struct bl_err *err)
{
	bl_autofree char *other = bl_format("%s/%s", bpffs_dir, TAKEOVER_OTHER);

	return bl_dir_remove(other, err);
}

int takeover_look(const char *bpffs_dir, enum takeover *ret_takeover, struct bl_err *err)
{
	uint32_t version, other;
	bool begun;
	int r = set_version(bpffs_dir, TAKEOVER_MAPS, &version, err);

	if (r == 0)
		r = set_version(bpffs_dir, TAKEOVER_OTHER, &other, err);
	if (r < 0)
		return r;
	begun = other != 0 && other < version;
	if (version > BL_ABI_VERSION || (begun && version != BL_ABI_VERSION))
		return bl_fail(
			err, -ESTALE,
			"the maps pinned below '%s' have layout %u%s and this agent speaks %u: "
			"run the release that made them, or delete its endpoints first",
			bpffs_dir, version, begun ? ", taken over by half," : "", BL_ABI_VERSION);
	*ret_takeover = begun                                      ? TAKEOVER_GO_ON
			: version != 0 && version < BL_ABI_VERSION ? TAKEOVER_WHOLE
								   : TAKEOVER_NONE;
	return begun ? 0 : remove_other(bpffs_dir, err);
}

/* ---- before the programs are loaded ---------------------------------------------------------- */

/* libbpf takes over a pinned map only if it fits; this says beforehand, and readably, why not. */
static int check_map(const struct bpf_map *map, const char *path, struct bl_err *err)
{
	bl_autoclose int fd = bpf_obj_get(path);
	struct bpf_map_info info = {0};
	uint32_t info_len = sizeof(info);

	if (fd == -ENOENT)
		return 0;
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &info_len) < 0)
		return bl_fail_errno(err, fd < 0 ? fd : -errno, "opening pinned map '%s'", path);
	if (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
	    info.value_size != bpf_map__value_size(map) ||
	    info.max_entries != bpf_map__max_entries(map))
		return bl_fail(err, -ESTALE,
			       "pinned map '%s' has another layout (key %u, value %u, entries %u) "
			       "than this agent's (%u, %u, %u)",
			       path, info.key_size, info.value_size, info.max_entries,
			       bpf_map__key_size(map), bpf_map__value_size(map),
			       bpf_map__max_entries(map));
	return 0;
}

static bool is_map(const struct bpf_map *map, const char *name)
{
	return strcmp(bpf_map__name(map), name) == 0;
}

/* Which layout a set has, and who its elders are, is of one set alone. bl_progs belongs to the stubs,
 * whatever the layout. Negative, or whether the new programs can go on with the old map. */
static int may_keep(struct datapath *datapath, const struct bpf_map *map, int before,
		    struct bl_err *err)
{
	if (is_map(map, "bl_config") || is_map(map, "bl_elders"))
		return 0;
	return is_map(map, "bl_progs") ? 1 : carry_needless(datapath, map, before, err);
}

/* Step 1: pins a map of the old set in the new one too, if the new programs can go on with it. */
static int keep_map(struct datapath *datapath, const struct bpf_map *map, const char *path,
		    struct bl_err *err)
{
	bl_autoclose int before = open_pinned(datapath, TAKEOVER_MAPS, bpf_map__name(map));
	int r;

	if (before == -ENOENT)
		return 0;
	if (before < 0)
		return bl_fail_errno(err, before, "opening pinned map '%s'", bpf_map__name(map));
	r = may_keep(datapath, map, before, err);
	if (r == 1 && bpf_obj_pin(before, path) < 0)
		return bl_fail_errno(err, -errno, "pinning '%s'", path);
	return r < 0 ? r : 0;
}

static int place_map(struct datapath *datapath, struct bpf_map *map, enum takeover takeover,
		     struct bl_err *err)
{
	bool whole = takeover == TAKEOVER_WHOLE;
	bl_autofree char *path = takeover_path(
		datapath->bpffs_dir, whole ? TAKEOVER_OTHER : TAKEOVER_MAPS, bpf_map__name(map));
	int r = whole ? keep_map(datapath, map, path, err) : 0;

	if (r == 0)
		r = check_map(map, path, err);
	if (r < 0)
		return r;
	r = bpf_map__set_pin_path(map, path);
	return r < 0 ? bl_fail_errno(err, r, "placing map '%s'", bpf_map__name(map)) : 0;
}

/* Of all maps but constants, which go with their program. */
static int for_each_map(struct datapath *datapath,
			int (*fn)(struct datapath *datapath, struct bpf_map *map,
				  enum takeover takeover, struct bl_err *err),
			enum takeover takeover, struct bl_err *err)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, datapath->skeleton->obj)
	{
		int r = bpf_map__is_internal(map) ? 0 : fn(datapath, map, takeover, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int takeover_place(struct datapath *datapath, enum takeover takeover, struct bl_err *err)
{
	bl_autofree char *other = takeover_path(datapath->bpffs_dir, TAKEOVER_OTHER, "");
	int r = takeover == TAKEOVER_WHOLE ? bl_dir_make(other, 0700, err) : 0;

	return r < 0 ? r : for_each_map(datapath, place_map, takeover, err);
}

/* ---- when they are --------------------------------------------------------------------------- */

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 ? info.id : 0;
}

/* Step 1. Layout 1 had no policies; whatever else is new begins empty as well. */
static int fill_map(struct datapath *datapath, struct bpf_map *map, enum takeover takeover,
		    struct bl_err *err)
{
	bl_autoclose int before = open_pinned(datapath, TAKEOVER_MAPS, bpf_map__name(map));
	int after = bpf_map__fd(map), r;
	uint32_t version;

	if (before < 0 || map_id(before) == map_id(after) || is_map(map, "bl_elders"))
		return 0;
	r = set_version(datapath->bpffs_dir, TAKEOVER_MAPS, &version, err);
	if (r < 0)
		return r;
	if (is_map(map, "bl_conntrack"))
		r = carry_shares(datapath, before, version, err);
	else if (bpf_map__type(map) == BPF_MAP_TYPE_ARRAY_OF_MAPS)
		r = carry_inner_maps(datapath, before, after, err);
	else
		r = carry_values(before, after, err);
	return r < 0 ? bl_wrap(err, "map '%s'", bpf_map__name(map)) : 0;
}

/* Step 2. */
static int exchange(const struct datapath *datapath, struct bl_err *err)
{
	bl_autofree char *ours = takeover_path(datapath->bpffs_dir, TAKEOVER_OTHER, "");
	bl_autofree char *theirs = takeover_path(datapath->bpffs_dir, TAKEOVER_MAPS, "");

	if (renameat2(AT_FDCWD, ours, AT_FDCWD, theirs, RENAME_EXCHANGE) < 0)
		return bl_fail_errno(err, -errno, "exchanging '%s' and '%s'", ours, theirs);
	return 0;
}

/* Step 3. Elders come first: a program that is called needs its own at once. */
static int switch_programs(struct datapath *datapath, struct bl_err *err)
{
	bl_autoclose int config = open_pinned(datapath, TAKEOVER_OTHER, "bl_config");
	int elders = bpf_map__fd(datapath->skeleton->maps.bl_elders);
	int r = slots_copy(datapath->progs_fd, elders, map_id(config), err);

	return r == 0 ? slots_write(datapath, err) : r;
}

/* Step 4. To the VM, new connections are judged by what they are and not by who knows them, so that
 * its elder may go while others still know what it let in. */
static int hand_over_connections(struct datapath *datapath, struct bl_err *err)
{
	bl_autoclose int before = open_pinned(datapath, TAKEOVER_OTHER, "bl_conntrack");
	int elders = bpf_map__fd(datapath->skeleton->maps.bl_elders);
	uint32_t version;
	int r = before < 0 ? bl_fail_errno(err, before, "opening the connections of before")
			   : set_version(datapath->bpffs_dir, TAKEOVER_OTHER, &version, err);

	if (r == 0)
		r = carry_connections(datapath, before, version, err);
	if (r == 0)
		r = slots_empty(elders, BL_TO_VM, err);
	if (r == 0)
		r = carry_connections(datapath, before, version, err);
	for (int i = 0; r == 0 && i < BL_DIRECTIONS_MAX; i++)
		r = slots_empty(elders, (enum bl_direction)i, err);
	return r;
}

static int finish(struct datapath *datapath, struct bl_err *err)
{
	int r = switch_programs(datapath, err);

	if (r == 0)
		r = hand_over_connections(datapath, err);
	if (r == 0)
		r = remove_other(datapath->bpffs_dir, err);
	if (r == 0)
		bl_info("took over from programs of an older layout");
	return r;
}

/* What must stand before a program of ours runs. The version, which makes a set complete, comes last. */
static int prepare(struct datapath *datapath, enum takeover takeover, struct bl_err *err)
{
	bool whole = takeover == TAKEOVER_WHOLE;
	int r = whole ? for_each_map(datapath, fill_map, takeover, err) : 0;

	if (r == 0)
		r = datapath_adopt_policies(datapath, err);
	if (r == 0)
		r = datapath_sample(datapath, false, 0, err);
	if (r == 0 && whole)
		r = exchange(datapath, err);
	if (r < 0 && whole)
		remove_other(datapath->bpffs_dir, NULL);
	return r;
}

int takeover_run(struct datapath *datapath, enum takeover takeover, struct bl_err *err)
{
	int r = prepare(datapath, takeover, err);

	if (r < 0)
		return r;
	return takeover == TAKEOVER_NONE ? slots_write(datapath, err) : finish(datapath, err);
}
