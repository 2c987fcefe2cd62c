/* SPDX-License-Identifier: Apache-2.0 */
/* The sub-verbs of `beeline policy` that ask the agent; policy.c has their rows. */
#pragma once

#include <stdbool.h>

#include <beeline/option.h>

struct policy_options {
	const char *socket;
	const char *namespace;
	const char *output;
	bool ignore_not_found;
};

extern const struct bl_option policy_list_rows[], policy_get_rows[], policy_describe_rows[],
	policy_delete_rows[];

int policy_list_run(void *options, int n_args, char **args);
int policy_get_run(void *options, int n_args, char **args);
int policy_describe_run(void *options, int n_args, char **args);
int policy_delete_run(void *options, int n_args, char **args);
