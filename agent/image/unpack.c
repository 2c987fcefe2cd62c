// SPDX-License-Identifier: Apache-2.0
/*
 * Decides what was brought. libarchive undoes the compression and reads tar; only those filters are
 * switched on that it has built in, since for others it would start programs.
 */
#include "unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>

#define BLOCK          (256 * 1024)
#define PROGRESS_EVERY (4ull * 1024 * 1024)

void image_close_archive(struct archive *archive)
{
	archive_read_free(archive);
}

int image_open_archive(int in_fd, bool raw, struct archive **ret_archive, struct bl_err *err)
{
	bl_auto_archive struct archive *archive = archive_read_new();

	if (!archive)
		return bl_fail(err, -ENOMEM, "opening the file");
	archive_read_support_filter_gzip(archive);
	archive_read_support_filter_xz(archive);
	archive_read_support_filter_zstd(archive);
	if (raw)
		archive_read_support_format_raw(archive);
	else
		archive_read_support_format_tar(archive);
	if (lseek(in_fd, 0, SEEK_SET) < 0)
		return bl_fail_errno(err, -errno, "rewinding the file");
	if (archive_read_open_fd(archive, in_fd, BLOCK) != ARCHIVE_OK)
		return bl_fail(err, -EINVAL, "%s", archive_error_string(archive));
	*ret_archive = bl_take_ptr(archive);
	return 0;
}

/* The entry's own size where the format knows it (holes at the end have no block), else what came. */
static uint64_t entry_end(struct archive_entry *entry, uint64_t end)
{
	uint64_t size = archive_entry_size_is_set(entry) ? (uint64_t)archive_entry_size(entry) : 0;

	return size > end ? size : end;
}

int image_copy_entry(struct archive *archive, struct image_sink *sink, struct bl_err *err)
{
	uint64_t told = 0;

	for (;;) {
		const void *bytes;
		size_t len;
		la_int64_t offset;
		int r = archive_read_data_block(archive, &bytes, &len, &offset);

		if (r == ARCHIVE_EOF)
			return 0;
		if (r != ARCHIVE_OK)
			return bl_fail(err, -EINVAL, "the file is damaged: %s",
				       archive_error_string(archive));
		r = image_sink_write(sink, bytes, len, (uint64_t)offset, err);
		if (r < 0)
			return r;
		if (sink->end - told >= PROGRESS_EVERY) {
			told = sink->end;
			sink->progress((uint64_t)archive_filter_bytes(archive, -1), sink->data);
		}
	}
}

/* POSIX tar has its magic at byte 257 of the first header. A disk that begins with zeroes would pass
 * for an empty archive, so libarchive is not asked. */
static int is_tar(int in_fd, bool *ret_tar, struct bl_err *err)
{
	bl_auto_archive struct archive *archive = NULL;
	struct archive_entry *entry;
	char start[512] = {0};
	int r = image_open_archive(in_fd, true, &archive, err);

	if (r < 0)
		return r;
	if (archive_read_next_header(archive, &entry) != ARCHIVE_OK)
		return bl_fail(err, -EINVAL, "the file is empty or damaged");
	if (archive_read_data(archive, start, sizeof(start)) < 0)
		return bl_fail(err, -EINVAL, "the file is damaged: %s",
			       archive_error_string(archive));
	*ret_tar = memcmp(start + 257, "ustar", 5) == 0;
	return 0;
}

static int copy_bare(int in_fd, struct image_sink *sink, struct bl_err *err)
{
	bl_auto_archive struct archive *archive = NULL;
	struct archive_entry *entry;
	int r = image_open_archive(in_fd, true, &archive, err);

	if (r < 0)
		return r;
	if (archive_read_next_header(archive, &entry) != ARCHIVE_OK)
		return bl_fail(err, -EINVAL, "the file is empty or damaged");
	r = image_copy_entry(archive, sink, err);
	return r < 0 ? r : image_sink_finish(sink, entry_end(entry, sink->end), err);
}

/* A compressed disk in gzip goes by zlib, everything else by libarchive. */
static int copy_disk(int in_fd, struct image_sink *sink, struct bl_err *err)
{
	unsigned char magic[2] = {0};

	if (pread(in_fd, magic, sizeof(magic), 0) < 0)
		return bl_fail_errno(err, -errno, "reading the file");
	return magic[0] == 0x1f && magic[1] == 0x8b ? image_copy_gzip(in_fd, sink, err)
						    : copy_bare(in_fd, sink, err);
}

int image_unpack(int in_fd, int out_fd, void (*progress)(uint64_t bytes, void *data), void *data,
		 const char **ret_format, struct bl_err *err)
{
	struct image_sink sink = {.fd = out_fd, .progress = progress, .data = data};
	bool tar;
	int r = is_tar(in_fd, &tar, err);

	if (r == 0)
		r = tar ? image_copy_from_layers(in_fd, &sink, err) : copy_disk(in_fd, &sink, err);
	return r < 0 ? r : image_check_format(out_fd, ret_format, err);
}
