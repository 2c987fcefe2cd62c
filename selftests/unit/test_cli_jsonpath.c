// SPDX-License-Identifier: Apache-2.0
/* kubectl's JSONPath templates: what each prints, and which are refused. */
#include "unit.h"

#include <errno.h>

#include "../../agent/cli/jsonpath.h"

static const char document[] =
	"{\"metadata\": {\"name\": \"vm-01\", \"labels\": {\"kubevirt.io/vm\": \"a\", \"a.b\": "
	"\"c\"}},"
	" \"status\": {\"n\": 7, \"ready\": true, \"none\": null,"
	"  \"interfaces\": [{\"ip\": \"10.0.0.1\", \"all\": [1, 2]}, {\"ip\": \"10.0.0.2\"}, {}]}}";

static char *print(const char *template, struct bl_err *err)
{
	bl_auto_json struct cJSON *json = NULL;
	char *text = NULL;

	assert_int_equal(bl_json_parse(document, strlen(document), &json, NULL), 0);
	return jsonpath_print(template, json, &text, err) < 0 ? NULL : text;
}

static void test_printed(void **state)
{
	static const struct {
		const char *template, *text;
	} rows[] = {
		{"", ""},
		{"plain", "plain"},
		{"{.metadata.name}", "vm-01"},
		{"{$.metadata.name}", "vm-01"},
		{"{['metadata']['name']}", "vm-01"},
		{"{.metadata.labels['kubevirt.io/vm']}", "a"},
		{"{.metadata.labels.kubevirt\\.io/vm}", "a"},
		{"{.metadata.labels.a\\.b}", "c"},
		{"{.status.n} {.status.ready} {.status.none}", "7 true null"},
		{"{.status.interfaces[0].ip}", "10.0.0.1"},
		{"{.status.interfaces[-2].ip}", "10.0.0.2"},
		{"{.status.interfaces[3].ip}{.status.interfaces[-4].ip}", ""},
		{"{.status.interfaces[*].ip}", "10.0.0.1 10.0.0.2"},
		{"{.status.interfaces[*].all[*]}", "1 2"},
		{"{.status.interfaces[0]}", "{\"ip\":\"10.0.0.1\",\"all\":[1,2]}"},
		{"{.metadata.labels.*}", "a c"},
		{"{$.status.interfaces[1]}{.status.interfaces[2]}", "{\"ip\":\"10.0.0.2\"}{}"},
		{"{.status.missing.too[0]['x']}", ""},
		{"{.metadata.name.deeper}{.status.interfaces.ip}{.status[0]}", ""},
		{"{.metadata.name}{\"\\n\"}{'}\\t'}{.status.n}", "vm-01\n}\t7"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bl_autofree char *text = print(rows[i].template, NULL);

		assert_non_null(text);
		assert_string_equal(text, rows[i].text);
	}
}

static void test_refused(void **state)
{
	static const char *const rows[] = {
		"{.a",     "{",        "{}",           "{a}",        "{.a.}",
		"{..a}",   "{.a[}",    "{.a[]}",       "{.a[x]}",    "{.a[0:2]}",
		"{.a['b}", "{.a['']}", "{.a[?(@.b)]}", "{range .a}", "{end}",
		"{.a .b}", "{\"open}", "{\"a\" }",     "{.a[0].}",   "{.a[99}",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct bl_err err = BL_ERR_INIT;
		bl_autofree char *unused = NULL;

		if (jsonpath_print(rows[i], NULL, &unused, &err) == 0)
			fail_msg("%s was taken", rows[i]);
		assert_int_equal(err.code, -EINVAL);
		assert_non_null(strstr(err.message, "jsonpath: "));
	}
}

/* A path of as many steps as an argument holds. */
static void test_long_path(void **state)
{
	static const size_t n_steps = 60000;
	bl_autofree char *template = bl_alloc(2 * n_steps + 3), *text = NULL;

	template[0] = '{';
	for (size_t i = 0; i < n_steps; i++)
		memcpy(template + 1 + 2 * i, ".a", 2);
	memcpy(template + 1 + 2 * n_steps, "}", 2);
	text = print(template, NULL);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_printed),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
