// SPDX-License-Identifier: Apache-2.0
/* Typed values of a document; see value.h. A path is put together only where it is told. */
#include "value.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PATH_MAX_LEN 256

static const struct {
	const char *name;
	bool (*holds)(const struct cJSON *json);
} types[] = {
	[VALUE_OBJECT] = {"object", bl_json_is_object},
	[VALUE_LIST] = {"array", bl_json_is_array},
	[VALUE_TEXT] = {"string", bl_json_is_string},
	[VALUE_NUMBER] = {"number", bl_json_is_number},
	[VALUE_BOOL] = {"boolean", bl_json_is_bool},
};

static void append_members(const char *path, char text[static PATH_MAX_LEN])
{
	size_t len = strlen(text);

	snprintf(text + len, PATH_MAX_LEN - len, "%s%s", len ? "." : "", path);
	for (char *c = text + len; *c; c++)
		*c = *c == '/' ? '.' : *c;
}

static void append_path(const struct value *value, char text[static PATH_MAX_LEN])
{
	size_t len;

	if (!value->outer)
		return;
	append_path(value->outer, text);
	len = strlen(text);
	if (value->key)
		snprintf(text + len, PATH_MAX_LEN - len, "['%.63s']", value->key);
	else if (!value->path)
		snprintf(text + len, PATH_MAX_LEN - len, "[%zu]", value->index);
	else
		append_members(value->path, text);
}

int value_fail(const struct value *value, struct bl_err *err, const char *fmt, ...)
{
	char path[PATH_MAX_LEN] = "", text[BL_ERR_MESSAGE_MAX];
	va_list args;

	append_path(value, path);
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return bl_fail(err, -EINVAL, "%s: %s", path, text);
}

static int check(const struct value *value, enum value_type type, struct bl_err *err)
{
	if (!value->json || types[type].holds(value->json))
		return 0;
	return value_fail(value, err, "expected %s, got %s", types[type].name,
			  bl_json_type(value->json));
}

const struct value *value_document(const struct value *value)
{
	while (value->outer)
		value = value->outer;
	return value;
}

/* Who stands on the way to a member must be an object: the first that is not, is told. */
static int check_way(const struct value *outer, const char *path, struct bl_err *err)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		char head[PATH_MAX_LEN];
		struct value way = {.outer = outer, .path = head};

		snprintf(head, sizeof(head), "%.*s", (int)(slash - path), path);
		way.json = bl_json_get(outer->json, head);
		if (way.json && !bl_json_is_null(way.json) && check(&way, VALUE_OBJECT, err) < 0)
			return -EINVAL;
	}
	return 0;
}

int value_read(const struct value *outer, const char *path, enum value_type type,
	       struct value *ret_value, struct bl_err *err)
{
	struct value value = {.json = bl_json_get(outer->json, path), .outer = outer, .path = path};

	if (bl_json_is_null(value.json))
		value.json = NULL;
	*ret_value = value;
	return value.json ? check(&value, type, err) : check_way(outer, path, err);
}

int value_read_text(const struct value *outer, const char *path, const char **ret_text,
		    struct bl_err *err)
{
	struct value value;
	int r = value_read(outer, path, VALUE_TEXT, &value, err);

	if (r == 0)
		*ret_text = bl_json_text(value.json);
	return r;
}

int value_read_bool(const struct value *outer, const char *path, bool fallback, bool *ret_value,
		    struct bl_err *err)
{
	struct value value;
	int r = value_read(outer, path, VALUE_BOOL, &value, err);

	if (r == 0)
		*ret_value = bl_json_get_bool(outer->json, path, fallback);
	return r;
}

int value_read_items(const struct value *outer, const char *path, enum value_type type,
		     int (*read)(const struct value *item, void *data, struct bl_err *err),
		     void *data, struct bl_err *err)
{
	struct value list;
	size_t n = 0;
	int r = value_read(outer, path, VALUE_LIST, &list, err);

	if (r < 0)
		return r;
	bl_json_for_each (each, list.json) {
		struct value item = {each, &list, .index = n++};

		r = check(&item, type, err);
		if (r == 0)
			r = read(&item, data, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int value_read_labels(const struct value *outer, const char *path, const char *source,
		      struct bl_labels *labels, struct bl_err *err)
{
	struct value object;
	int r = value_read(outer, path, VALUE_OBJECT, &object, err);

	if (r < 0)
		return r;
	bl_json_for_each (each, object.json) {
		struct value value = {each, &object, .key = bl_json_key(each)};

		r = check(&value, VALUE_TEXT, err);
		if (r < 0)
			return r;
	}
	bl_labels_set_all(labels, source, "", object.json);
	return 0;
}
