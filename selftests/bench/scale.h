/* SPDX-License-Identifier: Apache-2.0 */
/* How an agent grows: what it takes to have 1, 100 and 1,000 endpoints. */
#pragma once

#include <stdint.h>

#include "agent.h"
#include "kernel.h"

#define SCALE_STEPS 3

struct scale_step {
	unsigned int n;   /* endpoints; 0: this step was left out */
	double attach_ms; /* median of attaching one more, from call to answer */
	double attach_low, attach_high;
	uint64_t resident_bytes;
	struct kernel_bytes kernel;
};

/* Makes pods with a veth and a persistent tap each, pod binding and masquerade in turn, and attaches
 * them as population.h says; `steps` of the three numbers. */
int scale(const struct place *place, struct agent *agent, unsigned int steps,
	  struct scale_step ret_steps[SCALE_STEPS], struct bl_err *err);
