// SPDX-License-Identifier: Apache-2.0
/*
 * The store's names and blobs, on disk only: every look reads what is there, so nothing has to be
 * kept in step. How a blob comes to be is image/import.c's.
 */
#include "../image.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <beeline/file.h>

#include "store.h"

#define NAMES_MAX     (16 * 1024 * 1024)
#define BLOB_FACT_MAX 4096

void images_free(struct images *images)
{
	if (!images)
		return;
	image_imports_free(images);
	image_pulls_free(images);
	free(images->dir);
	free(images->blobs);
	free(images->names);
	free(images->incoming);
	free(images);
}
BL_DEFINE_AUTO(images, struct images *, images_free)

int images_new(struct bl_loop *loop, const char *state_dir, uid_t vm_uid,
	       struct images **ret_images, struct bl_err *err)
{
	bl_cleanup(bl_auto_images_fn) struct images *images = bl_alloc(sizeof(*images));
	int r;

	images->loop = loop;
	images->vm_uid = vm_uid;
	images->dir = bl_format("%s/images", state_dir);
	images->blobs = bl_format("%s/blobs", images->dir);
	images->names = bl_format("%s/names.json", images->dir);
	images->incoming = bl_format("%s/incoming", images->dir);
	r = bl_dir_make(images->dir, 0711, err);
	if (r == 0)
		r = bl_dir_make(images->blobs, 0700, err);
	/* What an earlier agent did not finish is of no use to anybody. */
	if (r == 0)
		r = bl_dir_remove(images->incoming, err);
	if (r == 0)
		r = bl_dir_make(images->incoming, 0711, err);
	if (r < 0)
		return bl_wrap(err, "image store");
	*ret_images = bl_take_ptr(images);
	return 0;
}

void image_clear(struct image *image)
{
	free(image->name);
	free(image->digest);
	free(image->format);
	free(image->path);
	*image = (struct image){0};
}

/* ---- files ---- */

static int read_json(const char *path, size_t max, struct cJSON **ret_json, struct bl_err *err)
{
	bl_autofree char *text = NULL;
	size_t len;
	int r = bl_file_read(path, max, &text, &len, err);

	return r < 0 ? r : bl_json_parse(text, len, ret_json, err);
}

static int write_json(const char *path, const struct cJSON *json, struct bl_err *err)
{
	bl_autofree char *text = bl_json_print_pretty(json);

	return bl_file_write(path, text, strlen(text), 0600, err);
}

static int read_names(const struct images *images, struct cJSON **ret_names, struct bl_err *err)
{
	int r = read_json(images->names, NAMES_MAX, ret_names, err);

	if (r == -ENOENT) {
		*ret_names = bl_json_object();
		return 0;
	}
	return r < 0 ? bl_wrap(err, "image store") : 0;
}

static bool has_digest(const struct cJSON *names, const char *digest)
{
	bl_json_for_each (member, names)
		if (bl_json_text(member) && strcmp(bl_json_text(member), digest) == 0)
			return true;
	return false;
}

static char *blob_path(const struct images *images, const char *digest, const char *suffix)
{
	return bl_format("%s/%s%s", images->blobs, digest + strlen(IMAGE_DIGEST_START), suffix);
}

/* ---- looking up ---- */

int image_find_digest(struct images *images, const char *digest, struct image *ret_image,
		      struct bl_err *err)
{
	bl_autofree char *path = NULL, *facts_path = NULL;
	bl_auto_json struct cJSON *facts = NULL;
	const char *format;
	struct stat st;

	if (!image_digest_is_valid(digest))
		return bl_fail(err, -EINVAL, "'%.80s' is not a digest (sha256:...)", digest);
	path = blob_path(images, digest, "");
	facts_path = blob_path(images, digest, ".json");
	if (stat(path, &st) < 0 || read_json(facts_path, BLOB_FACT_MAX, &facts, NULL) < 0)
		return bl_fail(err, -ENOENT, "no image with digest %s is in the store", digest);
	format = bl_json_get_string(facts, "format");
	*ret_image = (struct image){
		.digest = bl_strdup(digest),
		.format = bl_strdup(format ? format : "raw"),
		.path = bl_take_ptr(path),
		.size = (uint64_t)st.st_blocks * 512,
		.virtual_size = (uint64_t)bl_json_get_number(facts, "virtualSize", 0),
	};
	return 0;
}

int image_find(struct images *images, const char *name, struct image *ret_image, struct bl_err *err)
{
	bl_autofree char *full = NULL;
	bl_auto_json struct cJSON *names = NULL;
	const char *digest;
	int r = image_name_normalize(name, &full, err);

	if (r == 0)
		r = read_names(images, &names, err);
	if (r < 0)
		return r;
	digest = bl_json_text(bl_json_member(names, full));
	if (!digest)
		return bl_fail(err, -ENOENT,
			       "image '%s' is not in the store; "
			       "bring it with 'beeline image import %s FILE|URL'",
			       full, name);
	r = image_find_digest(images, digest, ret_image, err);
	if (r == 0)
		ret_image->name = bl_take_ptr(full);
	return r;
}

