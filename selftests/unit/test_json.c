// SPDX-License-Identifier: Apache-2.0
/* JSON: what is taken and what is refused, values and paths, text out. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include <beeline/json.h>

static struct bl_err err;

static struct cJSON *parse(const char *text)
{
	struct cJSON *json;

	assert_int_equal(bl_json_parse(text, strlen(text), &json, &err), 0);
	return json;
}

static void test_round_trips(void **state)
{
	static const char *const texts[] = {
		"null",
		"true",
		"0",
		"-1",
		"1000000000000000",
		"9007199254740991",
		"0.1",
		"-1.5",
		"1e+25",
		"1.7976931348623157e+308",
		"\"\"",
		"[]",
		"{}",
		"[1,[2,{\"a\":[]}]]",
		"{\"a\":{\"b\":null},\"\":1}",
		"\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u007f\"",
		"\"\xc3\xa9\xf0\x9f\x98\x80\"",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		bl_auto_json struct cJSON *json = parse(texts[i]);
		bl_autofree char *text = bl_json_print(json);

		assert_string_equal(text, texts[i]);
	}
}

static void test_other_spellings(void **state)
{
	static const char *const pairs[][2] = {
		{" \t\r\n[ 1 , 2 ]\n", "[1,2]"},
		{"1e3", "1000"},
		{"-0", "0"},
		{"1E-2", "0.01"},
		/* U+009B is a terminal's CSI, U+00A0 is text. */
		{"\"\xc2\x9b\xc2\x80\xc2\x9f\xc2\xa0\"", "\"\\u009b\\u0080\\u009f\xc2\xa0\""},
		{"\"\\u00e9\\uD83D\\ude00\\/\"", "\"\xc3\xa9\xf0\x9f\x98\x80/\""},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		bl_auto_json struct cJSON *json = parse(pairs[i][0]);
		bl_autofree char *text = bl_json_print(json);

		assert_string_equal(text, pairs[i][1]);
	}
}

struct refusal {
	const char *text, *words;
};

static const struct refusal refusals[] = {
	{"", "line 1 column 1: expected a value"},
	{"  \n ", "line 2 column 2: expected a value"},
	{"[1,2", "expected ',' or ']'"},
	{"[1,]", "column 4: expected a value"},
	{"[1 2]", "column 4: expected ',' or ']'"},
	{"{\"a\"}", "expected ':'"},
	{"{\"a\":1,}", "expected a string"},
	{"{a:1}", "expected a string"},
	{"{'a':1}", "expected a string"},
	{"{\"a\":1}}", "column 8: more text"},
	{"1 2", "more text"},
	{"{}garbage", "more text"},
	{"nul", "expected a value"},
	{"True", "expected a value"},
	{"NaN", "expected a value"},
	{"Infinity", "expected a value"},
	{"01", "more text"},
	{"-", "expected a digit"},
	{"+1", "expected a value"},
	{".5", "expected a value"},
	{"1.", "after '.'"},
	{"1e", "in the exponent"},
	{"0x10", "more text"},
	{"1e999", "out of range"},
	{"\"abc", "string without end"},
	{"\"\\", "unknown escape"},
	{"\"\\x41\"", "unknown escape"},
	{"\"\\u12\"", "four hex digits"},
	{"\"\\u0000\"", "\\u0000"},
	{"\"\\ud83d\"", "surrogate"},
	{"\"\\ud83d\\u0041\"", "surrogate"},
	{"\"\\ude00\"", "surrogate"},
	{"\"\\ud83d\\ud83d\"", "surrogate"},
	{"\"a\nb\"", "control character"},
	{"\"\xff\"", "not UTF-8"},
	{"\"\xc0\x80\"", "not UTF-8"},
	{"\"\xed\xa0\x80\"", "not UTF-8"},
	{"\"\xc3", "not UTF-8"},
	{"{\"a\":1,\"b\":2,\"a\":3}", "key \"a\" stands twice"},
	{"[{\"x\":{\"a\":1,\"a\":1}}]", "key \"a\" stands twice"},
	{"{\"a\":1,\"\\u0061\":1}", "key \"a\" stands twice"},
	{"// x\n1", "expected a value"},
	{"\xef\xbb\xbf{}", "expected a value"},
};

static void test_refusals(void **state)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct cJSON *json = NULL;

		print_message("%s\n", refusals[i].text);
		assert_fails(bl_json_parse(refusals[i].text, strlen(refusals[i].text), &json, &err),
			     -EINVAL, refusals[i].words);
		assert_null(json);
	}
}

static void test_nul_bytes(void **state)
{
	static const char *const texts[] = {"{}\0", "\"a\0b\"", "[1,\0 2]", "1\0"};
	static const size_t lengths[] = {3, 5, 7, 2};
	struct cJSON *json;

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(bl_json_parse(texts[i], lengths[i], &json, &err), -EINVAL);
}

/* The text need not end in a NUL. */
static void test_length_is_honoured(void **state)
{
	bl_auto_json struct cJSON *json = NULL;
	char *exact = bl_alloc(3);

	memcpy(exact, "123", 3);
	assert_int_equal(bl_json_parse(exact, 3, &json, &err), 0);
	assert_int_equal((int)bl_json_value(json), 123);
	free(exact);
}

static char *nested(int depth)
{
	char *text = bl_alloc(2 * (size_t)depth + 1);

	memset(text, '[', (size_t)depth);
	memset(text + depth, ']', (size_t)depth);
	return text;
}

