/* SPDX-License-Identifier: Apache-2.0 */
/* Shared texts, labels and requirements stand in tables of the process, where no sanitizer finds those that
 * were not given back; but each holds atoms, and these are counted. */
#pragma once

#include "../../lib/atom.h"
#include "unit.h"

/* The teardown of a group. */
static inline int nothing_is_held(void **state)
{
	if (atoms_held() > 0)
		print_error("%zu atoms are still held\n", atoms_held());
	return atoms_held() > 0 ? -1 : 0;
}