static struct cJSON *describe(const struct image *image, const char *name)
{
	struct cJSON *item = bl_json_object();

	bl_json_set_string(item, "name", name);
	bl_json_set_string(item, "digest", image->digest);
	bl_json_set_string(item, "format", image->format);
	bl_json_set_number(item, "bytes", (double)image->size);
	bl_json_set_number(item, "virtualBytes", (double)image->virtual_size);
	return item;
}

struct cJSON *images_list(struct images *images)
{
	struct cJSON *items = bl_json_array();
	bl_auto_json struct cJSON *names = NULL;

	if (read_names(images, &names, NULL) < 0)
		return items;
	bl_json_for_each (member, names) {
		struct image image;

		if (!bl_json_text(member) ||
		    image_find_digest(images, bl_json_text(member), &image, NULL) < 0)
			continue;
		bl_json_append(items, describe(&image, bl_json_key(member)));
		image_clear(&image);
	}
	return items;
}

/* ---- changing ---- */

int image_store_add(struct images *images, const char *name, const char *digest, const char *format,
		    uint64_t virtual_size, const char *path, struct bl_err *err)
{
	bl_autofree char *blob = blob_path(images, digest, "");
	bl_autofree char *facts_path = blob_path(images, digest, ".json");
	bl_auto_json struct cJSON *facts = bl_json_object(), *names = NULL;
	int r;

	bl_json_set_string(facts, "format", format);
	bl_json_set_number(facts, "virtualSize", (double)virtual_size);
	r = read_names(images, &names, err);
	if (r == 0)
		r = write_json(facts_path, facts, err);
	if (r < 0)
		return r;
	/* The same digest is the same disk; a VM may have the blob open, so it is left as it is. */
	if (bl_file_exists(blob))
		unlink(path);
	else if (rename(path, blob) < 0)
		return bl_fail_errno(err, -errno, "moving the disk into the store");
	bl_json_set_string(names, name, digest);
	return write_json(images->names, names, err);
}

static int remove_blob(const struct images *images, const char *digest, struct bl_err *err)
{
	bl_autofree char *blob = blob_path(images, digest, "");
	bl_autofree char *facts = blob_path(images, digest, ".json");

	if ((unlink(blob) < 0 && errno != ENOENT) || (unlink(facts) < 0 && errno != ENOENT))
		return bl_fail_errno(err, -errno, "removing %s", blob);
	return 0;
}

int image_delete(struct images *images, const char *name,
		 bool (*in_use)(const char *digest, void *data), void *data, struct bl_err *err)
{
	bl_autofree char *full = NULL, *digest = NULL;
	bl_auto_json struct cJSON *names = NULL;
	int r = image_name_normalize(name, &full, err);

	if (r == 0)
		r = read_names(images, &names, err);
	if (r < 0)
		return r;
	digest = bl_strdup(bl_json_text(bl_json_member(names, full)));
	if (!image_digest_is_valid(digest))
		return bl_fail(err, -ENOENT, "image '%s' is not in the store", full);
	if (in_use(digest, data))
		return bl_fail(err, -EBUSY, "image '%s' is in use by a VM", full);
	bl_json_remove(names, full);
	r = write_json(images->names, names, err);
	if (r < 0 || has_digest(names, digest))
		return r;
	return remove_blob(images, digest, err);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

int images_prune(struct images *images, bool (*in_use)(const char *digest, void *data), void *data,
		 struct cJSON **ret_deleted, struct bl_err *err)
{
	bl_auto_json struct cJSON *names = NULL, *deleted = bl_json_array();
	bl_cleanup(close_dir) DIR *dir = opendir(images->blobs);
	struct dirent *entry;
	int r = read_names(images, &names, err);

	if (r < 0)
		return r;
	if (!dir)
		return bl_fail_errno(err, -errno, "opening %s", images->blobs);
	while ((entry = readdir(dir))) {
		bl_autofree char *digest =
			bl_format(IMAGE_DIGEST_START "%.*s", IMAGE_HEX_LEN, entry->d_name);

		if (!image_digest_is_valid(digest) || has_digest(names, digest) ||
		    in_use(digest, data))
			continue;
		r = remove_blob(images, digest, err);
		if (r < 0)
			return r;
		if (strlen(entry->d_name) == IMAGE_HEX_LEN)
			bl_json_append(deleted, bl_json_string(digest));
	}
	*ret_deleted = bl_take_ptr(deleted);
	return 0;
}
