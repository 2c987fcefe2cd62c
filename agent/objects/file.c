// SPDX-License-Identifier: Apache-2.0
/* Objects as files: see the header. */
#include "file.h"

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <beeline/file.h>
#include <beeline/log.h>
#include <beeline/vmi.h>

#include "spare.h"

#define NO_NAMESPACE   "_"
#define SUFFIX         ".json"
#define SUFFIX_OF_LONG "~" /* a file's name has 255 bytes at most, and an object's 253 */
#define FILE_BYTES_MAX (4 * OBJECT_FILE_MAX) /* with the blanks of its room */

static bool is_path_part(const char *text)
{
	return text && *text && *text != '.' && !strchr(text, '/');
}

static const char *namespace_part(const struct object_key *key)
{
	return *key->namespace ? key->namespace : NO_NAMESPACE;
}

static const char *suffix_for(const char *name)
{
	return strlen(name) + strlen(SUFFIX) <= NAME_MAX ? SUFFIX : SUFFIX_OF_LONG;
}

static int file_path(const char *dir, const struct object_key *key, char **ret_path,
		     struct bl_err *err)
{
	if (!is_path_part(key->kind) || !is_path_part(namespace_part(key)) ||
	    !is_path_part(key->name))
		return bl_fail(err, -EINVAL, "object without a usable kind, namespace or name");
	*ret_path = bl_format("%s/%s/%s/%s%s", dir, key->kind, namespace_part(key), key->name,
			      suffix_for(key->name));
	return 0;
}

int object_file_write(const char *dir, const struct object_key *key, const struct cJSON *document,
		      struct bl_err *err)
{
	bl_autofree char *path = NULL;
	bl_autofree char *parent = NULL;
	bl_autofree char *text = bl_json_print_pretty(document);
	int r;

	r = file_path(dir, key, &path, err);
	if (r < 0)
		return r;
	if (strlen(text) > OBJECT_FILE_MAX)
		return bl_fail(err, -EFBIG, "%s \"%s\" is larger than %u bytes", key->kind,
			       key->name, OBJECT_FILE_MAX);
	parent = bl_format("%s/%s/%s", dir, key->kind, namespace_part(key));
	r = bl_dir_make(parent, 0700, err);
	if (r < 0)
		return r;
	return spare_write(dir, path, text, strlen(text), err);
}

int object_file_remove(const char *dir, const struct object_key *key, struct bl_err *err)
{
	bl_autofree char *path = NULL;
	int r;

	r = file_path(dir, key, &path, err);
	if (r < 0)
		return r;
	if (unlink(path) < 0 && errno != ENOENT)
		return bl_fail_errno(err, -errno, "removing '%s'", path);
	return 0;
}

/* The document must be what its path says, or a file put there by hand could be two objects. */
static int file_read(const char *dir, const char *path, struct cJSON **ret_document,
		     struct bl_err *err)
{
	bl_auto_json struct cJSON *document = NULL;
	bl_autofree char *text = NULL;
	bl_autofree char *expected = NULL;
	struct object_key key;
	size_t len;
	int r;

	r = bl_file_read(path, FILE_BYTES_MAX, &text, &len, err);
	if (r < 0)
		return r;
	r = bl_json_parse(text, len, &document, err);
	if (r < 0)
		return r;
	r = bl_object_validate_stored(document, err);
	if (r < 0)
		return r;
	key = object_key(document);
	r = file_path(dir, &key, &expected, err);
	if (r < 0)
		return r;
	if (strcmp(path, expected) != 0)
		return bl_fail(err, -EINVAL, "the object's own name belongs to '%s'", expected);
	*ret_document = bl_take_ptr(document);
	return 0;
}

int object_file_read(const char *dir, const struct object_key *key, struct cJSON **ret_document,
		     struct bl_err *err)
{
	bl_autofree char *path = NULL;
	int r = file_path(dir, key, &path, err);

	return r < 0 ? r : file_read(dir, path, ret_document, err);
}

static bool has_suffix(const char *text, const char *suffix)
{
	size_t len = strlen(text), n = strlen(suffix);

	return len > n && strcmp(text + len - n, suffix) == 0;
}

static bool is_object(const FTSENT *entry)
{
	return entry->fts_level == 3 && entry->fts_info != FTS_D && entry->fts_info != FTS_DP &&
	       (has_suffix(entry->fts_name, SUFFIX) || has_suffix(entry->fts_name, SUFFIX_OF_LONG));
}

int object_files_load(const char *dir, void (*fn)(struct cJSON *document, void *data), void *data,
		      struct bl_err *err)
{
	char *roots[] = {(char *)dir, NULL};
	FTS *tree;
	FTSENT *entry;
	int r;

	r = bl_dir_make(dir, 0700, err);
	if (r < 0)
		return r;
	tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	if (!tree)
		return bl_fail_errno(err, -errno, "reading '%s'", dir);
	while ((entry = fts_read(tree))) {
		struct bl_err why = BL_ERR_INIT;
		struct cJSON *document = NULL;

		if (!is_object(entry))
			continue;
		if (file_read(dir, entry->fts_path, &document, &why) < 0)
			bl_warn("skipping a stored object", "file", entry->fts_path, "error",
				why.message);
		else
			fn(document, data);
	}
	fts_close(tree);
	return 0;
}
