// SPDX-License-Identifier: Apache-2.0
/*
 * Network namespaces: made and named as iproute2 does it, so that both see the same set. A name is
 * a bind mount of the namespace's file; the mount keeps the namespace alive without a process.
 * What happens inside a namespace (devices, addresses, CNI) is other rooms' business.
 */
#include "netns.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
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

static int mount_point(const char *path, struct bl_err *err)
{
	bl_autoclose int file = -1;
	int r = prepare_dir(err);

	if (r < 0)
		return r;
	/* Without O_EXCL: a crash, or umount, may have left the mount point without its mount. */
	file = open(path, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0);
	return file < 0 ? bl_fail_errno(err, -errno, "creating %s", path) : 0;
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
	int r;

	if (is_netns(path))
		return 0;
	r = mount_point(path, err);
	if (r < 0)
		return r;
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

int netns_bind(int netns_fd, const char *name, struct bl_err *err)
{
	bl_autofree char *path = name_to_path(name);
	bl_autofree char *source = bl_format("/proc/self/fd/%d", netns_fd);
	int r = netns_remove(name, err);

	if (r == 0)
		r = mount_point(path, err);
	if (r < 0)
		return r;
	if (mount(source, path, "none", MS_BIND, NULL) < 0)
		return bl_fail_errno(err, -errno, "binding a network namespace to %s", path);
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

/* ---- who is who ------------------------------------------------------------------------------ */

/* A kernel that has no cookies leaves it 0. */
static int read_cookie(void *data, struct bl_err *err)
{
	bl_autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(uint64_t);

	if (fd < 0)
		return bl_fail_errno(err, -errno, "opening a socket");
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, data, &len) < 0)
		*(uint64_t *)data = 0;
	return 0;
}

int netns_identify(int netns_fd, struct netns_id *ret_id, struct bl_err *err)
{
	struct netns_id id = {0};
	struct stat st;
	int r;

	if (fstat(netns_fd, &st) < 0)
		return bl_fail_errno(err, -errno, "looking at a network namespace");
	id.inode = st.st_ino;
	r = netns_do(netns_fd, read_cookie, &id.cookie, err);
	if (r == 0)
		*ret_id = id;
	return r;
}

bool netns_is_at(const char *path, const struct netns_id *id)
{
	struct stat st;

	return is_netns(path) && stat(path, &st) == 0 && st.st_ino == id->inode;
}

/* 0: it is not; 1: it is, and open. A process that has ended meanwhile is none. */
static int open_if_same(const char *pid, const struct netns_id *id, int *ret_fd, struct bl_err *err)
{
	bl_autofree char *path = bl_format("/proc/%s/ns/net", pid);
	bl_autoclose int fd = -1;
	struct netns_id found;
	int r;

	if (!netns_is_at(path, id))
		return 0;
	r = netns_open(path, &fd, err);
	if (r == -ENOENT || r == -ESRCH)
		return 0;
	if (r == 0)
		r = netns_identify(fd, &found, err);
	if (r < 0)
		return r;
	if (found.inode != id->inode || found.cookie != id->cookie)
		return 0;
	*ret_fd = bl_take_fd(&fd);
	return 1;
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

int netns_find(const struct netns_id *id, int *ret_fd, struct bl_err *err)
{
	bl_cleanup(close_dir) DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (!proc)
		return bl_fail_errno(err, -errno, "opening /proc");
	while (id->cookie && (entry = readdir(proc))) {
		int r = 0;

		if (isdigit((unsigned char)entry->d_name[0]))
			r = open_if_same(entry->d_name, id, ret_fd, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return bl_fail(err, -ENOENT, "no process lives in the network namespace");
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
