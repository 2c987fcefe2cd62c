// SPDX-License-Identifier: Apache-2.0
/*
 * The disk in a container image: index.json -> manifest -> layers (OCI image-layout 1.0), or
 * manifest.json -> layers (what `docker save` writes). Layers are searched from the top; the first
 * that has a file directly below /disk/ gives the disk. Names in archives are only compared, never
 * used as paths. Blobs are checked against the digest by which they are named.
 */
#include "unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/json.h>

#define MEMBERS_MAX  100000
#define DOCUMENT_MAX (4u * 1024 * 1024)
#define NESTING_MAX  4 /* an index may name an index */
#define HEX_LEN      (2 * SHA256_DIGEST_SIZE)
#define DIGEST_START "sha256:"
#define BLOB_DIR     "blobs/sha256/"
#define BLOB_MAX     (sizeof(BLOB_DIR) + HEX_LEN)

#if defined(__x86_64__)
#	define ARCHITECTURE "amd64"
#elif defined(__aarch64__)
#	define ARCHITECTURE "arm64"
#else
#	error "the name that container images have for this processor is not known here"
#endif

/* Names in archives begin with "./", "/" or neither. */
static const char *plain_name(struct archive_entry *entry)
{
	const char *name = archive_entry_pathname(entry);

	while (name && (strncmp(name, "./", 2) == 0 || name[0] == '/'))
		name += name[0] == '/' ? 1 : 2;
	return name ? name : "";
}

static int next_entry(struct archive *archive, struct archive_entry **ret_entry, struct bl_err *err)
{
	int r = archive_read_next_header(archive, ret_entry);

	if (r == ARCHIVE_EOF)
		return -ENOENT;
	if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
		return bl_fail(err, -EINVAL, "the archive is damaged: %s",
			       archive_error_string(archive));
	return 0;
}

/* Opens the archive at its regular file of that name; -ENOENT when there is none. */
static int open_member(int in_fd, const char *name, struct archive **ret_archive,
		       struct bl_err *err)
{
	bl_auto_archive struct archive *archive = NULL;
	int r = image_open_archive(in_fd, false, &archive, err);

	for (int i = 0; r == 0 && i < MEMBERS_MAX; i++) {
		struct archive_entry *entry;

		r = next_entry(archive, &entry, err);
		if (r == 0 && archive_entry_filetype(entry) == AE_IFREG &&
		    !archive_entry_hardlink(entry) && strcmp(plain_name(entry), name) == 0) {
			*ret_archive = bl_take_ptr(archive);
			return 0;
		}
	}
	if (r == 0 || r == -ENOENT)
		return bl_fail(err, -ENOENT, "the archive has no '%s'", name);
	return r;
}

/* A blob is named by its digest; other members' names say nothing of their content. */
static int check_name(const char *name, struct sha256_ctx *sha256, struct bl_err *err)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	char hex[HEX_LEN + 1];

	sha256_digest(sha256, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	if (strncmp(name, BLOB_DIR, strlen(BLOB_DIR)) == 0 &&
	    strcmp(name + strlen(BLOB_DIR), hex) != 0)
		return bl_fail(err, -EBADMSG, "%s is damaged: its digest is %s", name, hex);
	return 0;
}

static int read_text(int in_fd, const char *name, char *text, size_t *ret_len, struct bl_err *err)
{
	bl_auto_archive struct archive *archive = NULL;
	size_t len = 0;
	int r = open_member(in_fd, name, &archive, err);

	while (r == 0 && len < DOCUMENT_MAX) {
		la_ssize_t n = archive_read_data(archive, text + len, DOCUMENT_MAX - len);

		if (n < 0)
			return bl_fail(err, -EINVAL, "%s", archive_error_string(archive));
		if (n == 0)
			break;
		len += (size_t)n;
	}
	if (r == 0 && len == DOCUMENT_MAX)
		return bl_fail(err, -EFBIG, "larger than %u bytes", DOCUMENT_MAX);
	*ret_len = len;
	return r;
}

static int read_document(int in_fd, const char *name, struct cJSON **ret_json, struct bl_err *err)
{
	bl_autofree char *text = bl_alloc(DOCUMENT_MAX);
	struct sha256_ctx sha256;
	size_t len = 0;
	int r = read_text(in_fd, name, text, &len, err);

	if (r == 0) {
		sha256_init(&sha256);
		sha256_update(&sha256, len, (const uint8_t *)text);
		r = check_name(name, &sha256, err);
	}
	if (r == 0)
		r = bl_json_parse(text, len, ret_json, err);
	return r < 0 && r != -ENOENT ? bl_wrap(err, "%s", name) : r;
}

