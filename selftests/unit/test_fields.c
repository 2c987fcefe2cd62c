// SPDX-License-Identifier: Apache-2.0
/* Decode tables, with a table of every type: values, presence, groups, and what errors say. */
#include "unit.h"

#include <errno.h>

#include <beeline/addr.h>
#include <beeline/fields.h>

enum shape { SHAPE_NONE, SHAPE_ROUND, SHAPE_SQUARE };

struct part {
	char *name;
	uint16_t port;
};

struct thing {
	char *text;
	char *colour;
	bool flag;
	uint8_t small;
	uint32_t count;
	enum shape shape;
	int64_t bytes, milli;
	uint8_t mac[6];
	bool has_mac;
	struct bl_addr addr, prefix;
	uint8_t prefix_bits;
	char *blob;
	size_t blob_len;
	struct part *parts;
	size_t n_parts;
	char **words;
	size_t n_words;
	struct bl_addr *addrs;
	size_t n_addrs;
	uint32_t kind;
};

static const char *const colours[] = {"red", "green", "blue"};
static const char *const shapes[] = {[SHAPE_ROUND] = "round", [SHAPE_SQUARE] = "square"};

static const struct bl_field part_rows[] = {
	BL_FIELD("name", BL_FIELD_STRING, struct part, name, .required = true),
	BL_FIELD("port", BL_FIELD_UINT, struct part, port, .min = 1),
	BL_FIELD_REFUSED("not", "either"),
};
static const struct bl_fields part_fields = BL_FIELDS(part_rows, struct part);

static const struct bl_field rows[] = {
	BL_FIELD("text", BL_FIELD_STRING, struct thing, text),
	BL_FIELD("colour", BL_FIELD_STRING, struct thing, colour, BL_FIELD_NAMES(colours)),
	BL_FIELD("deep.down.flag", BL_FIELD_BOOL, struct thing, flag),
	BL_FIELD("small", BL_FIELD_UINT, struct thing, small),
	BL_FIELD("count", BL_FIELD_UINT, struct thing, count, .min = 2, .max = 9),
	BL_FIELD("shape", BL_FIELD_ENUM, struct thing, shape, BL_FIELD_NAMES(shapes)),
	BL_FIELD("bytes", BL_FIELD_QUANTITY, struct thing, bytes),
	BL_FIELD("milli", BL_FIELD_MILLI, struct thing, milli),
	BL_FIELD_PAIR("mac", BL_FIELD_MAC, struct thing, mac, has_mac),
	BL_FIELD("addr", BL_FIELD_ADDR, struct thing, addr),
	BL_FIELD_PAIR("prefix", BL_FIELD_PREFIX, struct thing, prefix, prefix_bits),
	BL_FIELD_PAIR("blob", BL_FIELD_BLOB, struct thing, blob, blob_len, .max = 8,
		      .group = "blob", .one_of = BL_ONE_OF_AT_MOST_ONE),
	BL_FIELD_PAIR("blobBase64", BL_FIELD_BASE64, struct thing, blob, blob_len, .max = 8,
		      .group = "blob"),
	BL_FIELD_PAIR("parts", BL_FIELD_LIST, struct thing, parts, n_parts, .items = &part_fields,
		      .max = 2),
	BL_FIELD_PAIR("words", BL_FIELD_STRINGS, struct thing, words, n_words, .max = 2),
	BL_FIELD_PAIR("addrs", BL_FIELD_ADDRS, struct thing, addrs, n_addrs, .max = 2),
	BL_FIELD("one", BL_FIELD_MARK, struct thing, kind, .value = 1, .group = "kind",
		 .one_of = BL_ONE_OF_EXACTLY_ONE),
	BL_FIELD("one.must", BL_FIELD_STRING, struct thing, text, .required = true),
	BL_FIELD("two", BL_FIELD_MARK, struct thing, kind, .value = 2, .group = "kind"),
	BL_FIELD_REFUSED("three", "write two", .group = "kind"),
	BL_FIELD_REFUSED("never", "is not for you; write count"),
	BL_FIELD_IGNORED("whatever", "nobody reads it"),
	BL_FIELD_CHECK("checked", BL_FIELD_BOOL),
};
static const struct bl_fields fields = BL_FIELDS(rows, struct thing);

