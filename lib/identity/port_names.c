// SPDX-License-Identifier: Apache-2.0
/* Names of ports: each stands in memory once, with the numbers that peers have for it. */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "port_names.h"

struct port_name {
	char *name;
	uint8_t protocol;
	struct {
		uint16_t port;
		uint32_t n_peers;
	} * numbers;
	size_t n_numbers;
};

struct port_key {
	const char *name;
	uint8_t protocol;
};

static bool is_name(const void *item, const void *key)
{
	const struct port_name *name = item;
	const struct port_key *like = key;

	return name->protocol == like->protocol && strcmp(name->name, like->name) == 0;
}

static uint64_t hash_of(const char *name, uint8_t protocol)
{
	return hash_text(hash_bytes(HASH_INIT, &protocol, 1), name);
}

static struct port_name *find(const struct port_names *names, const char *name, uint8_t protocol)
{
	const struct port_key key = {name, protocol};

	return hash_find(&names->items, hash_of(name, protocol), is_name, &key);
}

struct port_name *port_name_hold(struct port_names *names, const struct bl_named_port *port,
				 uint64_t round)
{
	struct port_name *name = find(names, port->name, port->protocol);
	size_t i = 0;

	if (!name) {
		name = bl_alloc(sizeof(*name));
		name->name = bl_strdup(port->name);
		name->protocol = port->protocol;
		hash_add(&names->items, hash_of(port->name, port->protocol), name);
	}
	while (i < name->n_numbers && name->numbers[i].port != port->port)
		i++;
	if (i == name->n_numbers) {
		name->numbers =
			bl_realloc(name->numbers, ++name->n_numbers * sizeof(*name->numbers));
		name->numbers[i].port = port->port;
		name->numbers[i].n_peers = 0;
		names->changed = round;
	}
	name->numbers[i].n_peers++;
	return name;
}

static void free_name(struct port_name *name)
{
	free(name->numbers);
	free(name->name);
	free(name);
}

void port_name_drop(struct port_names *names, struct port_name *name, uint16_t port, uint64_t round)
{
	size_t i = 0;

	while (name->numbers[i].port != port)
		i++;
	if (--name->numbers[i].n_peers > 0)
		return;
	name->numbers[i] = name->numbers[--name->n_numbers];
	names->changed = round;
	if (name->n_numbers > 0)
		return;
	hash_remove(&names->items, hash_of(name->name, name->protocol), name);
	free_name(name);
}

bool port_name_is(const struct port_name *name, const char *text, uint8_t protocol)
{
	return name->protocol == protocol && strcmp(name->name, text) == 0;
}

int port_names_number(const struct port_names *names, const char *text, uint8_t protocol)
{
	const struct port_name *name = find(names, text, protocol);

	return name && name->n_numbers == 1 ? name->numbers[0].port : -1;
}

void port_names_release(struct port_names *names)
{
	size_t position = 0;

	for (struct port_name *name; (name = hash_next(&names->items, &position));)
		free_name(name);
	hash_release(&names->items);
}
