// SPDX-License-Identifier: Apache-2.0
/* Walks pins and adds up what /proc/self/fdinfo says; see kernel.h. */
#include "kernel.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <beeline/abi.h>
#include <beeline/cleanup.h>
#include <beeline/file.h>

BL_DEFINE_AUTO(dir, DIR *, closedir)

static uint64_t memlock(int fd)
{
	bl_autofree char *path = bl_format("/proc/self/fdinfo/%d", fd);
	bl_autofree char *text = NULL;
	const char *line;

	if (fd < 0 || bl_file_read(path, 65536, &text, NULL, NULL) < 0)
		return 0;
	line = strstr(text, "memlock:");
	return line ? strtoull(line + strlen("memlock:"), NULL, 10) : 0;
}

static uint64_t program_bytes(uint32_t id)
{
	bl_autoclose int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return 0;
	return memlock(fd) + info.jited_prog_len;
}

/* Values of these two kinds of maps are ids of programs and of maps. */
static void add_elements(int fd, const struct bpf_map_info *info, struct kernel_bytes *bytes)
{
	for (uint32_t key = 0; key < info->max_entries; key++) {
		uint32_t id;

		if (bpf_map_lookup_elem(fd, &key, &id) < 0)
			continue;
		if (info->type == BPF_MAP_TYPE_PROG_ARRAY) {
			bytes->programs += program_bytes(id);
		} else {
			bl_autoclose int inner = bpf_map_get_fd_by_id(id);

			bytes->conntrack += memlock(inner);
		}
	}
}

static void add_map(int fd, struct kernel_bytes *bytes)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return;
	bytes->maps += memlock(fd);
	if (info.type == BPF_MAP_TYPE_PROG_ARRAY || info.type == BPF_MAP_TYPE_ARRAY_OF_MAPS)
		add_elements(fd, &info, bytes);
}

static void add_link(int fd, struct kernel_bytes *bytes)
{
	struct bpf_link_info info = {0};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0)
		bytes->programs += program_bytes(info.prog_id);
}

static int add_folder(const char *path, bool maps, struct kernel_bytes *bytes, struct bl_err *err)
{
	bl_cleanup(bl_auto_dir_fn) DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return bl_fail_errno(err, -errno, "opening %s", path);
	while ((entry = readdir(dir))) {
		bl_autofree char *pin = bl_format("%s/%s", path, entry->d_name);
		bl_autoclose int fd = entry->d_type == DT_REG ? bpf_obj_get(pin) : -1;

		if (fd >= 0 && maps)
			add_map(fd, bytes);
		else if (fd >= 0)
			add_link(fd, bytes);
	}
	return 0;
}

int kernel_bytes_read(const char *bpffs, struct kernel_bytes *ret_bytes, struct bl_err *err)
{
	bl_cleanup(bl_auto_dir_fn) DIR *dir = opendir(bpffs);
	struct dirent *entry;
	int r = 0;

	*ret_bytes = (struct kernel_bytes){0};
	if (!dir)
		return bl_fail_errno(err, -errno, "opening %s", bpffs);
	while (r == 0 && (entry = readdir(dir))) {
		bl_autofree char *path = bl_format("%s/%s", bpffs, entry->d_name);

		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			r = add_folder(path, strcmp(entry->d_name, "maps") == 0, ret_bytes, err);
	}
	return r;
}
