/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decode tables: the walk over a document's members, each matched with the row of its path. What a
 * single value is lives in fields_value.c, what the rows mean in the tables themselves.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <beeline/fields.h>
#include <beeline/file.h>

#include "fields_near.h"
#include "fields_value.h"

#define PATH_MAX_LEN     512
#define SENTENCE_MAX_LEN 256 /* of a complaint, as a rule */

struct walk {
	const struct bl_fields *fields;
	void *data;
	struct bl_warnings *warnings;
	struct bl_err *complaints; /* about refused and unknown fields so far, a sentence each */
	struct bl_err *err;
	char **note;             /* for an unknown field; NULL: nobody wants one */
	size_t base;             /* where the row's path begins in path */
	char path[PATH_MAX_LEN]; /* of the member that is looked at, as errors show it */
};

void bl_warnings_clear(struct bl_warnings *warnings)
{
	for (size_t i = 0; i < warnings->n_items; i++)
		free(warnings->items[i]);
	free(warnings->items);
	*warnings = (struct bl_warnings){0};
}

static void add_warning(struct walk *walk, const char *what)
{
	struct bl_warnings *warnings = walk->warnings;

	if (!warnings || warnings->n_items == BL_WARNINGS_MAX)
		return;
	warnings->items = bl_realloc(warnings->items, (warnings->n_items + 1) * sizeof(char *));
	warnings->items[warnings->n_items++] = bl_format("%s: %s", walk->path, what);
}

static void warn(struct walk *walk, const char *why)
{
	bl_autofree char *what = bl_format("ignored: %s", why);

	add_warning(walk, what);
}

/* Appends a member's name to the path; returns the old length for pop(). A key is somebody else's
 * text: what a terminal would act on is shown as '?'. */
static size_t push(struct walk *walk, const char *key)
{
	size_t len = strlen(walk->path);

	snprintf(walk->path + len, sizeof(walk->path) - len, "%s%.*s", len ? "." : "",
		 FIELDS_NAME_MAX, key);
	for (char *c = walk->path + len; *c; c++)
		if (iscntrl((unsigned char)*c))
			*c = '?';
	return len;
}

static void pop(struct walk *walk, size_t len)
{
	walk->path[len] = '\0';
}

/* The member's path as rows write it. */
static const char *row_path(const struct walk *walk)
{
	return walk->path + walk->base;
}

static const struct bl_field *find_row(const struct bl_fields *fields, const char *path)
{
	for (size_t i = 0; i < fields->n_rows; i++)
		if (strcmp(fields->rows[i].path, path) == 0)
			return &fields->rows[i];
	return NULL;
}

/* Is there a row below this path? */
static bool is_parent(const struct bl_fields *fields, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < fields->n_rows; i++)
		if (strncmp(fields->rows[i].path, path, len) == 0 &&
		    fields->rows[i].path[len] == '.')
			return true;
	return false;
}

/* Could a key be a name at all? A dot would let it match across levels. */
static bool is_name(const char *key)
{
	return strlen(key) < FIELDS_NAME_MAX && !strchr(key, '.');
}

/* Notes what is wrong with the member and lets the walk go on, so that people learn of everything
 * at once; once no more fits, the walk ends. */
static int complain(struct walk *walk, int code, const char *what)
{
	struct bl_err *complaints = walk->complaints;
	size_t len = strlen(complaints->message);

	if (complaints->code != -EINVAL)
		complaints->code = code;
	snprintf(complaints->message + len, sizeof(complaints->message) - len, "%s%s: %s",
		 len ? ". " : "", walk->path, what);
	if (strlen(complaints->message) + SENTENCE_MAX_LEN < sizeof(complaints->message))
		return 0;
	return bl_fail(walk->err, complaints->code, "%s", complaints->message);
}

/* False: it is for others to complain. */
static bool forgive(struct walk *walk, const char *what)
{
	struct bl_warnings *warnings = walk->warnings;
	enum bl_unknown unknown = warnings ? warnings->unknown : BL_UNKNOWN_REFUSED;

	if (unknown == BL_UNKNOWN_REFUSED || (unknown == BL_UNKNOWN_NOTED && !walk->note))
		return false;
	if (walk->note && !*walk->note)
		*walk->note = bl_format("%s: %s", walk->path, what);
	else if (unknown != BL_UNKNOWN_IGNORED)
		add_warning(walk, what);
	return true;
}

