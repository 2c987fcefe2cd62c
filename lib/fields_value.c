/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One value of a decode table: type check, bounds, conversion, storing. What an object or a list of
 * structs is made of lives in fields.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <beeline/addr.h>
#include <beeline/file.h>
#include <beeline/quantity.h>

#include "fields_value.h"

/* Keeps a value out of an error message that would drown in it. */
#define SHOWN_MAX 48

static void *member(const struct bl_field *row, void *data)
{
	return (char *)data + row->offset;
}

static void *second(const struct bl_field *row, void *data)
{
	return (char *)data + row->second;
}

void fields_value_store(void *member, size_t size, uint64_t number)
{
	switch (size) {
	case 1:
		*(uint8_t *)member = number;
		return;
	case 2:
		*(uint16_t *)member = number;
		return;
	case 4:
		*(uint32_t *)member = number;
		return;
	default:
		*(uint64_t *)member = number;
	}
}

int fields_value_mistyped(const struct cJSON *json, const char *path, const char *expected,
			  struct bl_err *err)
{
	return bl_fail(err, -EINVAL, "%s: expected %s, got %s", path, expected, bl_json_type(json));
}

/* Two rows may share a member (a value and its base64 form), so an earlier one is let go. */
static void put(const struct bl_field *row, void *data, void *owned)
{
	void **slot = member(row, data);

	free(*slot);
	*slot = owned;
}

/* The names of a row as "a, b or c". */
static const char *choices(const struct bl_field *row, char *text, size_t size)
{
	size_t left = 0, used = 0;

	for (size_t i = 0; i < row->n_names; i++)
		left += row->names[i] != NULL;
	text[0] = '\0';
	for (size_t i = 0; i < row->n_names && used < size; i++) {
		if (!row->names[i])
			continue;
		left--;
		used += snprintf(text + used, size - used, "%s%s", row->names[i],
				 left > 1    ? ", "
				 : left == 1 ? " or "
					     : "");
	}
	return text;
}

static int find_name(const struct bl_field *row, const char *text, const char *path,
		     uint32_t *ret_index, struct bl_err *err)
{
	char names[256];

	for (uint32_t i = 0; i < row->n_names; i++) {
		if (row->names[i] && strcmp(row->names[i], text) == 0) {
			*ret_index = i;
			return 0;
		}
	}
	return bl_fail(err, -EINVAL, "%s: expected %s, got '%.*s'", path,
		       choices(row, names, sizeof(names)), SHOWN_MAX, text);
}

static int decode_string(const struct bl_field *row, const char *text, const char *path, void *data,
			 struct bl_err *err)
{
	uint32_t index;
	int r = row->names ? find_name(row, text, path, &index, err) : 0;

	if (row->max && strlen(text) > row->max)
		return bl_fail(err, -EINVAL, "%s: %zu bytes are more than %u", path, strlen(text),
			       row->max);
	if (r == 0 && !row->checked_only)
		put(row, data, bl_strdup(text));
	return r;
}

static int decode_enum(const struct bl_field *row, const char *text, const char *path, void *data,
		       struct bl_err *err)
{
	uint32_t index;
	int r = find_name(row, text, path, &index, err);

	if (r == 0 && !row->checked_only)
		fields_value_store(member(row, data), row->size, index);
	return r;
}

static int decode_uint(const struct bl_field *row, const struct cJSON *json, const char *path,
		       void *data, struct bl_err *err)
{
	double number = bl_json_value(json);
	double max = row->max ? row->max : (double)((1ull << (8 * row->size)) - 1);

	if (!bl_json_is_number(json))
		return fields_value_mistyped(json, path, "integer", err);
	if (!(number >= row->min && number <= max))
		return bl_fail(err, -EINVAL, "%s: %.15g is not within %u and %.0f", path, number,
			       row->min, max);
	if (number != (double)(uint64_t)number)
		return bl_fail(err, -EINVAL, "%s: expected integer, got %.15g", path, number);
	if (!row->checked_only)
		fields_value_store(member(row, data), row->size, (uint64_t)number);
	return 0;
}

/* Kubernetes takes a quantity as a string and as a plain number. */
static int decode_quantity(const struct bl_field *row, const struct cJSON *json, const char *path,
			   void *data, struct bl_err *err)
{
	const char *text = bl_json_text(json);
	char number[40];
	int64_t value;
	int r;

	if (bl_json_is_number(json)) {
		snprintf(number, sizeof(number), "%.15g", bl_json_value(json));
		text = number;
	}
	if (!text)
		return fields_value_mistyped(json, path, "quantity", err);
	r = row->type == BL_FIELD_MILLI ? bl_quantity_parse_milli(text, &value, err)
					: bl_quantity_parse(text, &value, err);
	if (r < 0)
		return bl_wrap(err, "%s", path);
	if (!row->checked_only)
		*(int64_t *)member(row, data) = value;
	return 0;
}

static int decode_mac(const struct bl_field *row, const char *text, const char *path, void *data,
		      struct bl_err *err)
{
	if (bl_mac_parse(text, member(row, data), err) < 0)
		return bl_wrap(err, "%s", path);
	*(bool *)second(row, data) = true;
	return 0;
}

static int decode_addr(const struct bl_field *row, const char *text, const char *path, void *data,
		       struct bl_err *err)
{
	int r = row->type == BL_FIELD_ADDR
			? bl_addr_parse(text, member(row, data), err)
			: bl_prefix_parse(text, true, member(row, data), second(row, data), err);

	return r < 0 ? bl_wrap(err, "%s", path) : 0;
}

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = strchr(digits, c);

	return at ? (int)(at - digits) : -1;
}

