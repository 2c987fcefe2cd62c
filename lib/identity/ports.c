// SPDX-License-Identifier: Apache-2.0
/* Lists of named ports: see the header. A list holds its names for all peers that have it. */
#include <stdlib.h>

#include <beeline/file.h>

#include "ports.h"

struct port {
	struct port_name *name;
	uint16_t port;
};

struct ports {
	uint64_t hash;
	uint32_t n_holders;
	uint32_t n_items;
	struct port items[];
};

struct wanted {
	const struct bl_named_port *ports;
	size_t n;
};

static uint64_t hash_of(const struct wanted *wanted)
{
	uint64_t hash = HASH_INIT;

	for (size_t i = 0; i < wanted->n; i++) {
		const struct bl_named_port *port = &wanted->ports[i];

		hash = hash_text(hash, port->name);
		hash = hash_bytes(hash, &port->protocol, sizeof(port->protocol));
		hash = hash_bytes(hash, &port->port, sizeof(port->port));
	}
	return hash;
}

static bool has_just(const void *item, const void *key)
{
	const struct ports *ports = item;
	const struct wanted *wanted = key;

	if (ports->n_items != wanted->n)
		return false;
	for (size_t i = 0; i < wanted->n; i++)
		if (ports->items[i].port != wanted->ports[i].port ||
		    !port_name_is(ports->items[i].name, wanted->ports[i].name,
				  wanted->ports[i].protocol))
			return false;
	return true;
}

static struct ports *make(struct port_lists *lists, const struct wanted *wanted, uint64_t hash,
			  uint64_t round)
{
	struct ports *ports = bl_alloc(sizeof(*ports) + wanted->n * sizeof(ports->items[0]));

	ports->hash = hash;
	ports->n_items = (uint32_t)wanted->n;
	for (size_t i = 0; i < wanted->n; i++)
		ports->items[i] = (struct port){
			port_name_hold(&lists->names, &wanted->ports[i], round),
			wanted->ports[i].port,
		};
	hash_add(&lists->items, hash, ports);
	return ports;
}

struct ports *ports_get(struct port_lists *lists, const struct bl_named_port *items, size_t n,
			uint64_t round)
{
	const struct wanted wanted = {items, n};
	uint64_t hash = hash_of(&wanted);
	struct ports *ports;

	if (n == 0)
		return NULL;
	ports = hash_find(&lists->items, hash, has_just, &wanted);
	if (!ports)
		ports = make(lists, &wanted, hash, round);
	ports->n_holders++;
	return ports;
}

void ports_put(struct port_lists *lists, struct ports *ports, uint64_t round)
{
	if (!ports || --ports->n_holders > 0)
		return;
	for (uint32_t i = 0; i < ports->n_items; i++)
		port_name_drop(&lists->names, ports->items[i].name, ports->items[i].port, round);
	hash_remove(&lists->items, ports->hash, ports);
	free(ports);
}

int ports_number(const struct ports *ports, const char *name, uint8_t protocol)
{
	int found = -1;

	for (uint32_t i = 0; ports && i < ports->n_items; i++) {
		const struct port *port = &ports->items[i];

		if (!port_name_is(port->name, name, protocol))
			continue;
		if (found >= 0 && found != port->port)
			return -1;
		found = port->port;
	}
	return found;
}

void port_lists_release(struct port_lists *lists)
{
	size_t position = 0;

	for (struct ports *ports; (ports = hash_next(&lists->items, &position));)
		free(ports);
	hash_release(&lists->items);
	port_names_release(&lists->names);
}
