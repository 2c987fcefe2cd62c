// SPDX-License-Identifier: Apache-2.0
/*
 * Files of our own (bounded reads, atomic writes), files of others (beneath a descriptor), and the
 * allocations that abort: the only place that calls malloc. No knowledge of what is in a file.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

/* Levels below bl_dir_remove(): each holds a descriptor. */
#define REMOVE_DEPTH_MAX 64

void *bl_realloc(void *ptr, size_t size)
{
	ptr = realloc(ptr, size ? size : 1);
	if (!ptr)
		abort();
	return ptr;
}

void *bl_alloc(size_t size)
{
	void *ptr = calloc(1, size ? size : 1);

	if (!ptr)
		abort();
	return ptr;
}

char *bl_format(const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0)
		abort();
	return text;
}

char *bl_strdup(const char *text)
{
	char *copy;

	if (!text)
		return NULL;
	copy = strdup(text);
	if (!copy)
		abort();
	return copy;
}

/* Length read, or a negative errno. One byte more than max is asked for, to see that there is more.
 */
static ssize_t read_whole(int fd, size_t max, char **text)
{
	size_t room = 0, len = 0;

	for (;;) {
		ssize_t n;

		if (len + 1 >= room) {
			room = room ? room * 2 : 4096;
			*text = bl_realloc(*text, room);
		}
		n = read(fd, *text + len, room - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return (ssize_t)len;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
	}
}

static int read_bounded(int fd, size_t max, char **ret_text, size_t *ret_len)
{
	bl_autofree char *text = NULL;
	ssize_t len = read_whole(fd, max, &text);

	if (len < 0)
		return (int)len;
	text[len] = '\0';
	if (ret_len)
		*ret_len = (size_t)len;
	*ret_text = bl_take_ptr(text);
	return 0;
}

static int fail_read(struct bl_err *err, int code, size_t max, const char *name)
{
	if (code == -EFBIG)
		return bl_fail(err, code, "%s is larger than %zu bytes", name, max);
	return bl_fail_errno(err, code, "reading %s", name);
}

int bl_file_read(const char *path, size_t max, char **ret_text, size_t *ret_len, struct bl_err *err)
{
	bl_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return bl_fail_errno(err, -errno, "opening %s", path);
	r = read_bounded(fd, max, ret_text, ret_len);
	return r < 0 ? fail_read(err, r, max, path) : 0;
}

int bl_file_read_fd(int fd, size_t max, char **ret_text, size_t *ret_len, struct bl_err *err)
{
	int r = read_bounded(fd, max, ret_text, ret_len);

	return r < 0 ? fail_read(err, r, max, "the file") : 0;
}

static int write_whole(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int fill_and_rename(int fd, const char *temporary, const char *path, const char *text,
			   size_t len)
{
	int r = write_whole(fd, text, len);

	if (r < 0)
		return r;
	if (fsync(fd) < 0 || rename(temporary, path) < 0)
		return -errno;
	return 0;
}

/* The directory that holds path, as an owned string. */
static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return bl_strdup(".");
	return bl_format("%.*s", slash == path ? 1 : (int)(slash - path), path);
}

int bl_file_write(const char *path, const char *text, size_t len, mode_t mode, struct bl_err *err)
{
	const char *slash = strrchr(path, '/');
	bl_autofree char *parent = parent_of(path);
	/* a file's name has 255 bytes at most */
	bl_autofree char *temporary =
		bl_format("%s/.%.200s.XXXXXX", parent, slash ? slash + 1 : path);
	bl_autoclose int dir_fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bl_autoclose int fd = -1;
	int r;

	if (dir_fd < 0)
		return bl_fail_errno(err, -errno, "opening %s", parent);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return bl_fail_errno(err, -errno, "creating a file in %s", parent);
	r = fchmod(fd, mode) < 0 ? -errno : fill_and_rename(fd, temporary, path, text, len);
	if (r < 0) {
		unlink(temporary);
		return bl_fail_errno(err, r, "writing %s", path);
	}
	/* Without this the new name may be lost with the power although the data is there. */
	if (fsync(dir_fd) < 0 && errno != EINVAL)
		return bl_fail_errno(err, -errno, "syncing %s", parent);
	return 0;
}

int bl_file_poke(const char *path, const char *text, struct bl_err *err)
{
	bl_autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return bl_fail_errno(err, -errno, "opening %s", path);
	if (write(fd, text, strlen(text)) < 0)
		return bl_fail_errno(err, -errno, "writing '%s' to %s", text, path);
	return 0;
}

bool bl_file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* Makes one directory; chmod because mkdir's mode passes through the umask. */
static int make_one(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return chmod(path, mode) < 0 ? -errno : 0;
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int bl_dir_make(const char *path, mode_t mode, struct bl_err *err)
{
	bl_autofree char *partial = bl_strdup(path);
	char *slash = partial;
	int r = 0;

	/* Each prefix that ends before a slash, then the whole. A leading slash is no prefix. */
	while (r == 0 && (slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		r = make_one(partial, mode);
		*slash = '/';
	}
	if (r == 0)
		r = make_one(partial, mode);
	return r < 0 ? bl_fail_errno(err, r, "making directory %s", path) : 0;
}

static int open_beneath(int dir_fd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = resolve,
	};
	long fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

int bl_file_open_beneath(int dir_fd, const char *path, int flags, mode_t mode, int *ret_fd,
			 struct bl_err *err)
{
	int fd = open_beneath(dir_fd, path, flags, mode,
			      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);

	if (fd < 0)
		return bl_fail_errno(err, fd, "opening '%s' beneath its directory", path);
	*ret_fd = fd;
	return 0;
}

static void auto_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int remove_entry(int dir_fd, const char *name, int depth);

/* Empties the directory; takes the descriptor. */
static int empty_dir(int fd, int depth)
{
	bl_cleanup(auto_dir) DIR *dir = fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while ((errno = 0, entry = readdir(dir))) {
		int r;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = remove_entry(dirfd(dir), entry->d_name, depth);
		if (r < 0)
			return r;
	}
	return -errno;
}

/* What stands at name may be swapped under us by its owner; every step works on the name beneath an
 * open directory, so the worst that can happen is that an entry of that directory goes. */
static int remove_entry(int dir_fd, const char *name, int depth)
{
	int fd, r;

	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (depth == REMOVE_DEPTH_MAX)
		return -ELOOP;
	fd = open_beneath(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
			  RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return fd;
	r = empty_dir(fd, depth + 1);
	if (r < 0)
		return r;
	return unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int bl_dir_remove(const char *path, struct bl_err *err)
{
	bl_autofree char *parent = parent_of(path);
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	bl_autoclose int dir_fd = -1;
	int r;

	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return bl_fail(err, -EINVAL, "'%s' does not end in a name", path);
	dir_fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0 && errno == ENOENT)
		return 0;
	if (dir_fd < 0)
		return bl_fail_errno(err, -errno, "opening %s", parent);
	r = remove_entry(dir_fd, name, 0);
	if (r == -EXDEV)
		return bl_fail(err, r, "removing %s: something is mounted in it", path);
	return r < 0 ? bl_fail_errno(err, r, "removing %s", path) : 0;
}

int bl_dir_lock(const char *path, int *ret_fd, struct bl_err *err)
{
	bl_autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return bl_fail_errno(err, -errno, "opening '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? bl_fail(err, -EBUSY, "'%s' is in use", path)
					    : bl_fail_errno(err, -errno, "locking '%s'", path);
	*ret_fd = bl_take_fd(&fd);
	return 0;
}
