// SPDX-License-Identifier: Apache-2.0
/* The table of families: see the header. */
#include "families.h"

const struct family_row family_rows[FAMILIES_MAX] = {
#define X(id, name, type, unit, help) [FAMILY_##id] = {name, type, unit, help},
	FAMILIES(X)
#undef X
};
