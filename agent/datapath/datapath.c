// SPDX-License-Identifier: Apache-2.0
/*
 * Loading of the shared programs and access to their maps.
 *
 * Maps outlive programs, programs outlive agents: an agent that starts takes over the pinned maps,
 * loads the programs that it brought along on top of them, and writes each slot of bl_progs once.
 * From that write on all endpoints run the new programs; no link is touched. A map whose layout
 * differs from what the new programs expect ends the start with an error, and the old programs go on.
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <linux/magic.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <beeline/file.h>
#include <beeline/log.h>

#include "room.h"
#include "datapath.skel.h"
#include "rcu.h"

#define BPFFS_ROOT "/sys/fs/bpf"

const char *datapath_mode_name(enum datapath_mode mode)
{
	static const char *const names[] = {"auto", "tcx", "clsact"};

	return names[mode];
}

enum datapath_mode datapath_mode(const struct datapath *datapath)
{
	return datapath->mode;
}

char *datapath_endpoint_dir(const struct datapath *datapath, const char *endpoint)
{
	char *path = bl_format("%s/%*s", datapath->bpffs_dir, (int)(3 * strlen(endpoint)), "");
	char *at = path + strlen(datapath->bpffs_dir) + 1;

	for (const char *c = endpoint; *c; c++) {
		if (*c == '.' || *c == '%')
			at += snprintf(at, 4, "%%%02x", *c);
		else
			*at++ = *c;
	}
	*at = '\0';
	return path;
}

static char *map_path(const char *bpffs_dir, const char *map)
{
	return bl_format("%s/maps/%s", bpffs_dir, map);
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

static int prepare_dir(const char *bpffs_dir, struct bl_err *err)
{
	bl_autofree char *maps = map_path(bpffs_dir, "");

	if (strncmp(bpffs_dir, BPFFS_ROOT "/", strlen(BPFFS_ROOT "/")) == 0 &&
	    !is_bpffs(BPFFS_ROOT) && mount("bpf", BPFFS_ROOT, "bpf", 0, "mode=0700") < 0)
		return bl_fail_errno(err, -errno, "mounting bpffs at " BPFFS_ROOT);
	if (bl_dir_make(maps, 0700, err) < 0)
		return bl_wrap(err, "making the folder of pins");
	if (!is_bpffs(bpffs_dir))
		return bl_fail(err, -EINVAL, "'%s' is not on a bpffs", bpffs_dir);
	return 0;
}

/* The layout that wrote the pinned maps; 0 when there are none. */
static int pinned_version(const char *bpffs_dir, uint32_t *ret_version, struct bl_err *err)
{
	bl_autofree char *path = map_path(bpffs_dir, "bl_config");
	bl_autoclose int fd = bpf_obj_get(path);
	struct bl_config config = {0};
	struct bpf_map_info info = {0};
	uint32_t info_len = sizeof(info), key = 0;

	*ret_version = 0;
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return bl_fail_errno(err, fd, "opening pinned map '%s'", path);
	if (bpf_obj_get_info_by_fd(fd, &info, &info_len) < 0 || info.value_size != sizeof(config) ||
	    bpf_map_lookup_elem(fd, &key, &config) < 0)
		return bl_fail(err, -ESTALE, "pinned map '%s' is not one of ours", path);
	*ret_version = config.version;
	return 0;
}

static int check_version(const char *bpffs_dir, struct bl_err *err)
{
	uint32_t version;
	int r = pinned_version(bpffs_dir, &version, err);

	if (r < 0)
		return r;
	if (version != 0 && version != BL_ABI_VERSION)
		return bl_fail(
			err, -ESTALE,
			"the maps pinned below '%s' have layout %u and this agent speaks %u: "
			"run the release that made them, or delete its endpoints first",
			bpffs_dir, version, BL_ABI_VERSION);
	return 0;
}

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

static int place_maps(struct datapath *datapath, struct bl_err *err)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, datapath->skeleton->obj)
	{
		bl_autofree char *path = map_path(datapath->bpffs_dir, bpf_map__name(map));
		int r;

		if (bpf_map__is_internal(map)) /* constants go with their program */
			continue;
		r = check_map(map, path, err);
		if (r < 0)
			return r;
		r = bpf_map__set_pin_path(map, path);
		if (r < 0)
			return bl_fail_errno(err, r, "placing map '%s'", bpf_map__name(map));
	}
	return 0;
}

