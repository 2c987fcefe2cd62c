// SPDX-License-Identifier: Apache-2.0
/* Quantities against what resource.Quantity makes of the same text. */
#include "unit.h"

#include <errno.h>

#include <beeline/quantity.h>

struct good {
	const char *text;
	int64_t value, milli;
};

static const struct good goods[] = {
	{"0", 0, 0},
	{"2", 2, 2000},
	{"64Mi", 67108864, 67108864000},
	{"1.5Gi", 1610612736, 1610612736000},
	{"1G", 1000000000, 1000000000000},
	{"100m", 1, 100},
	{"1001m", 2, 1001},
	{"1e3", 1000, 1000000},
	{"1E3", 1000, 1000000},
	{"1E", 1000000000000000000, -1},
	{"12e-1", 2, 1200},
	{"1.", 1, 1000},
	{".5", 1, 500},
	{"+5k", 5000, 5000000},
	{"0.1n", 1, 1},
	{"1u", 1, 1},
	{"0e99999999", 0, 0},
	{"1e-99999999", 1, 1},
	{"0.00000000000000000000000000000000001", 1, 1},
	{"7Ei", 8070450532247928832, -1},
	{"9223372036854775807", INT64_MAX, -1},
	{"0.5Ki", 512, 512000},
	{"1.0001Ki", 1025, 1024103},
};

static void test_good(void **state)
{
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
		struct bl_err err = BL_ERR_INIT;
		int64_t value = -2, milli = -2;

		print_message("%s\n", goods[i].text);
		assert_int_equal(bl_quantity_parse(goods[i].text, &value, &err), 0);
		assert_int_equal(value, goods[i].value);
		if (goods[i].milli == -1)
			assert_fails(bl_quantity_parse_milli(goods[i].text, &milli, &err), -ERANGE,
				     "too large");
		else
			assert_int_equal(bl_quantity_parse_milli(goods[i].text, &milli, &err), 0);
		assert_int_equal(milli, goods[i].milli == -1 ? -2 : goods[i].milli);
	}
}

static void test_bad(void **state)
{
	static const char *const bad[] = {"",     ".",     "Mi",   "1 Mi",  "1KiB", "1mi",
					  "1MI",  "1.2.3", "0x10", "1e",    "1e+",  "1e1.5",
					  "1Mi ", " 1",    "ten",  "1e3Mi", "++1",  "1K"};
	struct bl_err err;
	int64_t value;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		print_message("'%s'\n", bad[i]);
		assert_fails(bl_quantity_parse(bad[i], &value, &err), -EINVAL, "not a quantity");
	}
	assert_fails(bl_quantity_parse("-1", &value, &err), -ERANGE, "negative");
	assert_fails(bl_quantity_parse("8Ei", &value, &err), -ERANGE, "too large");
	assert_fails(bl_quantity_parse("9223372036854775808", &value, &err), -ERANGE, "too large");
	assert_fails(bl_quantity_parse("1e99999999", &value, &err), -ERANGE, "too large");
	assert_fails(bl_quantity_parse("999999999999999999999999999999999999999999", &value, &err),
		     -EINVAL, "not a quantity");
}

static void test_format(void **state)
{
	char text[32];

	assert_string_equal(bl_quantity_format_bytes(0, text), "0");
	assert_string_equal(bl_quantity_format_bytes(1000, text), "1000");
	assert_string_equal(bl_quantity_format_bytes(1024, text), "1Ki");
	assert_string_equal(bl_quantity_format_bytes(1536, text), "1536");
	assert_string_equal(bl_quantity_format_bytes(67108864, text), "64Mi");
	assert_string_equal(bl_quantity_format_bytes(1610612736, text), "1536Mi");
	assert_string_equal(bl_quantity_format_bytes(INT64_MAX, text), "9223372036854775807");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
