// SPDX-License-Identifier: Apache-2.0
/* CNI configuration: the built-in list, those of users, and what is refused. */
#include "unit.h"

#include <errno.h>

#include <beeline/json.h>

#include "../../agent/sandbox/cni.h"

static struct cJSON *load(const char *path, uint32_t block)
{
	struct bl_err err = BL_ERR_INIT;
	struct cJSON *conf = NULL;

	if (cni_conf_load(path, "/state", block, &conf, &err) < 0)
		fail_msg("%s", err.message);
	return conf;
}

static void test_builtin(void **state)
{
	bl_auto_json struct cJSON *first = load(NULL, 0), *other = load(NULL, 3);

	assert_string_equal(bl_json_get_string(first, "name"), "beeline");
	assert_string_equal(bl_json_get_string(first, "plugins/0/type"), "ptp");
	assert_true(bl_json_get_bool(first, "plugins/0/ipMasq", false));
	assert_string_equal(bl_json_get_string(first, "plugins/1/type"), "portmap");
	assert_string_equal(bl_json_get_string(first, "plugins/0/ipam/dataDir"), "/state/cni");
	assert_string_equal(bl_json_get_string(first, "plugins/0/ipam/ranges/0/0/subnet"),
			    "10.22.0.0/22");
	assert_string_equal(bl_json_get_string(other, "plugins/0/ipam/ranges/0/0/subnet"),
			    "10.22.12.0/22");
	assert_string_equal(bl_json_get_string(other, "plugins/0/ipam/ranges/1/0/subnet"),
			    "fd62:6565:6c69:3::/64");
}

static void with_file(const char *text, void (*check)(const char *path, void *data), void *data)
{
	char *dir = unit_dir();
	bl_autofree char *path = bl_format("%s/conf", dir);

	assert_int_equal(bl_file_write(path, text, strlen(text), 0600, NULL), 0);
	check(path, data);
	unit_dir_remove(dir);
}

static void check_single(const char *path, void *data)
{
	bl_auto_json struct cJSON *conf = load(path, 5);

	assert_string_equal(bl_json_get_string(conf, "name"), "mine");
	assert_string_equal(bl_json_get_string(conf, "cniVersion"), "0.4.0");
	assert_int_equal(bl_json_size(bl_json_get(conf, "plugins")), 1);
	assert_string_equal(bl_json_get_string(conf, "plugins/0/bridge"), "br7");
	/* Blocks are the built-in list's alone, a directory that was chosen stays. */
	assert_string_equal(bl_json_get_string(conf, "plugins/0/ipam/subnet"), "10.9.0.0/24");
	assert_string_equal(bl_json_get_string(conf, "plugins/0/ipam/dataDir"), "/theirs");
}

static void test_single_plugin_becomes_a_list(void **state)
{
	with_file("{\"cniVersion\": \"0.4.0\", \"name\": \"mine\", \"type\": \"bridge\", "
		  "\"bridge\": \"br7\", \"ipam\": {\"type\": \"host-local\", "
		  "\"subnet\": \"10.9.0.0/24\", \"dataDir\": \"/theirs\"}}",
		  check_single, NULL);
}

static void check_refused(const char *path, void *data)
{
	struct cJSON *conf = NULL;
	struct bl_err err;

	assert_fails(cni_conf_load(path, "/state", 0, &conf, &err), -EINVAL, data);
	assert_null(conf);
}

static void test_refused(void **state)
{
	static const char *const bad[][2] = {
		{"{", "CNI configuration"},
		{"[]", "name"},
		{"{\"name\": \"n\", \"plugins\": [{\"type\": \"ptp\"}]}", "cniVersion"},
		{"{\"name\": \"n\", \"cniVersion\": \"1.0.0\", \"plugins\": []}", "plugins"},
		{"{\"name\": \"n\", \"cniVersion\": \"1.0.0\", \"plugins\": [{}]}", "type"},
		{"{\"name\": \"n\", \"cniVersion\": \"1.0.0\", \"plugins\": "
		 "[{\"type\": \"../../bin/sh\"}]}",
		 "type"},
		{"{\"name\": \"n\", \"cniVersion\": \"1.0.0\", \"plugins\": [{\"type\": \"..\"}]}",
		 "type"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		with_file(bad[i][0], check_refused, (char *)bad[i][1]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builtin),
		cmocka_unit_test(test_single_plugin_becomes_a_list),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("cni_conf", tests, NULL, NULL);
}
