// SPDX-License-Identifier: Apache-2.0
/* The written side of an import. Nothing here knows where the bytes come from. */
#include "unpack.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#define PAGE        4096
#define CHECK_EVERY (4ull * 1024 * 1024)
#define RESERVE_MAX (1ull << 30) /* kept free for everybody else, or 5 % of a small file system */

int image_check_space(int fd, uint64_t bytes, struct bl_err *err)
{
	struct statvfs fs;
	uint64_t size, avail, reserve;

	if (fstatvfs(fd, &fs) < 0)
		return bl_fail_errno(err, -errno, "asking for free space");
	size = (uint64_t)fs.f_blocks * fs.f_frsize;
	avail = (uint64_t)fs.f_bavail * fs.f_frsize;
	reserve = size / 20 < RESERVE_MAX ? size / 20 : RESERVE_MAX;
	if (bytes > avail || avail - bytes < reserve)
		return bl_fail(err, -ENOSPC,
			       "not enough room in the image store: %llu MiB are free, "
			       "%llu MiB of them are kept in reserve",
			       (unsigned long long)avail >> 20, (unsigned long long)reserve >> 20);
	return 0;
}

static int write_piece(struct image_sink *sink, const char *bytes, size_t len, uint64_t offset,
		       struct bl_err *err)
{
	int r = 0;

	sink->unchecked += len;
	if (sink->unchecked >= CHECK_EVERY) {
		r = image_check_space(sink->fd, 0, err);
		sink->unchecked = 0;
	}
	while (r == 0 && len) {
		ssize_t n = pwrite(sink->fd, bytes, len, (off_t)offset);

		if (n < 0 && errno == ENOSPC)
			return bl_fail(err, -ENOSPC, "not enough room in the image store");
		if (n < 0 && errno != EINTR)
			return bl_fail_errno(err, -errno, "writing the disk");
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
			offset += (uint64_t)n;
		}
	}
	return r;
}

static bool is_zero(const char *bytes, size_t len)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

int image_sink_write(struct image_sink *sink, const void *bytes, size_t len, uint64_t offset,
		     struct bl_err *err)
{
	const char *piece = bytes;

	if (offset > IMAGE_DISK_MAX || len > IMAGE_DISK_MAX - offset)
		return bl_fail(err, -EFBIG, "the disk is larger than %llu TiB",
			       IMAGE_DISK_MAX >> 40);
	while (len) {
		size_t part = PAGE - offset % PAGE;
		int r = 0;

		part = part < len ? part : len;
		if (!is_zero(piece, part))
			r = write_piece(sink, piece, part, offset, err);
		if (r < 0)
			return r;
		piece += part;
		offset += part;
		len -= part;
	}
	if (offset > sink->end)
		sink->end = offset;
	return 0;
}

int image_sink_finish(struct image_sink *sink, uint64_t size, struct bl_err *err)
{
	if (size > IMAGE_DISK_MAX)
		return bl_fail(err, -EFBIG, "the disk is larger than %llu TiB",
			       IMAGE_DISK_MAX >> 40);
	if (ftruncate(sink->fd, (off_t)size) < 0 || fsync(sink->fd) < 0)
		return bl_fail_errno(err, -errno, "writing the disk");
	return 0;
}