static int decode(const char *text, struct thing *ret_thing, struct bl_warnings *warnings,
		  struct bl_err *err)
{
	bl_auto_json struct cJSON *json = NULL;

	*ret_thing = (struct thing){0};
	assert_int_equal(bl_json_parse(text, strlen(text), &json, err), 0);
	return bl_fields_decode(&fields, json, "spec", ret_thing, warnings, err);
}

static void test_values(void **state)
{
	struct bl_err err = BL_ERR_INIT;
	struct thing thing;
	char text[BL_ADDR_TEXT_MAX];

	assert_int_equal(
		decode("{\"text\":\"a\",\"colour\":\"blue\",\"deep\":{\"down\":{\"flag\":true}},"
		       "\"small\":255,\"count\":9,\"shape\":\"square\",\"bytes\":\"2Ki\","
		       "\"milli\":1.5,\"mac\":\"02:00:00:00:00:01\",\"addr\":\"10.0.0.1\","
		       "\"prefix\":\"10.0.2.0/24\",\"blobBase64\":\"aGk=\","
		       "\"parts\":[{\"name\":\"x\",\"port\":1},{\"name\":\"y\"}],"
		       "\"words\":[\"u\",\"v\"],\"addrs\":[\"::1\"],\"two\":{},\"checked\":false}",
		       &thing, NULL, &err),
		0);
	assert_string_equal(thing.text, "a");
	assert_string_equal(thing.colour, "blue");
	assert_true(thing.flag);
	assert_int_equal(thing.small, 255);
	assert_int_equal(thing.count, 9);
	assert_int_equal(thing.shape, SHAPE_SQUARE);
	assert_int_equal(thing.bytes, 2048);
	assert_int_equal(thing.milli, 1500);
	assert_true(thing.has_mac && thing.mac[0] == 2 && thing.mac[5] == 1);
	assert_string_equal(bl_addr_format(&thing.addr, text), "10.0.0.1");
	assert_int_equal(thing.prefix_bits, 24);
	assert_int_equal(thing.blob_len, 2);
	assert_string_equal(thing.blob, "hi");
	assert_int_equal(thing.n_parts, 2);
	assert_string_equal(thing.parts[1].name, "y");
	assert_int_equal(thing.parts[0].port, 1);
	assert_string_equal(thing.words[1], "v");
	assert_string_equal(bl_addr_format(&thing.addrs[0], text), "::1");
	assert_int_equal(thing.kind, 2);
	bl_fields_clear(&fields, &thing);
	assert_null(thing.text);
	assert_null(thing.parts);
	assert_int_equal(thing.n_words, 0);
}

/* Absent and null leave the preset; an empty object is there; "" and [] are values. */
static void test_presence(void **state)
{
	static const char *const absent[] = {
		"{\"two\":{}}",
		"{\"two\":{},\"count\":null,\"parts\":null,\"deep\":null,\"one\":null}",
		"{\"two\":{},\"deep\":{\"down\":null},\"text\":null}",
	};

	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		struct bl_err err = BL_ERR_INIT;
		bl_auto_json struct cJSON *json = NULL;
		struct thing thing = {.count = 7};

		assert_int_equal(bl_json_parse(absent[i], strlen(absent[i]), &json, &err), 0);
		assert_int_equal(bl_fields_decode(&fields, json, "", &thing, NULL, &err), 0);
		assert_int_equal(thing.count, 7);
		assert_null(thing.text);
		assert_null(thing.parts);
		bl_fields_clear(&fields, &thing);
	}
}

static void test_empty_is_a_value(void **state)
{
	struct bl_err err = BL_ERR_INIT;
	struct thing thing;

	assert_int_equal(
		decode("{\"two\":{},\"text\":\"\",\"parts\":[],\"blob\":\"\"}", &thing, NULL, &err),
		0);
	assert_string_equal(thing.text, "");
	assert_non_null(thing.parts);
	assert_int_equal(thing.n_parts, 0);
	assert_string_equal(thing.blob, "");
	bl_fields_clear(&fields, &thing);
}

struct bad {
	const char *text, *message;
};

