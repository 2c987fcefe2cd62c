/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON values. The representation is cJSON's, but only lib/json.c includes its header: everybody
 * else holds `struct cJSON *` and goes through these functions, so bounds and error texts are the
 * same everywhere.
 *
 * A small allocation that fails aborts the program. Text from outside is bounded before parsing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <beeline/cleanup.h>
#include <beeline/err.h>

struct cJSON;

/* Nesting beyond this is refused: every consumer recurses. */
#define BL_JSON_DEPTH_MAX 64
/* Values in one text: a value takes thirty times the memory of its shortest text. */
#define BL_JSON_VALUES_MAX 200000

/* Parses exactly one value that fills text; -EINVAL says where it went wrong. Duplicate keys in an
 * object are refused. The caller owns *ret_json. */
int bl_json_parse(const char *text, size_t len, struct cJSON **ret_json, struct bl_err *err);
/* The same with another bound than BL_JSON_VALUES_MAX, for text that is its reader's own. */
int bl_json_parse_within(const char *text, size_t len, size_t max_values, struct cJSON **ret_json,
			 struct bl_err *err);
/* Compact / indented text; the caller frees. Never NULL. */
char *bl_json_print(const struct cJSON *json);
char *bl_json_print_pretty(const struct cJSON *json);
void bl_json_free(struct cJSON *json);
BL_DEFINE_AUTO(json, struct cJSON *, bl_json_free)
#define bl_auto_json bl_cleanup(bl_auto_json_fn)

/* Makers; the caller owns the result. */
struct cJSON *bl_json_object(void);
struct cJSON *bl_json_array(void);
struct cJSON *bl_json_string(const char *text);
struct cJSON *bl_json_number(double number);
struct cJSON *bl_json_bool(bool value);
struct cJSON *bl_json_null(void);
struct cJSON *bl_json_copy(const struct cJSON *json);

/* Setters take ownership of value (NULL is ignored) and replace a member of the same name. */
void bl_json_set(struct cJSON *object, const char *key, struct cJSON *value);
void bl_json_set_string(struct cJSON *object, const char *key,
			const char *text); /* NULL: left out */
void bl_json_set_number(struct cJSON *object, const char *key, double number);
void bl_json_set_bool(struct cJSON *object, const char *key, bool value);
void bl_json_append(struct cJSON *array, struct cJSON *value);
void bl_json_remove(struct cJSON *object, const char *key);
/* Returns the member object of that name, made when it is missing. Borrowed. */
struct cJSON *bl_json_ensure(struct cJSON *object, const char *key);

/* Look-ups; borrowed results, NULL or the fallback when absent or of another type. A path is
 * member names joined by '/': "metadata/name" (names may hold dots), "spec/networks/0/name". */
struct cJSON *bl_json_get(const struct cJSON *json, const char *path);
/* The member of exactly that name: for names that may hold a '/' (labels, annotations). */
struct cJSON *bl_json_member(const struct cJSON *object, const char *key);
const char *bl_json_get_string(const struct cJSON *json, const char *path); /* or NULL */
double bl_json_get_number(const struct cJSON *json, const char *path, double fallback);
bool bl_json_get_bool(const struct cJSON *json, const char *path, bool fallback);

bool bl_json_is_object(const struct cJSON *json);
bool bl_json_is_array(const struct cJSON *json);
bool bl_json_is_string(const struct cJSON *json);
bool bl_json_is_number(const struct cJSON *json);
bool bl_json_is_bool(const struct cJSON *json);
bool bl_json_is_null(const struct cJSON *json);
const char *bl_json_text(const struct cJSON *json);  /* of a string, else NULL */
double bl_json_value(const struct cJSON *json);      /* of a number, else 0 */
bool bl_json_true(const struct cJSON *json);         /* is the boolean true */
const char *bl_json_key(const struct cJSON *member); /* name of an object's member */
const char *bl_json_type(const struct cJSON *json);  /* "object", "array", "string", ... */
size_t bl_json_size(const struct cJSON *json);       /* members of an array or object */
bool bl_json_equal(const struct cJSON *a, const struct cJSON *b);

/* Iterates the members of an array or object (NULL has none). */
struct cJSON *bl_json_first(const struct cJSON *json);
struct cJSON *bl_json_next(const struct cJSON *member);
#define bl_json_for_each(member, json) \
	for (struct cJSON *member = bl_json_first(json); member; member = bl_json_next(member))