/* "sha256:<hex>" to the blob's name in the archive. */
static int blob_name(const char *digest, char name[BLOB_MAX], struct bl_err *err)
{
	size_t start = strlen(DIGEST_START);

	if (!digest || strncmp(digest, DIGEST_START, start) != 0 ||
	    strlen(digest + start) != HEX_LEN ||
	    strspn(digest + start, "0123456789abcdef") != HEX_LEN)
		return bl_fail(err, -EINVAL, "the archive's index has an unknown digest");
	snprintf(name, BLOB_MAX, BLOB_DIR "%s", digest + start);
	return 0;
}

/* ---- one layer ---- */

struct layer {
	struct archive *outer; /* stands at the layer's blob */
	struct sha256_ctx sha256;
};

static la_ssize_t read_layer(struct archive *archive, void *data, const void **ret_bytes)
{
	struct layer *layer = data;
	la_int64_t offset;
	size_t len;
	int r;

	do
		r = archive_read_data_block(layer->outer, ret_bytes, &len, &offset);
	while (r == ARCHIVE_OK && len == 0);
	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK) {
		archive_set_error(archive, EINVAL, "%s", archive_error_string(layer->outer));
		return -1;
	}
	sha256_update(&layer->sha256, len, *ret_bytes);
	return (la_ssize_t)len;
}

enum where { ELSEWHERE, IN_DISK, WHITEOUT };

static enum where look_at(struct archive_entry *entry)
{
	const char *name = plain_name(entry);

	if (strcmp(name, ".wh.disk") == 0)
		return WHITEOUT;
	if (strncmp(name, "disk/", 5) != 0)
		return ELSEWHERE;
	if (strncmp(name + 5, ".wh.", 4) == 0)
		return WHITEOUT;
	return name[5] && !strchr(name + 5, '/') && archive_entry_filetype(entry) == AE_IFREG &&
			       !archive_entry_hardlink(entry)
		       ? IN_DISK
		       : ELSEWHERE;
}

static int copy_disk(struct archive *archive, struct archive_entry *entry, struct image_sink *sink,
		     struct bl_err *err)
{
	uint64_t size = (uint64_t)archive_entry_size(entry);
	int r;

	if (sink->end)
		return bl_fail(err, -EINVAL, "the image has more than one file below /disk/");
	r = image_copy_entry(archive, sink, err);
	return r < 0 ? r : image_sink_finish(sink, size, err);
}

/* Sets *ret_hidden when what lies in lower layers is not to be seen. */
static int search_layer(struct archive *archive, struct image_sink *sink, bool *ret_hidden,
			struct bl_err *err)
{
	bool hidden = false;

	for (int i = 0; i < MEMBERS_MAX; i++) {
		struct archive_entry *entry;
		int r = next_entry(archive, &entry, err);

		if (r == -ENOENT) {
			*ret_hidden = hidden;
			return 0;
		}
		if (r < 0)
			return r;
		switch (look_at(entry)) {
		case IN_DISK:
			r = copy_disk(archive, entry, sink, err);
			if (r < 0)
				return r;
			break;
		case WHITEOUT:
			hidden = true;
			break;
		case ELSEWHERE:
			break;
		}
	}
	return bl_fail(err, -EFBIG, "a layer has too many files");
}

static int check_digest(struct layer *layer, struct archive *inner, const char *blob,
			struct bl_err *err)
{
	const void *rest;
	la_ssize_t n;

	/* What follows the end of the tar belongs to the blob too. */
	while ((n = read_layer(inner, layer, &rest)) > 0)
		;
	if (n < 0)
		return bl_fail(err, -EINVAL, "%s: %s", blob, archive_error_string(inner));
	return check_name(blob, &layer->sha256, err);
}

static int copy_from_layer(int in_fd, const char *blob, struct image_sink *sink, bool *ret_hidden,
			   struct bl_err *err)
{
	bl_auto_archive struct archive *outer = NULL, *inner = archive_read_new();
	struct layer layer;
	int r = open_member(in_fd, blob, &outer, err);