static const struct bad bads[] = {
	{"{\"two\":{},\"txet\":1}", "spec.txet: unknown field (did you mean text?)"},
	{"{\"two\":{},\"Count\":3}", "spec.Count: unknown field (did you mean count?)"},
	{"{\"two\":{},\"deep\":{\"dwon\":1}}",
	 "spec.deep.dwon: unknown field (did you mean down?)"},
	{"{\"two\":{},\"deep\":{\"colour\":1}}",
	 "spec.deep.colour: unknown field (did you mean spec.colour?)"},
	{"{\"two\":{},\"parts\":[{\"nmae\":\"x\"}]}",
	 "spec.parts[0].nmae: unknown field (did you mean name?)"},
	{"{\"two\":{},\"zzzzzzz\":1}", "spec.zzzzzzz: unknown field"},
	{"{\"two\":{},\"deep.down\":{}}", "spec.deep.down: unknown field"},
	{"{\"two\":{},\"\":1}", "spec.: unknown field"},
	{"{\"two\":{},\"a\\u001b[2J\":1}", "spec.a?[2J: unknown field"},
	{"{\"two\":{},\"text\":1}", "spec.text: expected string, got number"},
	{"{\"two\":{},\"colour\":\"pink\"}",
	 "spec.colour: expected red, green or blue, got 'pink'"},
	{"{\"two\":{},\"shape\":\"\"}", "spec.shape: expected round or square, got ''"},
	{"{\"two\":{},\"deep\":3}", "spec.deep: expected object, got number"},
	{"{\"two\":{},\"deep\":{\"down\":{\"flag\":\"yes\"}}}",
	 "spec.deep.down.flag: expected boolean, got string"},
	{"{\"two\":{},\"small\":256}", "spec.small: 256 is not within 0 and 255"},
	{"{\"two\":{},\"small\":-1}", "spec.small: -1 is not within 0 and 255"},
	{"{\"two\":{},\"small\":1e300}", "spec.small: 1e+300 is not within 0 and 255"},
	{"{\"two\":{},\"count\":2.5}", "spec.count: expected integer, got 2.5"},
	{"{\"two\":{},\"count\":\"3\"}", "spec.count: expected integer, got string"},
	{"{\"two\":{},\"count\":10}", "spec.count: 10 is not within 2 and 9"},
	{"{\"two\":{},\"bytes\":true}", "spec.bytes: expected quantity, got boolean"},
	{"{\"two\":{},\"bytes\":\"1Q\"}", "spec.bytes: "},
	{"{\"two\":{},\"mac\":\"01:00:00:00:00:00\"}", "spec.mac: "},
	{"{\"two\":{},\"addr\":\"10.0.0\"}", "spec.addr: "},
	{"{\"two\":{},\"prefix\":\"10.0.0.0/33\"}", "spec.prefix: "},
	{"{\"two\":{},\"blob\":\"123456789\"}", "spec.blob: 9 bytes are more than the 8 that fit"},
	{"{\"two\":{},\"blobBase64\":\"a=b=\"}", "spec.blobBase64: is not valid base64"},
	{"{\"two\":{},\"blobBase64\":\"abc\"}", "spec.blobBase64: is not valid base64"},
	{"{\"two\":{},\"blobBase64\":\"a===\"}", "spec.blobBase64: is not valid base64"},
	{"{\"two\":{},\"blob\":\"x\",\"blobBase64\":\"aGk=\"}",
	 "spec: blob and blobBase64 exclude each other"},
	{"{\"two\":{},\"parts\":{}}", "spec.parts: expected array, got object"},
	{"{\"two\":{},\"parts\":[{},{},{}]}", "spec.parts: 3 entries are more than 2"},
	{"{\"two\":{},\"parts\":[{\"name\":\"x\"},{}]}", "spec.parts[1].name: missing"},
	{"{\"two\":{},\"parts\":[{\"name\":\"x\"},null]}",
	 "spec.parts[1]: expected object, got null"},
	{"{\"two\":{},\"parts\":[{\"name\":\"x\",\"port\":0}]}",
	 "spec.parts[0].port: 0 is not within 1 and 65535"},
	{"{\"two\":{},\"parts\":[{\"name\":\"x\",\"potr\":0}]}",
	 "spec.parts[0].potr: unknown field (did you mean port?)"},
	{"{\"two\":{},\"words\":[\"a\",3]}", "spec.words[1]: expected string, got number"},
	{"{\"two\":{},\"words\":[\"a\",\"b\",\"c\"]}", "spec.words: 3 entries are more than 2"},
	{"{\"two\":{},\"addrs\":[\"x\"]}", "spec.addrs[0]: "},
	{"{}", "spec: needs one or two"},
	{"{\"two\":{},\"one\":{\"must\":\"x\"}}", "spec: one and two exclude each other"},
	{"{\"one\":{}}", "spec.one.must: missing"},
	{"{\"one\":[]}", "spec.one: expected object, got array"},
	{"{\"three\":{}}", "spec.three: write two"},
	{"{\"two\":{},\"never\":{}}", "spec.never: is not for you; write count"},
	{"{\"two\":{},\"never\":1,\"parts\":[{\"name\":\"x\",\"not\":1}]}",
	 "spec.never: is not for you; write count. spec.parts[0].not: either"},
	{"{\"two\":{},\"never\":1,\"count\":\"x\"}", "spec.count: expected integer, got string"},
	{"{\"two\":{},\"checked\":1}", "spec.checked: expected boolean, got number"},
	{"[]", "spec: expected object, got array"},
};

