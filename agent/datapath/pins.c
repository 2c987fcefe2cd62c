// SPDX-License-Identifier: Apache-2.0
/* Folders of pins: see the header. */
#include "pins.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include <bpf/bpf.h>

#include <beeline/file.h>

#include "rcu.h"
#include "takeover.h"

#define QDISC_NOTE "qdisc_" /* and an ifindex */

static const char *const pin_names[HOOKS_MAX] = {
	[HOOK_TO_VM] = "to_vm",
	[HOOK_FROM_VM] = "from_vm",
	[HOOK_POD_OUT] = "pod_out",
	[HOOK_LOOP] = "loop",
};

char *pins_path(const char *dir, enum hook_place place)
{
	return bl_format("%s/%s", dir, pin_names[place]);
}

char *pins_qdisc_note(const char *dir, uint32_t ifindex)
{
	return bl_format("%s/" QDISC_NOTE "%u", dir, ifindex);
}

int pins_make_dir(const char *path, struct bl_err *err)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return bl_fail_errno(err, -errno, "making '%s'", path);
	return 0;
}

bool pins_open(const char *path, int *ret_fd)
{
	int fd = bpf_obj_get(path);
	bl_autofree char *name = bl_format("/proc/self/fd/%d", fd);
	char target[64];
	ssize_t len = fd >= 0 ? readlink(name, target, sizeof(target) - 1) : -1;

	*ret_fd = fd;
	target[len > 0 ? len : 0] = '\0';
	return strstr(target, "bpf_link") || strstr(target, "bpf-link");
}

void pins_detach_link(const struct datapath *datapath, int link)
{
	bool hurried = rcu_hurry(datapath->hurry);

	bpf_link_detach(link);
	rcu_relax(datapath->hurry, hurried);
}

bool pins_have_filters(const char *dir)
{
	bool any = false;

	for (int i = 0; i < HOOKS_MAX && !any; i++) {
		bl_autofree char *path = pins_path(dir, (enum hook_place)i);
		bl_autoclose int fd = -1;

		any = !pins_open(path, &fd) && fd >= 0;
	}
	return any;
}

/* Of qdiscs that went with their devices, or that others use. */
static void remove_notes(const char *dir)
{
	DIR *entries = opendir(dir);
	struct dirent *entry;

	while (entries && (entry = readdir(entries)))
		if (strncmp(entry->d_name, QDISC_NOTE, strlen(QDISC_NOTE)) == 0)
			unlinkat(dirfd(entries), entry->d_name, AT_REMOVEDIR);
	if (entries)
		closedir(entries);
}

int pins_remove(struct datapath *datapath, const char *dir, struct bl_err *err)
{
	for (int i = 0; i < HOOKS_MAX; i++) {
		bl_autofree char *path = pins_path(dir, (enum hook_place)i);
		bl_autoclose int fd = -1;

		/* Losing its pin alone would detach the link a moment later, from a worker. */
		if (pins_open(path, &fd))
			pins_detach_link(datapath, fd);
		if (unlink(path) < 0 && errno != ENOENT)
			return bl_fail_errno(err, -errno, "removing pin '%s'", path);
	}
	remove_notes(dir);
	if (rmdir(dir) < 0 && errno != ENOENT)
		return bl_fail_errno(err, -errno, "removing '%s'", dir);
	return 0;
}

/* The inverse of datapath_endpoint_dir(), in place. */
static void decode_name(char *name)
{
	char *to = name;

	for (const char *from = name; *from; from++) {
		unsigned int code;

		if (*from == '%' && sscanf(from + 1, "%2x", &code) == 1) {
			*to++ = (char)code;
			from += 2;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

int hooks_for_each(struct datapath *datapath, void (*fn)(const char *endpoint, void *data),
		   void *data, struct bl_err *err)
{
	struct dirent **entries = NULL;
	int n = scandir(datapath->bpffs_dir, &entries, NULL, alphasort);

	if (n < 0)
		return bl_fail_errno(err, -errno, "listing '%s'", datapath->bpffs_dir);
	for (int i = 0; i < n; i++) {
		char *name = entries[i]->d_name;

		if (entries[i]->d_type == DT_DIR && name[0] != '.' && strcmp(name, "maps") != 0 &&
		    strcmp(name, TAKEOVER_OTHER) != 0) {
			decode_name(name);
			fn(name, data);
		}
		free(entries[i]);
	}
	free(entries);
	return 0;
}
