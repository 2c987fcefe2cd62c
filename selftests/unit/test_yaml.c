// SPDX-License-Identifier: Apache-2.0
/* YAML to JSON as kubectl reads it (sigs.k8s.io/yaml), refusals with their places, and back. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>

#include <beeline/yaml.h>

static struct bl_err err;

struct reading {
	const char *yaml, *json;
};

static const struct reading readings[] = {
	{"", "[]"},
	{"---\n---\n# nothing\n", "[]"},
	{"a: 1", "[{\"a\":1}]"},
	{"a: 1\n---\nb: 2\n...\n---\nc: 3\n", "[{\"a\":1},{\"b\":2},{\"c\":3}]"},
	/* scalars */
	{"[0644, 0o644, 0x1F, 0b101, 08, 1_000, -0x10, +5, 0]", "[[420,420,31,5,8,1000,-16,5,0]]"},
	{"[1e3, 1.5, .5, 5., -1.25e-2, 1e999, 1.2.3, 0x, 1__0]",
	 "[[1000,1.5,0.5,5,-0.0125,\"1e999\",\"1.2.3\",\"0x\",10]]"},
	{"[4503599627370496000, 12345678901234567890123]",
	 "[[4503599627370496000,1.2345678901234568e+22]]"},
	{"[true, True, yes, on, Y, false, NO, off, n]",
	 "[[true,true,true,true,true,false,false,false,false]]"},
	{"[~, null, Null, , nUll, tRue]", NULL},
	{"[~, null, Null, nUll, tRue]", "[[null,null,null,\"nUll\",\"tRue\"]]"},
	{"['true', \"0644\", '1e3', \"null\", '~', \"\"]",
	 "[[\"true\",\"0644\",\"1e3\",\"null\",\"~\",\"\"]]"},
	{"[2001-01-01, 2001-12-14t21:59:43.10-05:00, 12:30:45, 10.0.2.1, 1.2.3.4/24]",
	 "[[\"2001-01-01\",\"2001-12-14t21:59:43.10-05:00\",\"12:30:45\",\"10.0.2.1\","
	 "\"1.2.3.4/24\"]]"},
	{"[64Mi, 1.5Gi, 100m, 1K, 52:54:00:12:34:56]",
	 "[[\"64Mi\",\"1.5Gi\",\"100m\",\"1K\",\"52:54:00:12:34:56\"]]"},
	{"[!!str 5, !!int 5, !!float 5, !!bool true, !!null ~, ! 5]",
	 "[[\"5\",5,5,true,null,\"5\"]]"},
	{"a:", "[{\"a\":null}]"},
	{"plain", "[\"plain\"]"},
	/* blocks */
	{"a: |\n  x\n   y\n\n", "[{\"a\":\"x\\n y\\n\"}]"},
	{"a: |-\n  x\n  y\n\n", "[{\"a\":\"x\\ny\"}]"},
	{"a: |+\n  x\n\n", "[{\"a\":\"x\\n\\n\"}]"},
	{"a: >\n  x\n  y\n\n  z\n", "[{\"a\":\"x y\\nz\\n\"}]"},
	{"a: >-\n  x\n  y\n", "[{\"a\":\"x y\"}]"},
	{"a: |2\n    x\n", "[{\"a\":\"  x\\n\"}]"},
	{"a: \"x\\ty\\u00e9\\x41\"", "[{\"a\":\"x\\ty\xc3\xa9"
				     "A\"}]"},
	/* keys */
	{"80: a\ntrue: b\n1.5: c\n'true': d\n", NULL},
	{"80: a\ntrue: b\n1.5: c\n", "[{\"80\":\"a\",\"true\":\"b\",\"1.5\":\"c\"}]"},
	/* anchors */
	{"a: &x {k: [1]}\nb: *x\n", "[{\"a\":{\"k\":[1]},\"b\":{\"k\":[1]}}]"},
	{"a: &x 1\nb: &x 2\nc: *x\n", "[{\"a\":1,\"b\":2,\"c\":2}]"},
	{"base: &b {x: 1, z: 2}\nd:\n  <<: *b\n  z: 3\n",
	 "[{\"base\":{\"x\":1,\"z\":2},\"d\":{\"z\":3,\"x\":1}}]"},
	{"d:\n  <<: [{x: 1}, {x: 2, z: 3}]\n", "[{\"d\":{\"x\":1,\"z\":3}}]"},
	/* JSON is YAML */
	{"{\"a\": \"\\ud83d\\ude00\",\n\t\"b\": [1, true]}",
	 "[{\"a\":\"\xf0\x9f\x98\x80\",\"b\":[1,true]}]"},
	{"{a: 1}", "[{\"a\":1}]"},
	{"\xef\xbb\xbf"
	 "a: 1",
	 "[{\"a\":1}]"},
};

