// SPDX-License-Identifier: Apache-2.0
/*
 * Network namespaces: made and named as iproute2 does it, so that both see the same set. A name is
 * a bind mount of the namespace's file; the mount keeps the namespace alive without a process.
 * What happens inside a namespace (devices, addresses, CNI) is other rooms' business.
 */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

#define NETNS_DIR  "/run/netns"
#define NETNS_SELF "/proc/thread-self/ns/net"

static bool is_netns(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == NSFS_MAGIC;
}

static char *name_to_path(const char *name)
{
	return bl_format("%s/%s", NETNS_DIR, name);
}

/* The directory becomes a shared mount of its own, so that a name made in one mount namespace
 * appears, and above all disappears, in all of them. */
static int prepare_dir(struct bl_err *err)
{
	int r = bl_dir_make(NETNS_DIR, 0755, err);

	if (r < 0)
		return r;
	if (mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL) == 0)
		return 0;
	if (errno != EINVAL)
		return bl_fail_errno(err, -errno, "sharing %s", NETNS_DIR);
	/* Not a mount point yet. */
	if (mount(NETNS_DIR, NETNS_DIR, "none", MS_BIND | MS_REC, NULL) < 0 ||
	    mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL) < 0)
		return bl_fail_errno(err, -errno, "making %s a mount point", NETNS_DIR);
	return 0;
}

/* A thread that cannot return would go on in a VM's namespace, on behalf of everybody else. */
static void come_back(int home_fd)
{
	if (setns(home_fd, CLONE_NEWNET) < 0)
		abort();
}

static int bind_new_namespace(const char *path, struct bl_err *err)
{
	bl_autoclose int home = open(NETNS_SELF, O_RDONLY | O_CLOEXEC);
	int r = 0;

	if (home < 0)
		return bl_fail_errno(err, -errno, "opening %s", NETNS_SELF);
	if (unshare(CLONE_NEWNET) < 0)
		return bl_fail_errno(err, -errno, "making a network namespace");
	if (mount(NETNS_SELF, path, "none", MS_BIND, NULL) < 0)
		r = bl_fail_errno(err, -errno, "binding a network namespace to %s", path);
	come_back(home);
	return r;
}

int netns_make(const char *name, struct bl_err *err)
{
	bl_autofree char *path = name_to_path(name);
	bl_autoclose int file = -1;
	int r;

	if (is_netns(path))
		return 0;
	r = prepare_dir(err);
	if (r < 0)
		return r;
	/* Without O_EXCL: a crash may have left the mount point without its mount. */
	file = open(path, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0);
	if (file < 0)
		return bl_fail_errno(err, -errno, "creating %s", path);
	r = bind_new_namespace(path, err);
	if (r < 0)
		unlink(path);
	return r;
}

int netns_remove(const char *name, struct bl_err *err)
{
	bl_autofree char *path = name_to_path(name);

	while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	if (errno != EINVAL && errno != ENOENT)
		return bl_fail_errno(err, -errno, "unmounting %s", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return bl_fail_errno(err, -errno, "removing %s", path);
	return 0;
}

int netns_open(const char *path, int *ret_fd, struct bl_err *err)
{
	bl_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0)
		return bl_fail_errno(err, -errno, "opening network namespace %s", path);
	if (fstatfs(fd, &fs) < 0 || fs.f_type != NSFS_MAGIC)
		return bl_fail(err, -EINVAL, "%s is not a network namespace", path);
	*ret_fd = bl_take_fd(&fd);
	return 0;
}

int netns_do(int netns_fd, int (*fn)(void *data, struct bl_err *err), void *data,
	     struct bl_err *err)
{
	bl_autoclose int home = open(NETNS_SELF, O_RDONLY | O_CLOEXEC);
	int r;

	if (home < 0)
		return bl_fail_errno(err, -errno, "opening %s", NETNS_SELF);
	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return bl_fail_errno(err, -errno, "entering network namespace");
	r = fn(data, err);
	come_back(home);
	return r;
}

struct sysctl {
	const char *path;
	const char *value;
};

static int write_sysctl(void *data, struct bl_err *err)
{
	const struct sysctl *sysctl = data;
	bl_autofree char *path = bl_format("/proc/sys/%s", sysctl->path);

	return bl_file_poke(path, sysctl->value, err);
}

int netns_sysctl(int netns_fd, const char *path, const char *value, struct bl_err *err)
{
	struct sysctl sysctl = {.path = path, .value = value};

	return netns_do(netns_fd, write_sysctl, &sysctl, err);
}
