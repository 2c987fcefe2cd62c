// SPDX-License-Identifier: Apache-2.0
/* Ids of sandboxes: no two pairs of names, and no two agents, share one. */
#include "unit.h"

#include <beeline/api.h>

#include "../../agent/sandbox/paths.h"

static char *id_of(uint32_t instance, const char *namespace, const char *name)
{
	bl_auto_sandbox_paths struct sandbox_paths *paths =
		sandbox_paths_new("/run/b", "/var/b", instance, namespace, name);

	return bl_take_ptr(paths->id);
}

static void test_default_is_plain(void **state)
{
	bl_auto_sandbox_paths struct sandbox_paths *paths =
		sandbox_paths_new("/run/b", "/var/b", 0, "default", "vm-01");

	assert_string_equal(paths->id, "bl-default-vm-01");
	assert_string_equal(paths->netns, "/run/netns/bl-default-vm-01");
	assert_string_equal(paths->record, "/var/b/sandboxes/bl-default-vm-01/sandbox.json");
	assert_string_equal(paths->sockets, "/run/b/sandboxes/bl-default-vm-01/sockets");
}

static void test_names_do_not_collide(void **state)
{
	static const char *const pairs[][2] = {
		{"a", "b-c"},   {"a-b", "c"},   {"a-b-c", "d"},
		{"a", "b-c-d"}, {"a-b", "c-d"}, {"a", "b.c"},
	};
	const size_t n = sizeof(pairs) / sizeof(pairs[0]);

	for (size_t i = 0; i < 2 * n; i++)
		for (size_t j = 0; j < i; j++) {
			bl_autofree char *a = id_of(i / n, pairs[i % n][0], pairs[i % n][1]);
			bl_autofree char *b = id_of(j / n, pairs[j % n][0], pairs[j % n][1]);

			assert_string_not_equal(a, b);
		}
}

static void test_long_names_fit_a_file_name(void **state)
{
	char namespace[64], name[254];
	bl_autofree char *one = NULL, *other = NULL;

	memset(namespace, 'n', sizeof(namespace) - 1);
	memset(name, 'v', sizeof(name) - 1);
	namespace[63] = name[253] = '\0';
	one = id_of(7, namespace, name);
	name[252] = 'w';
	other = id_of(7, namespace, name);
	assert_true(strlen(one) <= 200);
	assert_string_not_equal(one, other);
}

static void test_instances(void **state)
{
	assert_int_equal(sandbox_instance(BL_AGENT_STATE_DIR), 0);
	assert_int_not_equal(sandbox_instance("/tmp/one"), 0);
	assert_int_not_equal(sandbox_instance("/tmp/one"), sandbox_instance("/tmp/two"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default_is_plain),
		cmocka_unit_test(test_names_do_not_collide),
		cmocka_unit_test(test_long_names_fit_a_file_name),
		cmocka_unit_test(test_instances),
	};

	return cmocka_run_group_tests_name("sandbox_paths", tests, NULL, NULL);
}
