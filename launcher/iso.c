// SPDX-License-Identifier: Apache-2.0
/* ISO images through libarchive: see iso.h. */
#include "iso.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

#include "iso_times.h"

/* ECMA-119 8.4.8: the volume identifier in the primary volume descriptor, sector 16. */
#define VOLUME_ID_OFFSET (16 * 2048 + 40)
/* What an image needs beyond its files: descriptors, path tables, directories, padding. */
#define OVERHEAD_MAX (1024u * 1024)

/* Direct I/O moves whole blocks: an image that ends inside one cannot be a disk. */
#define BLOCK_SIZE 4096

struct iso_buffer {
	char *bytes;
	size_t size; /* allocated */
	size_t used;
};

static void free_archive(struct archive **archive)
{
	archive_write_free(*archive);
}

static void free_entry(struct archive_entry **entry)
{
	archive_entry_free(*entry);
}

static int fail_archive(struct bl_err *err, struct archive *archive, const char *what)
{
	const char *why = archive_error_string(archive);

	return bl_fail(err, -EIO, "%s: %s", what, why ? why : "unknown error");
}

static int set_options(struct archive *archive, const char *volume, struct bl_err *err)
{
	bl_autofree char *options =
		bl_format("iso9660:rockridge=useful,iso9660:joliet,iso9660:iso-level=3,"
			  "iso9660:!zisofs,iso9660:volume-id=%s",
			  volume);

	if (archive_write_set_format_iso9660(archive) != ARCHIVE_OK ||
	    archive_write_set_options(archive, options) != ARCHIVE_OK)
		return fail_archive(err, archive, "setting up an ISO image");
	return 0;
}

/* Times stay at zero, as iso_times_fix() makes the others. */
static int add_file(struct archive *archive, const struct iso_file *file, struct bl_err *err)
{
	bl_cleanup(free_entry) struct archive_entry *entry = archive_entry_new();

	if (!entry)
		abort();
	archive_entry_set_pathname(entry, file->name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0444);
	archive_entry_set_size(entry, (la_int64_t)file->len);
	if (archive_write_header(archive, entry) != ARCHIVE_OK)
		return fail_archive(err, archive, file->name);
	if (archive_write_data(archive, file->text, file->len) != (la_ssize_t)file->len)
		return fail_archive(err, archive, file->name);
	return 0;
}

static int build(const char *volume, const struct iso_file *files, size_t n_files,
		 struct iso_buffer *buffer, struct bl_err *err)
{
	bl_cleanup(free_archive) struct archive *archive = archive_write_new();
	int r;

	if (!archive)
		abort();
	r = set_options(archive, volume, err);
	if (r < 0)
		return r;
	if (archive_write_open_memory(archive, buffer->bytes, buffer->size, &buffer->used) !=
	    ARCHIVE_OK)
		return fail_archive(err, archive, "opening an ISO image");
	for (size_t i = 0; i < n_files; i++) {
		r = add_file(archive, &files[i], err);
		if (r < 0)
			return r;
	}
	if (archive_write_close(archive) != ARCHIVE_OK)
		return fail_archive(err, archive, "finishing an ISO image");
	return 0;
}

/* libarchive holds to ECMA-119's d-characters and writes "CIDATA"; every other tool writes the id as
 * given, and readers compare bytes. */
static void restore_volume_id(struct iso_buffer *buffer, const char *volume)
{
	memset(buffer->bytes + VOLUME_ID_OFFSET, ' ', ISO_VOLUME_MAX);
	memcpy(buffer->bytes + VOLUME_ID_OFFSET, volume, strlen(volume));
}

int iso_write(const char *path, const char *volume, const struct iso_file *files, size_t n_files,
	      struct bl_err *err)
{
	struct iso_buffer buffer = {};
	bl_autofree char *bytes = NULL;
	size_t content = 0;
	int r;

	if (strlen(volume) > ISO_VOLUME_MAX)
		return bl_fail(err, -ENAMETOOLONG, "volume id '%s' is too long", volume);
	for (size_t i = 0; i < n_files; i++)
		content += files[i].len;
	if (content > ISO_CONTENT_MAX)
		return bl_fail(err, -EFBIG, "%s: more than %u bytes of content", path,
			       ISO_CONTENT_MAX);
	buffer.size = content + OVERHEAD_MAX;
	bytes = buffer.bytes = bl_alloc(buffer.size);
	r = build(volume, files, n_files, &buffer, err);
	if (r < 0)
		return bl_wrap(err, "%s", path);
	restore_volume_id(&buffer, volume);
	iso_times_fix(buffer.bytes, buffer.used);
	buffer.used = (buffer.used + BLOCK_SIZE - 1) / BLOCK_SIZE * BLOCK_SIZE;
	return bl_file_write(path, buffer.bytes, buffer.used, 0600, err);
}