static int unknown(struct walk *walk, const char *key)
{
	size_t parent_len = strlen(row_path(walk)) - strlen(key), at = walk->base;
	char what[PATH_MAX_LEN + 64] = "unknown field";
	const char *near = NULL;
	int len = 0;

	if (is_name(key) && parent_len < PATH_MAX_LEN)
		len = fields_near_here(walk->fields, row_path(walk), parent_len, &near);
	if (len > 0) {
		snprintf(what, sizeof(what), "unknown field (did you mean %.*s?)", len, near);
	} else if (is_name(key) && fields_near_elsewhere(walk->fields, key, &near)) {
		/* with the object that it belongs to: "disks[0].cache" */
		at -= at > 0;
		while (at > 0 && walk->path[at - 1] != '.')
			at--;
		snprintf(what, sizeof(what), "unknown field (did you mean %.*s%s?)",
			 (int)(walk->base - at), walk->path + at, near);
	}
	return forgive(walk, what) ? 0 : complain(walk, -EINVAL, what);
}

static int walk_object(struct walk *walk, const struct cJSON *object);
static int decode(struct walk *walk, const struct cJSON *object);

static int decode_list(struct walk *walk, const struct bl_field *row, const struct cJSON *json)
{
	char *array = NULL;
	size_t n = bl_json_size(json), i = 0, len = strlen(walk->path);
	int r;

	if (!bl_json_is_array(json))
		return fields_value_mistyped(json, walk->path, "array", walk->err);
	r = fields_value_count(row, n, walk->path, walk->err);
	if (r < 0)
		return r;
	if (!row->checked_only) {
		array = bl_alloc(n ? n * row->items->size : 1);
		*(char **)((char *)walk->data + row->offset) = array;
		*(size_t *)((char *)walk->data + row->second) = n;
	}
	bl_json_for_each (item, json) {
		struct walk inner = *walk;

		snprintf(inner.path + len, sizeof(inner.path) - len, "[%zu]", i);
		inner.fields = row->items;
		inner.data = array ? array + row->items->size * i : NULL;
		i++;
		r = decode(&inner, item);
		if (r < 0)
			return r;
	}
	return 0;
}

static int decode_mark(struct walk *walk, const struct bl_field *row, const struct cJSON *json)
{
	if (!bl_json_is_object(json))
		return fields_value_mistyped(json, walk->path, "object", walk->err);
	if (!row->checked_only)
		fields_value_store((char *)walk->data + row->offset, row->size, row->value);
	return walk_object(walk, json);
}

/* A member that is false or [] says what would hold without it. */
static bool asks_nothing(const struct cJSON *json)
{
	return (bl_json_is_bool(json) && !bl_json_true(json)) ||
	       (bl_json_is_array(json) && bl_json_size(json) == 0);
}

static int decode_row(struct walk *walk, const struct bl_field *row, const struct cJSON *json)
{
	switch (row->type) {
	case BL_FIELD_REFUSE:
		return asks_nothing(json) ? 0 : complain(walk, -ENOTSUP, row->why);
	case BL_FIELD_IGNORE:
		if (!asks_nothing(json))
			warn(walk, row->why);
		return 0;
	case BL_FIELD_ANY:
		return 0;
	case BL_FIELD_JSON:
		*(const struct cJSON **)((char *)walk->data + row->offset) = json;
		return 0;
	case BL_FIELD_MARK:
		return decode_mark(walk, row, json);
	case BL_FIELD_LIST:
		return decode_list(walk, row, json);
	default:
		return fields_value_decode(row, json, walk->path, walk->data, walk->err);
	}
}

static int decode_member(struct walk *walk, const char *key, const struct cJSON *json)
{
	const struct bl_field *row = is_name(key) ? find_row(walk->fields, row_path(walk)) : NULL;

	if (!row && !(is_name(key) && is_parent(walk->fields, row_path(walk))))
		return unknown(walk, key);
	if (bl_json_is_null(json))
		return 0;
	if (row)
		return decode_row(walk, row, json);
	if (!bl_json_is_object(json))
		return fields_value_mistyped(json, walk->path, "object", walk->err);
	return walk_object(walk, json);
}

