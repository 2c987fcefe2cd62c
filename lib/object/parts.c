// SPDX-License-Identifier: Apache-2.0
/* Addresses and named ports, which several kinds have. */
#include <netinet/in.h>
#include <string.h>

#include <beeline/addr.h>
#include <beeline/file.h>

#include "read.h"

int object_read_addr(const struct value *value, void *data, struct bl_err *err)
{
	struct object *object = data;
	struct bl_err why = BL_ERR_INIT;
	struct bl_addr addr;

	if (!value->json)
		return value_fail(value, err, "missing");
	if (object->n_addrs == OBJECT_ADDRS_MAX)
		return value_fail(value, err, "more than %d addresses", OBJECT_ADDRS_MAX);
	if (bl_addr_parse(bl_json_text(value->json), &addr, &why) < 0)
		return value_fail(value, err, "%s", why.message);
	object->addrs = bl_realloc(object->addrs, (object->n_addrs + 1) * sizeof(*object->addrs));
	object->addrs[object->n_addrs++] = addr;
	return 0;
}

/* 0: of no protocol that has ports. */
static uint8_t protocol_number(const char *name)
{
	if (!name || strcmp(name, "TCP") == 0)
		return IPPROTO_TCP;
	if (strcmp(name, "UDP") == 0)
		return IPPROTO_UDP;
	return strcmp(name, "SCTP") == 0 ? IPPROTO_SCTP : 0;
}

struct ports {
	struct object *object;
	const char *key;
};

static int add_port(struct object *object, const char *name, const char *protocol,
		    const struct value *number, struct bl_err *err)
{
	double value = bl_json_value(number->json);

	if (protocol_number(protocol) == 0)
		return value_fail(&(struct value){.outer = number->outer, .path = "protocol"}, err,
				  "expected TCP, UDP or SCTP, got '%.32s'", protocol);
	if (value < 1 || value > UINT16_MAX || value != (uint16_t)value)
		return value_fail(number, err, "expected a number from 1 to 65535");
	if (object->n_ports == OBJECT_PORTS_MAX)
		return value_fail(number->outer, err, "more than %d named ports", OBJECT_PORTS_MAX);
	object->ports = bl_realloc(object->ports, (object->n_ports + 1) * sizeof(*object->ports));
	object->ports[object->n_ports++] =
		(struct bl_named_port){bl_strdup(name), protocol_number(protocol), (uint16_t)value};
	return 0;
}

static int read_port(const struct value *item, void *data, struct bl_err *err)
{
	const struct ports *ports = data;
	const char *name = NULL, *protocol = NULL;
	struct value number;
	int r = value_read_text(item, "name", &name, err);

	if (r == 0)
		r = value_read_text(item, "protocol", &protocol, err);
	if (r == 0)
		r = value_read(item, ports->key, VALUE_NUMBER, &number, err);
	if (r < 0 || !name || !*name)
		return r;
	return add_port(ports->object, name, protocol, &number, err);
}

int object_read_ports(const struct value *owner, const char *key, struct object *object,
		      struct bl_err *err)
{
	struct ports ports = {object, key};

	return value_read_items(owner, "ports", VALUE_OBJECT, read_port, &ports, err);
}
