/* SPDX-License-Identifier: Apache-2.0 */
/* beeline policy simulate: its row stands in policy.c with those of its sisters. */
#pragma once

#include <beeline/option.h>

struct policy_simulate_options {
	struct bl_option_list files;
	const char *namespace;
	const char *flows;
	const char *engine;
	const char *output;
};

extern const struct bl_option policy_simulate_rows[];
int policy_simulate_run(void *options, int n_args, char **args);
