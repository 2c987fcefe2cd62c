// SPDX-License-Identifier: Apache-2.0
/* What statuses are written in: conditions and times. */
#include "unit.h"

#include <beeline/plan.h>

#define NOW 1767323045 /* 2026-01-02T03:04:05Z */

static void test_condition_times(void **state)
{
	bl_auto_json struct cJSON *status = bl_json_object();

	assert_true(bl_condition_set(status, "Ready", "False", "Why", "words", NOW));
	assert_false(bl_condition_set(status, "Ready", "False", "Why", "words", NOW + 5));
	assert_true(bl_condition_set(status, "Ready", "False", "Other", NULL, NOW + 5));
	assert_string_equal(bl_json_get_string(status, "conditions/0/lastTransitionTime"),
			    "2026-01-02T03:04:05Z");
	assert_null(bl_json_get(status, "conditions/0/message"));
	assert_true(bl_condition_set(status, "Ready", "True", NULL, NULL, NOW + 5));
	assert_string_equal(bl_json_get_string(status, "conditions/0/lastTransitionTime"),
			    "2026-01-02T03:04:10Z");
	assert_true(bl_condition_remove(status, "Ready"));
	assert_false(bl_condition_remove(status, "Ready"));
	assert_null(bl_condition(status, "Ready"));
}

static void test_time(void **state)
{
	char text[32];

	assert_string_equal(bl_time_format(NOW, text), "2026-01-02T03:04:05Z");
	assert_int_equal(bl_time_parse("2026-01-02T03:04:05Z"), NOW);
	assert_int_equal(bl_time_parse("2026-01-02"), -1);
	assert_int_equal(bl_time_parse(""), -1);
	assert_int_equal(bl_time_parse("2026-01-02T03:04:05Zx"), -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_condition_times),
		cmocka_unit_test(test_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