static void test_bad(void **state)
{
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		const char *message = bads[i].message;
		struct bl_err err = BL_ERR_INIT;
		struct thing thing;
		int r = decode(bads[i].text, &thing, NULL, &err);

		bl_fields_clear(&fields, &thing);
		assert_true(r == -EINVAL || r == -ENOTSUP || r == -ERANGE);
		/* a message that ends in ": " is followed by another module's words */
		if (strncmp(err.message, message, strlen(message)) != 0 ||
		    (message[strlen(message) - 1] != ' ' && strcmp(err.message, message) != 0))
			fail_msg("%s: '%s', not '%s'", bads[i].text, err.message, message);
	}
}

static void test_long_names(void **state)
{
	bl_autofree char *key = bl_alloc(5000);
	bl_autofree char *text = NULL;
	struct bl_err err = BL_ERR_INIT;
	struct thing thing;

	memset(key, 'k', 4999);
	text = bl_format("{\"two\":{},\"%s\":1}", key);
	assert_fails(decode(text, &thing, NULL, &err), -EINVAL, ": unknown field");
	assert_true(strlen(err.message) < 120);
}

/* However much is wrong, the message stays bounded and the walk ends. */
static void test_many_complaints(void **state)
{
	bl_autofree char *text = bl_strdup("{\"two\":{}");
	bl_autofree char *whole = NULL;
	struct bl_err err = BL_ERR_INIT;
	struct thing thing;

	for (int i = 0; i < 500; i++) {
		char *longer = bl_format("%s,\"unknown%d\":1", text, i);

		free(text);
		text = longer;
	}
	whole = bl_format("%s}", text);
	assert_fails(decode(whole, &thing, NULL, &err), -EINVAL, "spec.unknown0: unknown field. ");
	assert_null(strstr(err.message, "unknown499"));
	bl_fields_clear(&fields, &thing);
}

static void test_warnings(void **state)
{
	struct bl_warnings warnings = {0};
	struct bl_err err = BL_ERR_INIT;
	struct thing thing;

	assert_int_equal(decode("{\"two\":{},\"whatever\":{\"a\":1}}", &thing, &warnings, &err), 0);
	assert_int_equal(warnings.n_items, 1);
	assert_string_equal(warnings.items[0], "spec.whatever: ignored: nobody reads it");
	bl_warnings_clear(&warnings);
	bl_fields_clear(&fields, &thing);
}

/* What is refused or ignored and says false or [] asks for nothing. */
static void test_asking_for_nothing(void **state)
{
	struct bl_warnings warnings = {0};
	struct bl_err err = BL_ERR_INIT;
	struct thing thing;

	assert_int_equal(
		decode("{\"two\":{},\"never\":false,\"whatever\":false}", &thing, &warnings, &err),
		0);
	assert_int_equal(decode("{\"two\":{},\"never\":[]}", &thing, &warnings, &err), 0);
	assert_int_equal(warnings.n_items, 0);
	bl_fields_clear(&fields, &thing);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),           cmocka_unit_test(test_presence),
		cmocka_unit_test(test_empty_is_a_value), cmocka_unit_test(test_bad),
		cmocka_unit_test(test_long_names),       cmocka_unit_test(test_many_complaints),
		cmocka_unit_test(test_warnings),         cmocka_unit_test(test_asking_for_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
