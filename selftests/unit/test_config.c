// SPDX-License-Identifier: Apache-2.0
/* Options of the agent that cannot work, and what they name that is not there. */
#include "unit.h"

#include <errno.h>

#include "../../agent/config.h"

static void free_all(char **sentences, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(sentences[i]);
}

static void nothing_is_said_of_what_is_there(void **state)
{
	struct config config = {.runtime = "sh", .cni_bin_dir = "/", .host_disk_dir = "/"};
	char *sentences[CONFIG_MISSING_MAX];

	assert_int_equal(config_check(&config, NULL), 0);
	assert_int_equal(config_missing(&config, sentences), 0);
	config.runtime = "/bin/sh";
	config.host_disk_dir = NULL;
	assert_int_equal(config_check(&config, NULL), 0);
	assert_int_equal(config_missing(&config, sentences), 0);
}

static void what_is_missing_is_named(void **state)
{
	struct config config = {
		.runtime = "no-such-runc", .cni_bin_dir = "/nope/cni", .host_disk_dir = "/nope/hd"};
	char *sentences[CONFIG_MISSING_MAX];

	assert_int_equal(config_missing(&config, sentences), 3);
	assert_non_null(strstr(sentences[0], "--host-disk-dir '/nope/hd' does not exist"));
	assert_non_null(strstr(sentences[1], "--runtime 'no-such-runc' is not installed"));
	assert_non_null(strstr(sentences[2], "--cni-bin-dir '/nope/cni' does not exist"));
	free_all(sentences, 3);
	config.runtime = "/etc/passwd"; /* no program */
	assert_int_equal(config_missing(&config, sentences), 3);
	free_all(sentences, 3);
}

static void a_relative_host_disk_dir_is_refused(void **state)
{
	struct config config = {.host_disk_dir = "nope"};
	struct bl_err err;

	assert_fails(config_check(&config, &err), -EINVAL, "--host-disk-dir 'nope'");
}

/* 0 is how the struct says that none was given. */
static void root_is_no_user_for_vms(void **state)
{
	char *argv[] = {"beeline-agent", "--vm-user", "0"};
	struct config config;
	bl_autofree char **args = NULL;
	struct bl_err err;
	int n_args;

	assert_fails(bl_options_parse(config_options, &config, sizeof(config), 3, argv, &args,
				      &n_args, &err),
		     -EINVAL, "--vm-user: 0 is less than 1");
	bl_options_clear(config_options, &config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_said_of_what_is_there),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(a_relative_host_disk_dir_is_refused),
		cmocka_unit_test(root_is_no_user_for_vms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