static void test_readings(void **state)
{
	for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
		const struct reading *reading = &readings[i];
		bl_auto_json struct cJSON *documents = NULL;
		bl_autofree char *text = NULL;
		int r;

		print_message("%s\n", reading->yaml);
		err = BL_ERR_INIT;
		r = bl_yaml_parse(reading->yaml, strlen(reading->yaml), &documents, &err);
		if (!reading->json) {
			assert_int_equal(r, -EINVAL);
			continue;
		}
		assert_string_equal(err.message, "");
		assert_int_equal(r, 0);
		text = bl_json_print(documents);
		assert_string_equal(text, reading->json);
	}
}

struct refusal {
	const char *yaml, *words;
};

static const struct refusal refusals[] = {
	{"a: 1\na: 2\n", "line 2 column 1: a key that stands"},
	{"80: 1\n'80': 2\n", "line 2 column 1: a key that stands"},
	{"a: [1\nb: 2", "line 2"},
	{"a:\n\t- b\n", "line 2 column 1"},
	{"  a: 1\n b: 2\n", "line 2"},
	{"a: *x", "line 1 column 4: alias without its anchor"},
	{"a: &x [*x]", "alias without its anchor"},
	{"x: &a 1\n---\ny: *a\n", "line 3 column 4: alias without"},
	{"? [a]\n: 1", "line 1 column 3: a key that is no name"},
	{"~: 1", "a key that is no name"},
	{"a: .nan", "not finite"},
	{"a: -.inf", "not finite"},
	{"a: \"\\0\"", "NUL"},
	{"a: !!binary aGk=", "tag"},
	{"a: !!int x", "tag"},
	{"a: !custom {}", "unknown tag"},
	{"a: \xff", "YAML line 1 column 4: invalid leading UTF-8 octet"},
	{"a: b\nc: [\x01", "YAML line 2 column 5: control characters"},
	{"<<: 5", "'<<' can only merge"},
	{"<<: [5]", "'<<' can only merge"},
	{"{\"a\": 1, \"a\": 2}", "a key that stands"},
};

static void test_refusals(void **state)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct cJSON *documents = NULL;

		print_message("%s\n", refusals[i].yaml);
		assert_fails(
			bl_yaml_parse(refusals[i].yaml, strlen(refusals[i].yaml), &documents, &err),
			-EINVAL, refusals[i].words);
		assert_null(documents);
	}
}

/* A text of n times the piece between head and tail; owned. */
static char *repeat(const char *piece, int n)
{
	size_t len = strlen(piece);
	char *text = bl_alloc(len * (size_t)n + 1);

	for (int i = 0; i < n; i++)
		memcpy(text + (size_t)i * len, piece, len);
	return text;
}

static void refuse_text(char *text, int code, const char *words)
{
	struct cJSON *documents = NULL;

	assert_fails(bl_yaml_parse(text, strlen(text), &documents, &err), code, words);
	free(text);
}

