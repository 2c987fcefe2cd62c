/* SPDX-License-Identifier: Apache-2.0 */
/* From the specs of a program to its rows. */
#pragma once

#include "program.h"

/* false: they would be more than BL_POLICY_ROWS_MAX, and there are none. Else the caller puts the rows. */
bool program_build(const struct program *program, const struct peers *peers,
		   const struct program_defaults *defaults, struct shared_rows **ret_rows);
