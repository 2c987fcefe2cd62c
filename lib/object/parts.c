// SPDX-License-Identifier: Apache-2.0
/* Addresses and named ports, which several kinds have. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <beeline/addr.h>
#include <beeline/file.h>

#include "read.h"

int object_add_addr(struct object *object, const struct cJSON *json, const char *path,
		    struct bl_err *err)
{
	const char *text = bl_json_text(json);
	struct bl_addr addr;

	if (object->n_addrs == OBJECT_ADDRS_MAX)
		return bl_fail(err, -EINVAL, "%s: more than %d addresses", path, OBJECT_ADDRS_MAX);
	if (!text)
		return bl_fail(err, -EINVAL, "%s: expected string, got %s", path,
			       bl_json_type(json));
	if (bl_addr_parse(text, &addr, err) < 0)
		return bl_wrap(err, "%s", path);
	object->addrs = bl_realloc(object->addrs, (object->n_addrs + 1) * sizeof(*object->addrs));
	object->addrs[object->n_addrs++] = addr;
	return 0;
}

int object_add_addrs(struct object *object, const struct cJSON *array, const char *key,
		     const char *path, struct bl_err *err)
{
	bl_json_for_each (item, array) {
		int r = object_add_addr(object, key ? bl_json_member(item, key) : item, path, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static uint8_t protocol_number(const char *name)
{
	if (!name || strcmp(name, "TCP") == 0)
		return IPPROTO_TCP;
	if (strcmp(name, "UDP") == 0)
		return IPPROTO_UDP;
	return strcmp(name, "SCTP") == 0 ? IPPROTO_SCTP : 0;
}

int object_add_ports(struct object *object, const struct cJSON *array, const char *key,
		     const char *path, struct bl_err *err)
{
	bl_json_for_each (item, array) {
		const char *name = bl_json_get_string(item, "name");
		uint8_t protocol = protocol_number(bl_json_get_string(item, "protocol"));
		double number = bl_json_get_number(item, key, 0);

		if (!name || !*name)
			continue;
		if (protocol == 0)
			return bl_fail(err, -EINVAL, "%s: port '%.63s' is of no known protocol",
				       path, name);
		if (number < 1 || number > UINT16_MAX || object->n_ports == OBJECT_PORTS_MAX)
			return bl_fail(err, -EINVAL, "%s: port '%.63s' is out of range", path,
				       name);
		object->ports =
			bl_realloc(object->ports, (object->n_ports + 1) * sizeof(*object->ports));
		object->ports[object->n_ports++] =
			(struct bl_named_port){bl_strdup(name), protocol, (uint16_t)number};
	}
	return 0;
}