static int write_slots(struct datapath *datapath, struct bl_err *err)
{
	static const char *const programs[] = {
		[BL_SLOT_POD_TO_VM] = "bl_pod_to_vm",
		[BL_SLOT_POD_FROM_VM] = "bl_pod_from_vm",
		[BL_SLOT_MASQ_TO_VM] = "bl_masq_to_vm",
		[BL_SLOT_MASQ_FROM_VM] = "bl_masq_from_vm",
		[BL_SLOT_MASQ_POD_OUT] = "bl_masq_pod_out",
		[BL_SLOT_MASQ_LOOP] = "bl_masq_loop",
		[BL_SLOT_DHCP] = "bl_dhcp",
	};

	for (uint32_t slot = 0; slot < sizeof(programs) / sizeof(programs[0]); slot++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(datapath->skeleton->obj, programs[slot]);
		int fd, r;

		if (!program)
			return bl_fail(err, -ENOENT, "there is no program '%s'", programs[slot]);
		fd = bpf_program__fd(program);
		r = bpf_map_update_elem(datapath->progs_fd, &slot, &fd, BPF_ANY);
		if (r < 0)
			return bl_fail_errno(err, r, "writing the slot of '%s'", programs[slot]);
	}
	return 0;
}

/* Asks the kernel what stands at tcx ingress of the loopback: one that has no tcx does not know the
 * question. */
static enum datapath_mode probe_mode(void)
{
	LIBBPF_OPTS(bpf_prog_query_opts, opts);

	return bpf_prog_query_opts(1, (enum bpf_attach_type)BL_TCX_INGRESS, &opts) == 0
		       ? DATAPATH_TCX
		       : DATAPATH_CLSACT;
}

static int log_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[1024];

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(text, sizeof(text), format, args);
	text[strcspn(text, "\n")] = '\0';
	bl_debug("libbpf", "text", text);
	return 0;
}

/* The programs' unit of time: the ticks that are a second or a little more, as a power of two. */
static uint32_t tick_shift(void)
{
	struct timespec tick = {.tv_nsec = 4000000};
	uint32_t shift = 0;

	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	while ((uint64_t)tick.tv_nsec << shift < 1000000000)
		shift++;
	return shift;
}

/* The kfunc by which the programs read a frame's checksum state for next to nothing. */
static bool kernel_can_cast(void)
{
	return libbpf_find_vmlinux_btf_id("bpf_cast_to_kern_ctx", 0) > 0;
}

int datapath_open(const char *bpffs_dir, enum datapath_mode mode, struct datapath **ret_datapath,
		  struct bl_err *err)
{
	bl_auto_datapath struct datapath *datapath = bl_alloc(sizeof(*datapath));
	int r;

	libbpf_set_print(log_libbpf);
	datapath->lock_fd = -1;
	datapath->bpffs_dir = bl_strdup(bpffs_dir);
	datapath->hurry = map_path(bpffs_dir, "hurry");
	datapath->mode = mode == DATAPATH_AUTO ? probe_mode() : mode;
	datapath->n_cpus = libbpf_num_possible_cpus();
	if (datapath->n_cpus < 0)
		return bl_fail_errno(err, datapath->n_cpus, "counting CPUs");
	r = prepare_dir(bpffs_dir, err);
	if (r < 0)
		return r;
	rcu_recover(datapath->hurry);
	r = check_version(bpffs_dir, err);
	if (r < 0)
		return r;
	datapath->skeleton = bl_datapath__open();
	if (!datapath->skeleton)
		return bl_fail_errno(err, -errno, "opening the BPF programs");
	datapath->skeleton->rodata->bl_can_cast = kernel_can_cast();
	datapath->skeleton->rodata->bl_tick_shift = tick_shift();
	r = place_maps(datapath, err);
	if (r < 0)
		return r;
	r = bl_dir_lock(bpffs_dir, &datapath->lock_fd, err);
	if (r < 0)
		return r;
	r = bl_datapath__load(datapath->skeleton);
	if (r < 0)
		return bl_fail_errno(err, r, "loading the BPF programs");
	datapath->progs_fd = bpf_map__fd(datapath->skeleton->maps.bl_progs);
	r = datapath_adopt_policies(datapath, err);
	if (r == 0)
		r = datapath_sample(datapath, false, 0, err);
	if (r < 0)
		return r;
	r = write_slots(datapath, err);
	if (r < 0)
		return r;
	*ret_datapath = bl_take_ptr(datapath);
	return 0;
}

void datapath_free(struct datapath *datapath)
{
	if (!datapath)
		return;
	bl_datapath__destroy(datapath->skeleton);
	if (datapath->lock_fd >= 0)
		close(datapath->lock_fd);
	free(datapath->bpffs_dir);
	free(datapath->hurry);
	free(datapath);
}
