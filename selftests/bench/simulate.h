/* SPDX-License-Identifier: Apache-2.0 */
/* `beeline policy simulate` as people run it, on a part of population.h: 1,000 policies, 1,000 pods. */
#pragma once

#include "place.h"

/* Flows that one core answers in a second, reading the flows and writing the answers included; what is done
 * once (objects read, policies compiled) is left out. program is the command. */
int simulate_measure(const char *program, const struct place *place, double *ret_flows_per_s,
		     struct bl_err *err);
