// SPDX-License-Identifier: Apache-2.0
/* Errors as values: text from the outer to the inner, cut but never overrun. */
#include "unit.h"

#include <errno.h>

static void test_fail_and_wrap(void **state)
{
	struct bl_err err = BL_ERR_INIT;

	assert_int_equal(bl_fail(&err, -ENOENT, "pod '%s'", "a"), -ENOENT);
	assert_string_equal(err.message, "pod 'a'");
	assert_int_equal(bl_wrap(&err, "starting %d", 5), -ENOENT);
	assert_string_equal(err.message, "starting 5: pod 'a'");
	assert_int_equal(err.code, -ENOENT);
	assert_int_equal(bl_fail_errno(&err, -EACCES, "opening x"), -EACCES);
	assert_string_equal(err.message, "opening x: Permission denied");
}

static void test_without_err(void **state)
{
	struct bl_err empty = BL_ERR_INIT;

	assert_int_equal(bl_fail(NULL, -EPERM, "x"), -EPERM);
	assert_int_equal(bl_fail_errno(NULL, -EPERM, "x"), -EPERM);
	assert_int_equal(bl_wrap(NULL, "x"), -EIO);
	assert_int_equal(bl_wrap(&empty, "x"), -EIO);
}

static void test_own_message_as_argument(void **state)
{
	struct bl_err err = BL_ERR_INIT;

	bl_fail(&err, -EIO, "inner");
	bl_fail(&err, -EINVAL, "outer (%s)", err.message);
	assert_string_equal(err.message, "outer (inner)");
}

static void test_long_text_is_cut(void **state)
{
	struct bl_err err = BL_ERR_INIT;
	char text[3 * BL_ERR_MESSAGE_MAX];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	bl_fail(&err, -EIO, "%s", text);
	assert_int_equal(strlen(err.message), BL_ERR_MESSAGE_MAX - 1);
	bl_wrap(&err, "outer");
	assert_int_equal(strlen(err.message), BL_ERR_MESSAGE_MAX - 1);
	assert_memory_equal(err.message, "outer: xx", 9);
	bl_fail_errno(&err, -EIO, "%s", text);
	assert_int_equal(strlen(err.message), BL_ERR_MESSAGE_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fail_and_wrap),
		cmocka_unit_test(test_without_err),
		cmocka_unit_test(test_own_message_as_argument),
		cmocka_unit_test(test_long_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
