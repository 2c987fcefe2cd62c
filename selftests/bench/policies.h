/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network policy in the real agent and the kernel's maps, at the size of population.h: as many policies as
 * there are endpoints, and ten peers for each.
 */
#pragma once

#include <stdint.h>

#include "agent.h"

struct policies_cost {
	unsigned int n; /* endpoints and policies; 0: nothing was measured */
	double compile_ms; /* CPU time of the agent for all policies at once: stored, compiled, in the kernel */
	double update_p50_ms,
		update_p99_ms; /* of a change that concerns few: from call to answer */
	uint64_t resident_bytes;
};

/* The n first endpoints of the population are attached (scale.h). */
int policies_measure(struct agent *agent, unsigned int n, struct policies_cost *ret_cost,
		     struct bl_err *err);
