// SPDX-License-Identifier: Apache-2.0
/* Unix stream sockets: listening over a stale file, connecting by path and beneath a directory. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>
#include <beeline/rpc.h>

#define BACKLOG 128

static int fill_address(const char *path, struct sockaddr_un *ret_address, struct bl_err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(address.sun_path))
		return bl_fail(err, -ENAMETOOLONG, "socket path '%s' has not 1 to %zu bytes", path,
			       sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, len);
	*ret_address = address;
	return 0;
}

static int open_socket(struct bl_err *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? bl_fail_errno(err, -errno, "making a unix socket") : fd;
}

int bl_unix_connect(const char *path, int *ret_fd, struct bl_err *err)
{
	struct sockaddr_un address;
	bl_autoclose int fd = -1;
	int r = fill_address(path, &address, err);

	if (r < 0)
		return r;
	fd = open_socket(err);
	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return bl_fail_errno(err, -errno, "connecting to %s", path);
	*ret_fd = bl_take_fd(&fd);
	return 0;
}

int bl_unix_connect_beneath(int dir_fd, const char *path, int *ret_fd, struct bl_err *err)
{
	bl_autoclose int file = -1;
	bl_autofree char *link = NULL;
	struct stat st;
	int r = bl_file_open_beneath(dir_fd, path, O_PATH, 0, &file, err);

	if (r < 0)
		return r;
	if (fstat(file, &st) < 0 || !S_ISSOCK(st.st_mode))
		return bl_fail(err, -ENOTSOCK, "'%s' is not a socket", path);
	link = bl_format("/proc/self/fd/%d", file);
	r = bl_unix_connect(link, ret_fd, NULL);
	return r < 0 ? bl_fail_errno(err, r, "connecting to '%s' beneath its directory", path) : 0;
}

/* Removes a socket file that nobody answers on. */
static int clear_stale(const char *path, struct bl_err *err)
{
	bl_autoclose int fd = -1;
	struct stat st;
	int r;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : bl_fail_errno(err, -errno, "looking at %s", path);
	if (!S_ISSOCK(st.st_mode))
		return bl_fail(err, -EEXIST, "%s is there and is not a socket", path);
	r = bl_unix_connect(path, &fd, NULL);
	if (r != -ECONNREFUSED)
		return bl_fail(err, -EADDRINUSE, "somebody listens on %s", path);
	if (unlink(path) < 0 && errno != ENOENT)
		return bl_fail_errno(err, -errno, "removing the stale socket %s", path);
	return 0;
}

int bl_unix_listen(const char *path, mode_t mode, int *ret_fd, struct bl_err *err)
{
	struct sockaddr_un address;
	bl_autoclose int fd = -1;
	int r = fill_address(path, &address, err);

	if (r == 0)
		r = clear_stale(path, err);
	if (r < 0)
		return r;
	fd = open_socket(err);
	if (fd < 0)
		return fd;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return bl_fail_errno(err, -errno, "binding %s", path);
	/* The mode stands before anybody can connect. */
	if (chmod(path, mode) < 0 || listen(fd, BACKLOG) < 0) {
		r = bl_fail_errno(err, -errno, "listening on %s", path);
		unlink(path);
		return r;
	}
	*ret_fd = bl_take_fd(&fd);
	return 0;
}
