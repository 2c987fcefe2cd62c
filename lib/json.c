// SPDX-License-Identifier: Apache-2.0
/*
 * JSON values: cJSON's tree behind functions of our own. The only file that includes its header.
 * Reading text is json_check.c's (the grammar) and cJSON's (the tree); writing is json_print.c's.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/json.h>

#include "json_check.h"

#define KEY_MAX 256 /* of one step of a path */

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted, since a hostile object of many keys must not cost the square of its size. */
static int refuse_duplicates(const struct cJSON *object, struct bl_err *err)
{
	size_t n = bl_json_size(object), i = 0;
	bl_autofree const char **keys = bl_alloc(n * sizeof(*keys));

	bl_json_for_each (member, object)
		keys[i++] = member->string;
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (i = 1; i < n; i++)
		if (strcmp(keys[i - 1], keys[i]) == 0)
			return bl_fail(err, -EINVAL, "key \"%.128s\" stands twice in an object",
				       keys[i]);
	return 0;
}

/* What the grammar allows and we do not: a key twice, a number that is no finite double. */
static int check_tree(const struct cJSON *json, struct bl_err *err)
{
	int r = 0;

	if (cJSON_IsObject(json))
		r = refuse_duplicates(json, err);
	if (cJSON_IsNumber(json) && !isfinite(json->valuedouble))
		r = bl_fail(err, -EINVAL, "a number is out of range");
	for (const struct cJSON *member = bl_json_first(json); r == 0 && member;
	     member = member->next)
		r = check_tree(member, err);
	return r;
}

int bl_json_parse(const char *text, size_t len, struct cJSON **ret_json, struct bl_err *err)
{
	return bl_json_parse_within(text, len, BL_JSON_VALUES_MAX, ret_json, err);
}

int bl_json_parse_within(const char *text, size_t len, size_t max_values, struct cJSON **ret_json,
			 struct bl_err *err)
{
	bl_auto_json struct cJSON *json = NULL;
	int r = bl_json_check(text, len, max_values, err);

	if (r < 0)
		return r;
	json = cJSON_ParseWithLength(text, len);
	if (!json)
		return bl_fail(err, -ENOMEM, "JSON of %zu bytes does not fit into memory", len);
	r = check_tree(json, err);
	if (r < 0)
		return r;
	*ret_json = bl_take_ptr(json);
	return 0;
}

void bl_json_free(struct cJSON *json)
{
	cJSON_Delete(json);
}

/* Out of memory for one value: see cleanup.h's sister rule in file.h. */
static struct cJSON *made(struct cJSON *json)
{
	if (!json)
		abort();
	return json;
}

struct cJSON *bl_json_object(void)
{
	return made(cJSON_CreateObject());
}

struct cJSON *bl_json_array(void)
{
	return made(cJSON_CreateArray());
}

struct cJSON *bl_json_string(const char *text)
{
	return made(cJSON_CreateString(text));
}

struct cJSON *bl_json_number(double number)
{
	return made(cJSON_CreateNumber(number));
}

struct cJSON *bl_json_bool(bool value)
{
	return made(cJSON_CreateBool(value));
}

struct cJSON *bl_json_null(void)
{
	return made(cJSON_CreateNull());
}

struct cJSON *bl_json_copy(const struct cJSON *json)
{
	return json ? made(cJSON_Duplicate(json, true)) : NULL;
}

void bl_json_set(struct cJSON *object, const char *key, struct cJSON *value)
{
	if (!value)
		return;
	if (bl_json_member(object, key))
		cJSON_ReplaceItemInObjectCaseSensitive(object, key, value);
	else if (!cJSON_AddItemToObject(object, key, value))
		abort();
}

void bl_json_set_string(struct cJSON *object, const char *key, const char *text)
{
	if (text)
		bl_json_set(object, key, bl_json_string(text));
}

void bl_json_set_number(struct cJSON *object, const char *key, double number)
{
	bl_json_set(object, key, bl_json_number(number));
}

void bl_json_set_bool(struct cJSON *object, const char *key, bool value)
{
	bl_json_set(object, key, bl_json_bool(value));
}

void bl_json_append(struct cJSON *array, struct cJSON *value)
{
	if (value)
		cJSON_AddItemToArray(array, value);
}

void bl_json_remove(struct cJSON *object, const char *key)
{
	cJSON_DeleteItemFromObjectCaseSensitive(object, key);
}

struct cJSON *bl_json_ensure(struct cJSON *object, const char *key)
{
	struct cJSON *member = bl_json_member(object, key);

