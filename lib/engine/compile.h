/* SPDX-License-Identifier: Apache-2.0 */
/* One direction of one endpoint: from its rules to the entries of its map. */
#pragma once

#include "../identity/selection.h"
#include "portspace.h"

struct compile_rule {
	uint64_t rank;
	uint32_t cookie;
	bool any_peer;
	struct selection *const *selections; /* alternatives; borrowed */
	size_t n_selections;
	struct port_row *rows; /* alternatives; rank and rule are filled here */
	size_t n_rows;
};

struct compile_output {
	struct bl_policy_row *rows; /* the caller frees */
	size_t n_rows;
	size_t most; /* rows that fit */
};

/* Appends the entries of a direction. rules are in the order in which people should hear of them, and get
 * sorted by rank. false: they do not fit. */
bool compile_direction(struct compile_rule *rules, size_t n_rules,
		       enum bl_policy_direction direction, struct compile_output *output);