/* RFC 4648 section 4 with its padding; line breaks are skipped. Returns the length or -1. */
static ssize_t base64_decode(const char *text, char *ret_bytes)
{
	size_t n_bytes = 0, n_digits = 0, n_pad = 0;
	uint32_t bits = 0;

	for (; *text; text++) {
		int digit = base64_digit(*text);

		if (*text == '\n' || *text == '\r')
			continue;
		if (*text == '=')
			n_pad++;
		else if (digit < 0 || n_pad)
			return -1;
		bits = bits << 6 | (digit < 0 ? 0 : digit);
		if (++n_digits % 4)
			continue;
		ret_bytes[n_bytes++] = bits >> 16;
		ret_bytes[n_bytes++] = bits >> 8;
		ret_bytes[n_bytes++] = bits;
	}
	if (n_digits % 4 || n_pad > 2)
		return -1;
	return n_bytes - n_pad;
}

static int decode_blob(const struct bl_field *row, const char *text, const char *path, void *data,
		       struct bl_err *err)
{
	ssize_t len = strlen(text);
	bl_autofree char *bytes = bl_alloc(len + 4);

	if (row->type == BL_FIELD_BASE64)
		len = base64_decode(text, bytes);
	else
		memcpy(bytes, text, len);
	if (len < 0)
		return bl_fail(err, -EINVAL, "%s: is not valid base64", path);
	if (row->max && (size_t)len > row->max)
		return bl_fail(err, -EINVAL, "%s: %zd bytes are more than the %u that fit", path,
			       len, row->max);
	bytes[len] = '\0';
	put(row, data, bl_take_ptr(bytes));
	*(size_t *)second(row, data) = len;
	return 0;
}

int fields_value_count(const struct bl_field *row, size_t n, const char *path, struct bl_err *err)
{
	if (n < row->min)
		return bl_fail(err, -EINVAL, "%s: must have an entry", path);
	if (n > row->max)
		return bl_fail(err, -EINVAL, "%s: %zu entries are more than %u", path, n, row->max);
	return 0;
}

/* BL_FIELD_STRINGS and BL_FIELD_ADDRS. */
static int decode_array(const struct bl_field *row, const struct cJSON *json, const char *path,
			void *data, struct bl_err *err)
{
	bool strings = row->type == BL_FIELD_STRINGS;
	size_t size = strings ? sizeof(char *) : sizeof(struct bl_addr);
	size_t n = bl_json_size(json), i = 0;
	char *array = NULL;
	int r;

	if (!bl_json_is_array(json))
		return fields_value_mistyped(json, path, "array of strings", err);
	r = fields_value_count(row, n, path, err);
	if (r < 0)
		return r;
	if (!row->checked_only) {
		array = bl_alloc(n ? n * size : 1);
		put(row, data, array);
		*(size_t *)second(row, data) = n;
	}
	bl_json_for_each (item, json) {
		const char *text = bl_json_text(item);
		struct bl_addr unused;
		void *slot = array ? array + size * i : (void *)&unused;

		if (!text)
			return bl_fail(err, -EINVAL, "%s[%zu]: expected string, got %s", path, i,
				       bl_json_type(item));
		if (strings && array)
			*(char **)slot = bl_strdup(text);
		else if (!strings && bl_addr_parse(text, slot, err) < 0)
			return bl_wrap(err, "%s[%zu]", path, i);
		i++;
	}
	return 0;
}

static int decode_text(const struct bl_field *row, const char *text, const char *path, void *data,
		       struct bl_err *err)
{
	switch (row->type) {
	case BL_FIELD_STRING:
		return decode_string(row, text, path, data, err);
	case BL_FIELD_ENUM:
		return decode_enum(row, text, path, data, err);
	case BL_FIELD_MAC:
		return decode_mac(row, text, path, data, err);
	case BL_FIELD_BLOB:
	case BL_FIELD_BASE64:
		return decode_blob(row, text, path, data, err);
	default:
		return decode_addr(row, text, path, data, err);
	}
}

int fields_value_decode(const struct bl_field *row, const struct cJSON *json, const char *path,
			void *ret_struct, struct bl_err *err)
{
	switch (row->type) {
	case BL_FIELD_BOOL:
		if (!bl_json_is_bool(json))
			return fields_value_mistyped(json, path, "boolean", err);
		if (!row->checked_only)
			*(bool *)member(row, ret_struct) = bl_json_true(json);
		return 0;
	case BL_FIELD_UINT:
		return decode_uint(row, json, path, ret_struct, err);
	case BL_FIELD_QUANTITY:
	case BL_FIELD_MILLI:
		return decode_quantity(row, json, path, ret_struct, err);
	case BL_FIELD_STRINGS:
	case BL_FIELD_ADDRS:
		return decode_array(row, json, path, ret_struct, err);
	default:
		if (!bl_json_is_string(json))
			return fields_value_mistyped(json, path, "string", err);
		return decode_text(row, bl_json_text(json), path, ret_struct, err);
	}
}

void fields_value_clear(const struct bl_field *row, void *data)
{
	if (row->checked_only)
		return;
	switch (row->type) {
	case BL_FIELD_STRINGS:
		for (size_t i = 0; i < *(size_t *)second(row, data); i++)
			free((*(char ***)member(row, data))[i]);
		*(size_t *)second(row, data) = 0;
		break;
	case BL_FIELD_ADDRS:
	case BL_FIELD_BLOB:
	case BL_FIELD_BASE64:
		*(size_t *)second(row, data) = 0;
		break;
	case BL_FIELD_STRING:
		break;
	default:
		return;
	}
	put(row, data, NULL);
}