	if (!cJSON_IsObject(member)) {
		member = bl_json_object();
		bl_json_set(object, key, member);
	}
	return member;
}

struct cJSON *bl_json_member(const struct cJSON *object, const char *key)
{
	return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
}

static struct cJSON *array_item(const struct cJSON *array, const char *index)
{
	size_t len = strlen(index);

	if (!len || len > 6 || strspn(index, "0123456789") != len)
		return NULL;
	return cJSON_GetArrayItem(array, (int)strtol(index, NULL, 10));
}

struct cJSON *bl_json_get(const struct cJSON *json, const char *path)
{
	while (json && *path) {
		size_t len = strcspn(path, "/");
		char key[KEY_MAX];

		if (len >= sizeof(key))
			return NULL;
		memcpy(key, path, len);
		key[len] = '\0';
		json = cJSON_IsArray(json) ? array_item(json, key) : bl_json_member(json, key);
		path += len + (path[len] == '/');
	}
	return (struct cJSON *)json;
}

const char *bl_json_get_string(const struct cJSON *json, const char *path)
{
	return bl_json_text(bl_json_get(json, path));
}

double bl_json_get_number(const struct cJSON *json, const char *path, double fallback)
{
	const struct cJSON *value = bl_json_get(json, path);

	return cJSON_IsNumber(value) ? value->valuedouble : fallback;
}

bool bl_json_get_bool(const struct cJSON *json, const char *path, bool fallback)
{
	const struct cJSON *value = bl_json_get(json, path);

	return cJSON_IsBool(value) ? cJSON_IsTrue(value) : fallback;
}

bool bl_json_is_object(const struct cJSON *json)
{
	return cJSON_IsObject(json);
}

bool bl_json_is_array(const struct cJSON *json)
{
	return cJSON_IsArray(json);
}

bool bl_json_is_string(const struct cJSON *json)
{
	return cJSON_IsString(json);
}

bool bl_json_is_number(const struct cJSON *json)
{
	return cJSON_IsNumber(json);
}

bool bl_json_is_bool(const struct cJSON *json)
{
	return cJSON_IsBool(json);
}

bool bl_json_is_null(const struct cJSON *json)
{
	return cJSON_IsNull(json);
}

const char *bl_json_text(const struct cJSON *json)
{
	return cJSON_IsString(json) ? json->valuestring : NULL;
}

double bl_json_value(const struct cJSON *json)
{
	return cJSON_IsNumber(json) ? json->valuedouble : 0;
}

bool bl_json_true(const struct cJSON *json)
{
	return cJSON_IsTrue(json);
}

const char *bl_json_key(const struct cJSON *member)
{
	return member ? member->string : NULL;
}

const char *bl_json_type(const struct cJSON *json)
{
	if (!json)
		return "nothing";
	switch (json->type & 0xff) {
	case cJSON_Object:
		return "object";
	case cJSON_Array:
		return "array";
	case cJSON_String:
		return "string";
	case cJSON_Number:
		return "number";
	case cJSON_True:
	case cJSON_False:
		return "boolean";
	default:
		return "null";
	}
}

size_t bl_json_size(const struct cJSON *json)
{
	return bl_json_first(json) ? (size_t)cJSON_GetArraySize(json) : 0;
}

static bool members_equal(const struct cJSON *a, const struct cJSON *b)
{
	const struct cJSON *beside = b->child;

	/* Mostly the order is the same, so the counterpart stands beside. */
	for (const struct cJSON *member = a->child; member; member = member->next) {
		const struct cJSON *other = beside;

		if (cJSON_IsObject(a) && (!beside || strcmp(beside->string, member->string) != 0))
			other = bl_json_member(b, member->string);
		if (!other || !bl_json_equal(member, other))
			return false;
		beside = beside ? beside->next : NULL;
	}
	return true;
}

bool bl_json_equal(const struct cJSON *a, const struct cJSON *b)
{
	if (!a || !b)
		return a == b;
	if ((a->type & 0xff) != (b->type & 0xff))
		return false;
	if (cJSON_IsString(a))
		return strcmp(a->valuestring, b->valuestring) == 0;
	if (cJSON_IsNumber(a))
		return a->valuedouble == b->valuedouble;
	return bl_json_size(a) == bl_json_size(b) && members_equal(a, b);
}

struct cJSON *bl_json_first(const struct cJSON *json)
{
	return cJSON_IsObject(json) || cJSON_IsArray(json) ? json->child : NULL;
}

struct cJSON *bl_json_next(const struct cJSON *member)
{
	return member->next;
}
