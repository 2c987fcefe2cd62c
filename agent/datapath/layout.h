/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layouts of map values, as BTF describes them, and the conversion of a value from one to another.
 * Members are matched by name: one that both layouts have keeps its value wherever it stands and
 * however wide it is, one that is new is zero, one that is gone is forgotten; of an array that
 * changed its length, what both have. Anonymous members count as their parent's. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;

struct layout {
	const struct btf *btf;
	uint32_t type;
};

/* Are values of the two the same bytes with the same meaning? */
bool layout_same(struct layout a, struct layout b);
/* ret_value has the size of to's type and is overwritten whole. */
void layout_convert(struct layout from, const void *value, struct layout to, void *ret_value);

/* A member that is an array: where it begins, of how many elements, and how large each is. */
struct layout_array {
	struct layout element;
	size_t offset, size;
	uint32_t n;
};

bool layout_find_array(struct layout layout, const char *name, struct layout_array *ret_array);