static void test_bounds(void **state)
{
	bl_autofree char *fits = nested(BL_JSON_DEPTH_MAX);
	bl_autofree char *deep = nested(BL_JSON_DEPTH_MAX + 1), *deepest = nested(1000000);
	bl_autofree char *many = bl_alloc(2 * BL_JSON_VALUES_MAX + 2);
	struct cJSON *json;

	bl_json_free(parse(fits));
	assert_fails(bl_json_parse(deep, strlen(deep), &json, &err), -EINVAL, "too deep");
	assert_fails(bl_json_parse(deepest, strlen(deepest), &json, &err), -EINVAL, "too deep");
	many[0] = '[';
	for (size_t i = 0; i < BL_JSON_VALUES_MAX; i++)
		memcpy(many + 1 + 2 * i, "0,", 2);
	many[2 * BL_JSON_VALUES_MAX] = ']';
	assert_fails(bl_json_parse(many, strlen(many), &json, &err), -EINVAL, "too many values");
}

/* An object of many keys is checked in the time that sorting takes. */
static void test_many_keys(void **state)
{
	size_t len;
	char *text = NULL;
	FILE *out = open_memstream(&text, &len);

	fputc('{', out);
	for (int i = 0; i < 100000; i++)
		fprintf(out, "\"key%d\":0,", i);
	fputs("\"last\":1}", out);
	fclose(out);
	bl_json_free(parse(text));
	free(text);
}

static void test_paths(void **state)
{
	bl_auto_json struct cJSON *json =
		parse("{\"metadata\":{\"name\":\"vm\",\"labels\":{\"kubevirt.io/x\":\"y\"}},"
		      "\"spec\":{\"list\":[{\"n\":1},{\"n\":2.5}],\"on\":true}}");

	assert_string_equal(bl_json_get_string(json, "metadata/name"), "vm");
	assert_int_equal((int)bl_json_get_number(json, "spec/list/0/n", -1), 1);
	assert_true(bl_json_get_number(json, "spec/list/1/n", -1) == 2.5);
	assert_int_equal((int)bl_json_get_number(json, "spec/list/2/n", -1), -1);
	assert_int_equal((int)bl_json_get_number(json, "spec/list/x/n", -1), -1);
	assert_int_equal((int)bl_json_get_number(json, "metadata/name", -1), -1);
	assert_true(bl_json_get_bool(json, "spec/on", false));
	assert_true(bl_json_get_bool(json, "spec/off", true));
	assert_null(bl_json_get_string(json, "spec/on"));
	assert_null(bl_json_get(json, "metadata/name/deeper"));
	assert_null(bl_json_get(NULL, "a"));
	assert_ptr_equal(bl_json_get(json, ""), json);
	assert_string_equal(
		bl_json_text(bl_json_member(bl_json_get(json, "metadata/labels"), "kubevirt.io/x")),
		"y");
	assert_null(bl_json_member(bl_json_get(json, "spec/list"), "0"));
	assert_string_equal(bl_json_type(bl_json_get(json, "spec/list")), "array");
	assert_string_equal(bl_json_type(NULL), "nothing");
	assert_int_equal(bl_json_size(bl_json_get(json, "spec/list")), 2);
	assert_int_equal(bl_json_size(NULL), 0);
}

static void test_writing(void **state)
{
	bl_auto_json struct cJSON *json = bl_json_object();
	bl_autofree char *text = NULL;

	bl_json_set_string(json, "a", "old");
	bl_json_set_string(json, "b", NULL);
	bl_json_set(json, "c", NULL);
	bl_json_set_string(bl_json_ensure(bl_json_ensure(json, "d"), "e"), "f", "g");
	bl_json_set_number(json, "a", 1);
	bl_json_set(json, "l", bl_json_array());
	bl_json_append(bl_json_get(json, "l"), bl_json_null());
	bl_json_append(bl_json_get(json, "l"), bl_json_copy(bl_json_get(json, "d")));
	bl_json_ensure(json, "a");
	bl_json_remove(json, "nothing");
	bl_json_remove(bl_json_get(json, "d"), "e");
	text = bl_json_print(json);
	assert_string_equal(text, "{\"a\":{},\"d\":{},\"l\":[null,{\"e\":{\"f\":\"g\"}}]}");
}

static void test_pretty(void **state)
{
	bl_auto_json struct cJSON *json = parse("{\"a\":[1,{}],\"b\":[]}");
	bl_autofree char *text = bl_json_print_pretty(json);

	assert_string_equal(text,
			    "{\n    \"a\": [\n        1,\n        {}\n    ],\n    \"b\": []\n}");
}

static void test_equal(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
		{"{\"a\":1,\"b\":[2]}", "{\"b\":[2],\"a\":1}", true},
		{"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
		{"{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":2}", false},
		{"[1,2]", "[2,1]", false},
		{"[]", "{}", false},
		{"1", "1.0", true},
		{"\"1\"", "1", false},
		{"true", "false", false},
		{"null", "null", true},
		{"\"a\"", "\"A\"", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bl_auto_json struct cJSON *a = parse(rows[i].a), *b = parse(rows[i].b);

		assert_int_equal(bl_json_equal(a, b), rows[i].equal);
		assert_int_equal(bl_json_equal(b, a), rows[i].equal);
	}
	assert_true(bl_json_equal(NULL, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_other_spellings),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_nul_bytes),
		cmocka_unit_test(test_length_is_honoured),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_many_keys),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_pretty),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
