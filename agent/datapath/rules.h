/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters of rules (bl_rules): few, and shared by the node. A row of a policy keeps its counter from map
 * to map; a new row takes a free one, or none (0) when all are taken. Which are taken is known by bits in
 * memory, and at the start read from the rows that stand in the kernel.
 */
#pragma once

#include "room.h"

/* A free one, at zero; 0: there is none. */
uint16_t rules_take(struct datapath *datapath);
/* A row that is there has it. Here and below, what is no counter is fine, and none. */
void rules_adopt(struct datapath *datapath, uint16_t counter);
void rules_give_back(struct datapath *datapath, uint16_t counter);
/* What it has counted on all CPUs. values: room for one counter per CPU. */
struct bl_counter rules_read(const struct datapath *datapath, uint16_t counter,
			     struct bl_counter *values);