static void test_bombs(void **state)
{
	char *laughs = bl_strdup("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	char *big = repeat("y", 1000000), *fat;

	for (int i = 1; i < 12; i++) {
		char *more = bl_format("%sa%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", laughs,
				       i, i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);

		free(laughs);
		laughs = more;
	}
	refuse_text(laughs, -E2BIG, "too many values");
	fat = repeat(" *x,", 100);
	refuse_text(bl_format("a: &x %s\nb: [%s 1]\n", big, fat), -E2BIG, "too much text");
	free(fat);
	free(big);
	refuse_text(repeat("[", 65), -EINVAL, "nested too deep");
	refuse_text(repeat("- ", 100000), -EINVAL, "nested too deep");
	refuse_text(repeat("- x\n", BL_YAML_NODES_MAX), -E2BIG, "too many values");
}

/* Bounds of the caller's own, wider and narrower. */
static void test_within(void **state)
{
	const struct bl_yaml_limits wide = {BL_YAML_NODES_MAX + 1, BL_YAML_BYTES_MAX};
	const struct bl_yaml_limits narrow = {3, 100}, short_text = {100, 3};
	bl_autofree char *many = repeat("- x\n", BL_YAML_NODES_MAX);
	bl_auto_json struct cJSON *documents = NULL, *json = NULL;
	struct cJSON *none = NULL;

	assert_int_equal(bl_yaml_parse_within(many, strlen(many), &wide, &documents, &err), 0);
	assert_int_equal(bl_json_size(bl_json_first(documents)), BL_YAML_NODES_MAX);
	assert_fails(bl_yaml_parse_within("[1, 2, 3]", 9, &narrow, &none, &err), -E2BIG,
		     "too many values");
	assert_fails(bl_yaml_parse_within("[long]", 6, &short_text, &none, &err), -E2BIG,
		     "too much text");
	assert_int_equal(bl_json_parse_within("[1,2]", 5, 3, &json, &err), 0);
	assert_fails(bl_json_parse_within("[1,2,3]", 7, 3, &none, &err), -EINVAL,
		     "too many values");
}

/* Depth by aliases: each anchor stands one deeper than the one before. */
static void test_deep_aliases(void **state)
{
	char *text = bl_strdup("- &a0 [x]\n");

	for (int i = 1; i < 70; i++) {
		char *more = bl_format("%s- &a%d [*a%d]\n", text, i, i - 1);

		free(text);
		text = more;
	}
	refuse_text(text, -EINVAL, "nested too deep");
}

static void test_print(void **state)
{
	static const char json[] =
		"{\"kind\":\"VM\",\"empty\":{},\"none\":[],\"list\":[{\"a\":1,\"b\":[true,null]},"
		"\"x\"],\"text\":\"line 1\\nline 2\\n\",\"number\":\"0644\",\"bool\":\"yes\","
		"\"on\":\"~\",\"colon\":\"a: b\",\"hash\":\"#x\",\"big\":1000000000000000,"
		"\"half\":0.5,\"blank\":\"\",\"accent\":\"\xc3\xa9\",\"bell\":\"\\u0007\"}";
	static const char yaml[] =
		"kind: VM\nempty: {}\nnone: []\nlist:\n- a: 1\n  b:\n  - true\n  - null\n- x\n"
		"text: |\n  line 1\n  line 2\nnumber: \"0644\"\nbool: \"yes\"\n\"on\": \"~\"\n"
		"colon: 'a: b'\nhash: '#x'\nbig: 1000000000000000\nhalf: 0.5\nblank: \"\"\n"
		"accent: \xc3\xa9\nbell: \"\\a\"\n";
	bl_auto_json struct cJSON *value = NULL, *documents = NULL;
	bl_autofree char *text = NULL;

	assert_int_equal(bl_json_parse(json, strlen(json), &value, &err), 0);
	text = bl_yaml_print(value);
	assert_string_equal(text, yaml);
	assert_int_equal(bl_yaml_parse(text, strlen(text), &documents, &err), 0);
	assert_true(bl_json_equal(bl_json_first(documents), value));
}

/* Every string comes back as it was, whatever it looks like. */
static void test_strings_survive(void **state)
{
	static const char *const texts[] = {
		"",           " ",
		" x",         "x ",
		"x\n",        "\nx",
		"x\n\n",      "\n",
		" \n",        "- a",
		"a: b",       "a:",
		"? x",        "| x",
		"> y",        "%a",
		"@b",         "`c",
		"!x",         "&x",
		"*x",         "{a}",
		"[a]",        "'x'",
		"\"x\"",      "a #b",
		"#",          "-",
		"--",         "---",
		"...",        "1",
		"1.5",        ".5",
		"1e3",        "0x1",
		"0o7",        "1_0",
		"yes",        "no",
		"null",       "~",
		"<<",         "=",
		".inf",       "\t",
		"\tx",        "a\tb",
		"a\r\nb",     "\x7f",
		"\xc2\x85",   "\xe2\x80\xa8",
		"a\n b\n",    "  a\nb",
		"\\",         "12:30",
		"2001-01-01", "\xf0\x9f\x98\x80",
		"a\n\tb",     "x\n ",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		bl_auto_json struct cJSON *value = bl_json_object(), *documents = NULL;
		bl_autofree char *text = NULL;

		bl_json_set_string(value, "text", texts[i]);
		if (*texts[i])
			bl_json_set_string(value, texts[i], "as a key");
		text = bl_yaml_print(value);
		print_message("%s", text);
		assert_int_equal(bl_yaml_parse(text, strlen(text), &documents, &err), 0);
		assert_true(bl_json_equal(bl_json_first(documents), value));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readings),        cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_bombs),           cmocka_unit_test(test_within),
		cmocka_unit_test(test_deep_aliases),    cmocka_unit_test(test_print),
		cmocka_unit_test(test_strings_survive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