static int walk_object(struct walk *walk, const struct cJSON *object)
{
	bl_json_for_each (member, object) {
		size_t len = push(walk, bl_json_key(member));
		int r = decode_member(walk, bl_json_key(member), member);

		pop(walk, len);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What stands at a row's path, up to len characters of it; NULL when absent or null. */
static const struct cJSON *look_up(const struct cJSON *object, const char *path, size_t len)
{
	char slashed[PATH_MAX_LEN];
	const struct cJSON *json;

	snprintf(slashed, sizeof(slashed), "%.*s", (int)len, path);
	for (char *c = slashed; *c; c++)
		if (*c == '.')
			*c = '/';
	json = bl_json_get(object, slashed);
	return json && !bl_json_is_null(json) ? json : NULL;
}

static bool is_present(const struct cJSON *object, const char *path)
{
	return look_up(object, path, strlen(path)) != NULL;
}

static const char *dot_of(const struct walk *walk)
{
	return walk->path[0] ? "." : "";
}

static int check_required(const struct walk *walk, const struct cJSON *object)
{
	for (size_t i = 0; i < walk->fields->n_rows; i++) {
		const struct bl_field *row = &walk->fields->rows[i];
		const char *last = strrchr(row->path, '.');

		if (!row->required || is_present(object, row->path))
			continue;
		if (!last || look_up(object, row->path, last - row->path))
			return bl_fail(walk->err, -EINVAL, "%s%s%s: missing", walk->path,
				       dot_of(walk), row->path);
	}
	return 0;
}

/* No member of the group is there although exactly one should be: names those that would do. */
static int fail_none(const struct walk *walk, const char *group)
{
	char names[256] = "";
	size_t used = 0;

	for (size_t i = 0; i < walk->fields->n_rows && used < sizeof(names); i++) {
		const struct bl_field *row = &walk->fields->rows[i];

		if (row->group && strcmp(row->group, group) == 0 && row->type != BL_FIELD_REFUSE)
			used += snprintf(names + used, sizeof(names) - used, "%s%s",
					 used ? " or " : "", row->path);
	}
	return bl_fail(walk->err, -EINVAL, "%s%sneeds %s", walk->path, walk->path[0] ? ": " : "",
		       names);
}

static int check_group(const struct walk *walk, const struct cJSON *object,
		       const struct bl_field *first)
{
	const struct bl_field *present = NULL;

	for (size_t i = 0; i < walk->fields->n_rows; i++) {
		const struct bl_field *row = &walk->fields->rows[i];

		if (!row->group || strcmp(row->group, first->group) != 0 ||
		    !is_present(object, row->path))
			continue;
		if (present)
			return bl_fail(walk->err, -EINVAL, "%s%s%s and %s exclude each other",
				       walk->path, walk->path[0] ? ": " : "", present->path,
				       row->path);
		present = row;
	}
	if (!present && first->one_of == BL_ONE_OF_EXACTLY_ONE)
		return fail_none(walk, first->group);
	return 0;
}

/* Each group is checked at the one row that carries its rule. */
static int check_groups(const struct walk *walk, const struct cJSON *object)
{
	for (size_t i = 0; i < walk->fields->n_rows; i++) {
		const struct bl_field *row = &walk->fields->rows[i];
		int r = row->one_of ? check_group(walk, object, row) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* The object at walk->path into walk->data. */
static int decode(struct walk *walk, const struct cJSON *object)
{
	int r;

	if (walk->fields->notes && walk->data)
		walk->note = (char **)((char *)walk->data + walk->fields->note);
	walk->base = strlen(walk->path) + (walk->path[0] != '\0');
	if (!bl_json_is_object(object))
		return fields_value_mistyped(object, walk->path, "object", walk->err);
	r = walk_object(walk, object);
	/* what is missing then is as likely misspelt */
	if (r < 0 || walk->complaints->code)
		return r;
	r = check_required(walk, object);
	if (r < 0)
		return r;
	return check_groups(walk, object);
}

int bl_fields_decode(const struct bl_fields *fields, const struct cJSON *object, const char *path,
		     void *ret_struct, struct bl_warnings *warnings, struct bl_err *err)
{
	struct bl_err complaints = BL_ERR_INIT;
	struct walk walk = {
		.fields = fields,
		.data = ret_struct,
		.warnings = warnings,
		.complaints = &complaints,
		.err = err,
	};
	int r;

	snprintf(walk.path, sizeof(walk.path), "%s", path);
	r = decode(&walk, object);
	if (r < 0)
		return r;
	return complaints.code ? bl_fail(err, complaints.code, "%s", complaints.message) : 0;
}

static void clear_list(const struct bl_field *row, void *data)
{
	char **array = (char **)((char *)data + row->offset);
	size_t *n = (size_t *)((char *)data + row->second);

	for (size_t i = 0; i < *n; i++)
		bl_fields_clear(row->items, *array + row->items->size * i);
	free(*array);
	*array = NULL;
	*n = 0;
}

void bl_fields_clear(const struct bl_fields *fields, void *data)
{
	for (size_t i = 0; i < fields->n_rows; i++) {
		if (fields->rows[i].type == BL_FIELD_LIST && !fields->rows[i].checked_only)
			clear_list(&fields->rows[i], data);
		else
			fields_value_clear(&fields->rows[i], data);
	}
	if (fields->notes) {
		char **note = (char **)((char *)data + fields->note);

		free(*note);
		*note = NULL;
	}
}
