// SPDX-License-Identifier: Apache-2.0
/* Writing by way of a spare file: see the header. What is written is nobody's business here. */
#include "spare.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

/* What a version may grow by without a larger room: a deletion, a request, a condition. */
#define GROWTH 2048

static size_t room_for(size_t len)
{
	size_t room = SPARE_ROOM_MIN;

	while (room < len + GROWTH)
		room *= 2;
	return room;
}

/* Of a file that was written here; 0: there is none, or it was made otherwise. */
static size_t room_of(const char *path)
{
	struct stat st;
	size_t size;

	if (stat(path, &st) < 0)
		return 0;
	size = (size_t)st.st_size;
	return size >= SPARE_ROOM_MIN && (size & (size - 1)) == 0 ? size : 0;
}

static char *fill_up(const char *text, size_t len, size_t room)
{
	char *full = bl_alloc(room + 1);

	memset(full, ' ', room);
	memcpy(full, text, len);
	full[room - 1] = '\n';
	return full;
}

static int keep_spare(const char *spare, size_t room, struct bl_err *err)
{
	bl_autofree char *blank = NULL;

	if (room_of(spare) == room)
		return 0;
	blank = fill_up("", 0, room);
	return bl_file_write(spare, blank, room, 0600, err);
}

static int overwrite(const char *path, const char *text, size_t len)
{
	bl_autoclose int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	for (size_t done = 0; done < len;) {
		ssize_t n = pwrite(fd, text + done, len - done, (off_t)done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return ftruncate(fd, (off_t)len) < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int exchange(const char *spare, const char *path)
{
	if (renameat2(AT_FDCWD, spare, AT_FDCWD, path, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	return rename(spare, path) < 0 ? -errno : 0;
}

static int sync_parent(const char *path)
{
	bl_autofree char *parent = bl_format("%.*s", (int)(strrchr(path, '/') - path), path);
	bl_autoclose int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || (fsync(fd) < 0 && errno != EINVAL) ? -errno : 0;
}

static int replace(const char *spare, const char *path, const char *text, size_t room)
{
	int r = overwrite(spare, text, room);

	if (r == 0)
		r = exchange(spare, path);
	if (r == 0)
		r = sync_parent(path);
	return r == 0 ? sync_parent(spare) : r;
}

int spare_write(const char *dir, const char *path, const char *text, size_t len, struct bl_err *err)
{
	size_t has = room_of(path), room = has >= len ? has : 0;
	bl_autofree char *spare = NULL;
	bl_autofree char *full = NULL;
	int r;

	if (!room)
		room = room_for(len);
	spare = bl_format("%s/.spare-%zu", dir, room);
	full = fill_up(text, len, room);
	if (!bl_file_exists(path)) {
		/* A file that cannot have its spare is refused now, not when it is to be changed. */
		r = keep_spare(spare, room, err);
		return r < 0 ? r : bl_file_write(path, full, room, 0600, err);
	}
	r = replace(spare, path, full, room);
	if (r < 0)
		return bl_fail_errno(err, r, "writing %s", path);
	/* Where the old version had less room, the spare gets more as soon as there is. */
	keep_spare(spare, room, NULL);
	return 0;
}
