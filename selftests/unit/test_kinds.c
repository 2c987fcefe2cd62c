// SPDX-License-Identifier: Apache-2.0
/* What a user's document is made before it is stored, and which kinds may be stored at all. */
#include "unit.h"

#include <errno.h>

#include "../../agent/kinds.h"

/* A document of that kind with a namespace and a status, placed. */
static struct cJSON *placed(const char *kind, const char *namespace)
{
	bl_autofree char *text =
		bl_format("{\"kind\": \"%s\", \"metadata\": {\"name\": \"a\"%s%s%s}, "
			  "\"status\": {\"phase\": \"Running\"}}",
			  kind, namespace ? ", \"namespace\": \"" : "", namespace ? namespace : "",
			  namespace ? "\"" : "");
	struct cJSON *document = NULL;

	assert_int_equal(bl_json_parse(text, strlen(text), &document, NULL), 0);
	kinds_place(document);
	return document;
}

static void test_namespace(void **state)
{
	static const struct {
		const char *kind, *given, *stored;
	} rows[] = {
		{KIND_VM, NULL, "default"},
		{KIND_VM, "a", "a"},
		{"CiliumNetworkPolicy", NULL, "default"},
		{"NetworkPolicy", "a", "a"},
		{"CiliumClusterwideNetworkPolicy", "a", NULL},
		{"ClusterNetworkPolicy", NULL, NULL},
		{"CiliumCIDRGroup", "a", NULL},
		{"Namespace", "a", NULL},
		{"Node", NULL, NULL},
		{"Pod", NULL, "default"},
		{"Service", "a", "a"},
		{"EndpointSlice", "a", "a"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bl_auto_json struct cJSON *document = placed(rows[i].kind, rows[i].given);
		const char *namespace = bl_json_get_string(document, "metadata/namespace");

		assert_non_null(kinds_find(rows[i].kind));
		if (rows[i].stored)
			assert_string_equal(namespace, rows[i].stored);
		else
			assert_null(namespace);
	}
}

/* Nobody says of a VM or of a policy what only the agent knows. */
static void test_status(void **state)
{
	static const char *const agents[] = {KIND_VM, KIND_VMI, "CiliumNetworkPolicy", "Namespace",
					     "Sonnet"};
	static const char *const users[] = {"Pod", "Node"};

	for (size_t i = 0; i < sizeof(agents) / sizeof(*agents); i++) {
		bl_auto_json struct cJSON *document = placed(agents[i], NULL);

		assert_null(bl_json_get(document, "status"));
	}
	for (size_t i = 0; i < sizeof(users) / sizeof(*users); i++) {
		bl_auto_json struct cJSON *document = placed(users[i], NULL);

		assert_string_equal(bl_json_get_string(document, "status/phase"), "Running");
	}
}

static int check(const char *json, enum bl_unknown unknown, struct cJSON *warnings,
		 struct bl_err *err)
{
	bl_auto_json struct cJSON *document = NULL;

	assert_int_equal(bl_json_parse(json, strlen(json), &document, NULL), 0);
	return kinds_find(bl_json_get_string(document, "kind"))
		->check(document, unknown, warnings, err);
}

/* In each place of a VM that is decoded by itself. */
static void test_unknown_fields(void **state)
{
	static const char text[] =
		"{\"apiVersion\": \"kubevirt.io/v1\", \"kind\": \"" KIND_VM "\", \"metadata\": "
		"{\"name\": \"a\"}, \"spec\": {\"runStrategy\": \"Halted\", \"runing\": 1, "
		"\"template\": {\"metadata\": {}, "
		"\"spec\": {\"domain\": {\"memory\": {\"guest\": \"64Mi\"}, \"devices\": "
		"{\"dsks\": []}}}}}, \"x\": 1}";
	bl_auto_json struct cJSON *warnings = bl_json_array();
	struct bl_err err;

	assert_fails(check(text, BL_UNKNOWN_REFUSED, warnings, &err), -EINVAL,
		     "spec.runing: unknown field (did you mean running?)");
	if (check(text, BL_UNKNOWN_IGNORED, warnings, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(bl_json_size(warnings), 0);
	if (check(text, BL_UNKNOWN_WARNED, warnings, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(bl_json_size(warnings), 3);
	assert_string_equal(bl_json_text(bl_json_first(warnings)),
			    "spec.runing: unknown field (did you mean running?)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_namespace),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_unknown_fields),
	};

	return cmocka_run_group_tests_name("kinds", tests, NULL, NULL);
}
