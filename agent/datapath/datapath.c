// SPDX-License-Identifier: Apache-2.0
/*
 * Loading of the shared programs and access to their maps.
 *
 * Maps outlive programs, programs outlive agents: an agent that starts takes over the pinned maps,
 * loads the programs that it brought along on top of them, and writes each slot of bl_progs once.
 * From that write on all endpoints run the new programs; no link is touched. takeover.h says what
 * happens when the maps are of another layout.
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
#include "takeover.h"

#define BPFFS_ROOT "/sys/fs/bpf"

static const char *const mode_names[] = {
	[DATAPATH_AUTO] = "auto", [DATAPATH_TCX] = "tcx", [DATAPATH_CLSACT] = "clsact"};

const char *datapath_mode_name(enum datapath_mode mode)
{
	return mode_names[mode];
}

enum datapath_mode datapath_mode_of(const char *name)
{
	for (size_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++)
		if (strcmp(mode_names[i], name) == 0)
			return (enum datapath_mode)i;
	return DATAPATH_AUTO;
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

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

static int prepare_dir(const char *bpffs_dir, struct bl_err *err)
{
	bl_autofree char *maps = takeover_path(bpffs_dir, TAKEOVER_MAPS, "");

	if (strncmp(bpffs_dir, BPFFS_ROOT "/", strlen(BPFFS_ROOT "/")) == 0 &&
	    !is_bpffs(BPFFS_ROOT) && mount("bpf", BPFFS_ROOT, "bpf", 0, "mode=0700") < 0)
		return bl_fail_errno(err, -errno, "mounting bpffs at " BPFFS_ROOT);
	if (bl_dir_make(maps, 0700, err) < 0)
		return bl_wrap(err, "making the folder of pins");
	if (!is_bpffs(bpffs_dir))
		return bl_fail(err, -EINVAL, "'%s' is not on a bpffs", bpffs_dir);
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

static int open_programs(struct datapath *datapath, struct bl_err *err)
{
	datapath->skeleton = bl_datapath__open();
	if (!datapath->skeleton)
		return bl_fail_errno(err, -errno, "opening the BPF programs");
	datapath->skeleton->rodata->bl_can_cast = kernel_can_cast();
	datapath->skeleton->rodata->bl_tick_shift = tick_shift();
	return 0;
}

static int load_programs(struct datapath *datapath, struct bl_err *err)
{
	int r = bl_datapath__load(datapath->skeleton);

	if (r < 0)
		return bl_fail_errno(err, r, "loading the BPF programs");
	datapath->progs_fd = bpf_map__fd(datapath->skeleton->maps.bl_progs);
	datapath_capture_recover(datapath);
	return 0;
}

int datapath_open(const char *bpffs_dir, enum datapath_mode mode, struct datapath **ret_datapath,
		  struct bl_err *err)
{
	bl_auto_datapath struct datapath *datapath = bl_alloc(sizeof(*datapath));
	enum takeover takeover;
	int r;

	libbpf_set_print(log_libbpf);
	datapath->lock_fd = -1;
	datapath->bpffs_dir = bl_strdup(bpffs_dir);
	datapath->hurry = takeover_path(bpffs_dir, TAKEOVER_MAPS, "hurry");
	datapath->mode = mode == DATAPATH_AUTO ? probe_mode() : mode;
	datapath->n_cpus = libbpf_num_possible_cpus();
	if (datapath->n_cpus < 0)
		return bl_fail_errno(err, datapath->n_cpus, "counting CPUs");
	r = prepare_dir(bpffs_dir, err);
	if (r == 0)
		r = bl_dir_lock(bpffs_dir, &datapath->lock_fd, err);
	if (r < 0)
		return r;
	rcu_recover(datapath->hurry);
	r = takeover_look(bpffs_dir, &takeover, err);
	if (r == 0)
		r = open_programs(datapath, err);
	if (r == 0)
		r = takeover_place(datapath, takeover, err);
	if (r == 0)
		r = load_programs(datapath, err);
	if (r == 0)
		r = takeover_run(datapath, takeover, err);
	if (r < 0)
		return r;
	*ret_datapath = bl_take_ptr(datapath);
	return 0;
}

/* All that packets of a pod-bound endpoint meet, and what has a connection forgotten. */
static void load_few(struct bl_datapath *skeleton)
{
	const struct bpf_program *const wanted[] = {skeleton->progs.bl_pod_to_vm,
						    skeleton->progs.bl_pod_from_vm,
						    skeleton->progs.bl_ct_forget};
	struct bpf_program *program;

	bpf_object__for_each_program(program, skeleton->obj)
	{
		bool load = false;

		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			load |= program == wanted[i];
		bpf_program__set_autoload(program, load);
	}
}

int datapath_open_alone(struct datapath **ret_datapath, struct bl_err *err)
{
	bl_auto_datapath struct datapath *datapath = bl_alloc(sizeof(*datapath));
	int r;

	libbpf_set_print(log_libbpf);
	datapath->lock_fd = -1;
	datapath->mode = DATAPATH_CLSACT;
	datapath->n_cpus = libbpf_num_possible_cpus();
	if (datapath->n_cpus < 0)
		return bl_fail_errno(err, datapath->n_cpus, "counting CPUs");
	r = open_programs(datapath, err);
	if (r < 0)
		return r;
	load_few(datapath->skeleton);
	r = bl_datapath__load(datapath->skeleton);
	if (r < 0)
		return bl_fail_errno(err, r, "loading the BPF programs");
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
