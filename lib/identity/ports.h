/* SPDX-License-Identifier: Apache-2.0 */
/* The named ports of a peer. All pods of a deployment have the same, so a list of them stands in memory
 * once. */
#pragma once

#include "port_names.h"

struct ports;

struct port_lists {
	struct hash_table items;
	struct port_names names;
};

/* The list of just these, held once more; each call needs a ports_put(). NULL: of no port. */
struct ports *ports_get(struct port_lists *lists, const struct bl_named_port *ports, size_t n,
			uint64_t round);
void ports_put(struct port_lists *lists, struct ports *ports, uint64_t round); /* NULL is fine */
/* -1: the list has no port of that name, or two. */
int ports_number(const struct ports *ports, const char *name, uint8_t protocol);
void port_lists_release(struct port_lists *lists);