	if (r < 0)
		return r;
	layer.outer = outer;
	sha256_init(&layer.sha256);
	archive_read_support_filter_gzip(inner);
	archive_read_support_filter_zstd(inner);
	archive_read_support_format_tar(inner);
	archive_read_support_format_empty(inner);
	if (archive_read_open(inner, &layer, NULL, read_layer, NULL) != ARCHIVE_OK)
		return bl_fail(err, -EINVAL, "%s: %s", blob, archive_error_string(inner));
	r = search_layer(inner, sink, ret_hidden, err);
	return r < 0 ? r : check_digest(&layer, inner, blob, err);
}

/* ---- from the index to the layers ---- */

/* A manifest's entry in an index: for this processor, or without saying for which. */
static bool is_for_us(const struct cJSON *descriptor)
{
	const char *os = bl_json_get_string(descriptor, "platform/os");
	const char *architecture = bl_json_get_string(descriptor, "platform/architecture");

	return (!os || strcmp(os, "linux") == 0) &&
	       (!architecture || strcmp(architecture, ARCHITECTURE) == 0);
}

static int choose_manifest(const struct cJSON *index, const char **ret_digest, struct bl_err *err)
{
	const char *digest = NULL;
	size_t n = 0;

	bl_json_for_each (descriptor, bl_json_get(index, "manifests")) {
		if (!is_for_us(descriptor))
			continue;
		digest = bl_json_get_string(descriptor, "digest");
		n++;
	}
	if (n != 1)
		return bl_fail(err, -EINVAL, "the archive has %s image for %s",
			       n ? "more than one" : "no", ARCHITECTURE);
	*ret_digest = digest;
	return 0;
}

/* Follows index.json down to the one manifest with layers. The caller owns *ret_manifest. */
static int read_manifest(int in_fd, struct cJSON **ret_manifest, struct bl_err *err)
{
	bl_auto_json struct cJSON *document = NULL;
	int r = read_document(in_fd, "index.json", &document, err);

	for (int i = 0; r == 0 && i < NESTING_MAX; i++) {
		bl_auto_json struct cJSON *index = bl_take_ptr(document);
		const char *digest = NULL;
		char name[BLOB_MAX];

		if (bl_json_get(index, "layers")) {
			*ret_manifest = bl_take_ptr(index);
			return 0;
		}
		r = choose_manifest(index, &digest, err);
		if (r == 0)
			r = blob_name(digest, name, err);
		if (r == 0)
			r = read_document(in_fd, name, &document, err);
		if (r == -ENOENT)
			r = -EINVAL;
	}
	return r < 0 ? r : bl_fail(err, -EINVAL, "the archive's index leads to no image");
}

/* A list of blob names from either kind of archive. The caller owns *ret_names. */
static int list_layers(int in_fd, struct cJSON **ret_names, struct bl_err *err)
{
	bl_auto_json struct cJSON *manifest = NULL, *names = bl_json_array();
	int r = read_manifest(in_fd, &manifest, err);

	if (r == -ENOENT) {
		r = read_document(in_fd, "manifest.json", &manifest, err);
		if (r == -ENOENT)
			return bl_fail(err, -EINVAL,
				       "a tar file, but no container image: it has "
				       "neither index.json nor manifest.json");
		if (r == 0 && bl_json_size(manifest) != 1)
			return bl_fail(err, -EINVAL, "the archive has more than one image");
		if (r < 0)
			return r;
		*ret_names = bl_json_copy(bl_json_get(manifest, "0/Layers"));
		return 0;
	}
	if (r < 0)
		return r;
	bl_json_for_each (layer, bl_json_get(manifest, "layers")) {
		char name[BLOB_MAX];

		r = blob_name(bl_json_get_string(layer, "digest"), name, err);
		if (r < 0)
			return r;
		bl_json_append(names, bl_json_string(name));
	}
	*ret_names = bl_take_ptr(names);
	return 0;
}

int image_copy_from_layers(int in_fd, struct image_sink *sink, struct bl_err *err)
{
	bl_auto_json struct cJSON *names = NULL;
	bool hidden = false;
	int r = list_layers(in_fd, &names, err);

	for (size_t i = bl_json_size(names); r == 0 && i > 0 && !sink->end && !hidden; i--) {
		bl_autofree char *at = bl_format("%zu", i - 1);
		const char *blob = bl_json_get_string(names, at);

		if (!blob)
			return bl_fail(err, -EINVAL, "the archive's list of layers is damaged");
		r = copy_from_layer(in_fd, blob, sink, &hidden, err);
	}
	if (r == 0 && !sink->end)
		return bl_fail(err, -EINVAL,
			       "the image has no file directly below /disk/: not a containerDisk");
	return r;
}
