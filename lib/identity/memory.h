/* SPDX-License-Identifier: Apache-2.0 */
/* Which labels had which number before: wishes, for an agent that goes on where another ended. */
#pragma once

#include <beeline/labels.h>

#include "../hash.h"

struct memory {
	struct hash_table by_labels, by_number;
};

/* labels: as bl_labels_format() spells them. A number or labels that have a wish already keep it. */
void memory_add(struct memory *memory, const char *labels, uint32_t number);
/* 0: none. */
uint32_t memory_number(const struct memory *memory, const struct bl_labels *labels);
bool memory_has(const struct memory *memory, uint32_t number);
void memory_release(struct memory *memory);
