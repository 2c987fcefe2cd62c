/* SPDX-License-Identifier: Apache-2.0 */
/* The names that containers and VMs give to ports, and which numbers they mean in the whole cluster. */
#pragma once

#include <beeline/engine.h>

#include "../hash.h"

struct port_name; /* with its protocol */

struct port_names {
	struct hash_table items;
	uint64_t changed; /* the round in which a name came to mean another number */
};

/* One more peer has this number by this name; each needs a drop. */
struct port_name *port_name_hold(struct port_names *names, const struct bl_named_port *port,
				 uint64_t round);
void port_name_drop(struct port_names *names, struct port_name *name, uint16_t port,
		    uint64_t round);
bool port_name_is(const struct port_name *name, const char *text, uint8_t protocol);
/* The one number that it has with all peers. -1: none has it, or they differ. */
int port_names_number(const struct port_names *names, const char *text, uint8_t protocol);
void port_names_release(struct port_names *names);
