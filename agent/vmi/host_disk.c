// SPDX-License-Identifier: Apache-2.0
/*
 * Host disks: files below the one directory that the operator has named. Paths come from people who
 * may not read the host's files, so they are opened beneath that directory, following no link.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <beeline/file.h>

#include "room.h"

/* The part of a hostDisk's path below the allowed directory. */
static int below_dir(const struct vmis_config *config, const struct bl_volume *volume,
		     const char **ret_relative, struct bl_err *err)
{
	size_t len = config->host_disk_dir ? strlen(config->host_disk_dir) : 0;

	while (len > 1 && config->host_disk_dir[len - 1] == '/')
		len--;
	if (!len)
		return bl_fail(err, -EPERM,
			       "volume '%s': hostDisk is off on this node (--host-disk-dir)",
			       volume->name);
	if (strncmp(volume->path, config->host_disk_dir, len) != 0 || volume->path[len] != '/')
		return bl_fail(err, -EPERM, "volume '%s': hostDisk '%s' is not below '%s'",
			       volume->name, volume->path, config->host_disk_dir);
	*ret_relative = volume->path + len + 1;
	return 0;
}

static int open_below(const struct vmis_config *config, const struct bl_volume *volume,
		      const char *relative, int flags, int *ret_fd, struct bl_err *err)
{
	bl_autoclose int dir = open(config->host_disk_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (dir < 0)
		return bl_fail_errno(err, -errno, "opening '%s'", config->host_disk_dir);
	r = bl_file_open_beneath(dir, relative, flags, 0, ret_fd, err);
	return r < 0 ? bl_wrap(err, "volume '%s'", volume->name) : 0;
}

static bool may_create(const struct bl_volume *volume)
{
	return volume->host_disk_type && strcmp(volume->host_disk_type, "DiskOrCreate") == 0;
}

/* Asks the kernel itself, who knows access lists and read-only mounts, under the user's number. */
static int try_open(int fd, uid_t uid, int flags)
{
	bl_autofree char *path = bl_format("/proc/self/fd/%d", fd);
	bl_autoclose int opened = -1;
	int r;

	setfsgid(uid);
	setfsuid(uid);
	opened = open(path, flags | O_NONBLOCK | O_CLOEXEC);
	r = opened < 0 ? -errno : 0;
	setfsuid(0);
	setfsgid(0);
	return r;
}

/* QEMU would say less: neither which volume nor whose file. */
static int check_file(const struct vmis_config *config, const struct bl_volume *volume, int fd,
		      bool readonly, struct bl_err *err)
{
	struct stat stat;
	int r;

	if (fstat(fd, &stat) < 0)
		return bl_fail_errno(err, -errno, "volume '%s': '%s'", volume->name, volume->path);
	if (!S_ISREG(stat.st_mode))
		return bl_fail(err, -EINVAL, "volume '%s': '%s' is not a regular file",
			       volume->name, volume->path);
	r = try_open(fd, config->vm_uid, readonly ? O_RDONLY : O_RDWR);
	if (r < 0)
		return bl_fail_errno(
			err, r, "volume '%s': user %u, as whom VMs run, cannot %s '%s'",
			volume->name, config->vm_uid, readonly ? "read" : "write", volume->path);
	return 0;
}

int vmi_host_disk_check(const struct vmis_config *config, const struct bl_volume *volume,
			bool readonly, struct bl_err *err)
{
	const char *relative = NULL;
	bl_autoclose int fd = -1;
	int r;

	r = below_dir(config, volume, &relative, err);
	if (r == 0)
		r = open_below(config, volume, relative, O_PATH, &fd, err);
	if (r == -ENOENT && may_create(volume))
		return 0;
	return r < 0 ? r : check_file(config, volume, fd, readonly, err);
}

/* The file has a name when it is whole, so that what fails or dies in between leaves nothing. */
static int make_in(const struct vmis_config *config, const struct bl_volume *volume, int dir,
		   const char *name)
{
	bl_autoclose int fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	bl_autofree char *path = bl_format("/proc/self/fd/%d", fd);

	if (fd < 0 || ftruncate(fd, volume->capacity_bytes) < 0 ||
	    fchown(fd, config->vm_uid, config->vm_uid) < 0 ||
	    linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW) < 0)
		return errno == EEXIST ? 0 : -errno;
	return 0;
}

int vmi_host_disk_make(const struct vmis_config *config, const struct bl_volume *volume,
		       struct bl_err *err)
{
	bl_autofree char *parent = NULL;
	const char *relative = NULL;
	bl_autoclose int dir = -1;
	char *slash;
	int r;

	if (!may_create(volume))
		return 0;
	r = below_dir(config, volume, &relative, err);
	if (r < 0)
		return r;
	parent = bl_format("./%s", relative);
	slash = strrchr(parent, '/');
	*slash = '\0';
	r = open_below(config, volume, parent, O_PATH | O_DIRECTORY, &dir, err);
	if (r < 0)
		return r;
	if (faccessat(dir, slash + 1, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	r = make_in(config, volume, dir, slash + 1);
	return r < 0 ? bl_fail_errno(err, r, "volume '%s': making '%s'", volume->name, volume->path)
		     : 0;
}
