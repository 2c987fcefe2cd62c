// SPDX-License-Identifier: Apache-2.0
/* --selector: which objects it takes, and what it refuses. */
#include "unit.h"

#include <errno.h>

#include "../../agent/cli/filter.h"

static const struct row {
	const char *text;
	bool web, db, none;
} rows[] = {
	/* web: app=web env=a; db: app=db env=b old="" */
	{NULL, true, true, true},
	{"app=web", true, false, false},
	{"app==web", true, false, false},
	{" app = web ", true, false, false},
	{"app!=web", false, true, true},
	{"app", true, true, false},
	{"!old", true, false, true},
	{"old=", false, true, false},
	{"env in (a,b)", true, true, false},
	{"env in (a, c)", true, false, false},
	{"env notin (a,c)", false, true, true},
	{"env in (b,a),app=web", true, false, false},
	{"app=db,env notin (a),old", false, true, false},
	{"app=web,env=b", false, false, false},
	{"example.org/x=y", false, false, false},
};

static bool takes(const struct bl_selector *filter, const char *labels)
{
	bl_autofree char *text = bl_format("{\"metadata\": {\"name\": \"x\"%s%s}}",
					   *labels ? ", \"labels\": " : "", labels);
	bl_auto_json struct cJSON *object = NULL;

	assert_int_equal(bl_json_parse(text, strlen(text), &object, NULL), 0);
	return filter_takes(filter, object);
}

static void test_takes(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		filter_auto struct bl_selector filter = {0};
		const struct row *row = &rows[i];

		print_message("%s\n", row->text ? row->text : "(none)");
		assert_int_equal(filter_parse(row->text, &filter, NULL), 0);
		assert_int_equal(takes(&filter, "{\"app\": \"web\", \"env\": \"a\"}"), row->web);
		assert_int_equal(takes(&filter, "{\"app\": \"db\", \"env\": \"b\", \"old\": \"\"}"),
				 row->db);
		assert_int_equal(takes(&filter, ""), row->none);
	}
}

static void test_refuses(void **state)
{
	static const char *const wrong[] = {
		"",       "app=web,",  ",",      "=x",         "!",           "a b",
		"a!b",    "env in (a", "in (a)", "env in a,b", "env in (a)b", "env near (a)",
		"(a)",    "app=a b",   "a=b=c",  "env in ()x", "-a",          "!a=b",
		"env(a)",
	};
	struct bl_err err;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct bl_selector filter = {0};

		print_message("%s\n", wrong[i]);
		assert_fails(filter_parse(wrong[i], &filter, &err), -EINVAL, "--selector");
		assert_int_equal(filter.n_items, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_takes),
		cmocka_unit_test(test_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
