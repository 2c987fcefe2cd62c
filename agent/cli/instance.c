/* SPDX-License-Identifier: Apache-2.0 */
/* A view of a VirtualMachineInstance for people; see instance.h. */
#include "instance.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <beeline/plan.h>

#include "text.h"

/* Conditions that are bad news when True; the others are when False and say why. */
static bool is_negative(const char *type)
{
	return strcmp(type, "Failure") == 0;
}

/* False for whatever reason the others give. */
static bool is_consequence(const char *type)
{
	return strcmp(type, "Ready") == 0;
}

static bool is_trouble(const struct cJSON *condition)
{
	const char *type = bl_json_get_string(condition, "type");
	const char *status = bl_json_get_string(condition, "status");
	const char *message = bl_json_get_string(condition, "message");

	if (!type || !status || !message || !*message || is_consequence(type))
		return false;
	return strcmp(status, is_negative(type) ? "True" : "False") == 0;
}

static int64_t changed_at(const struct cJSON *condition)
{
	const char *text = bl_json_get_string(condition, "lastTransitionTime");

	return text ? bl_time_parse(text) : -1;
}

void instance_trouble(const struct cJSON *object, char text[INSTANCE_TEXT_MAX])
{
	const struct cJSON *worst = NULL;

	bl_json_for_each (condition, bl_json_get(object, "status/conditions")) {
		if (is_trouble(condition) && (!worst || changed_at(condition) >= changed_at(worst)))
			worst = condition;
	}
	text[0] = '\0';
	if (!worst)
		return;

	bl_autofree char *reason = text_clean(bl_json_get_string(worst, "reason"));
	bl_autofree char *message = text_clean(bl_json_get_string(worst, "message"));

	snprintf(text, INSTANCE_TEXT_MAX, "%s%s%s", reason, *reason ? ": " : "", message);
}

/* Link-local addresses mean nothing without the pod's interface. */
static bool is_global(const struct bl_addr *addr)
{
	return bl_addr_is_set(addr) && !(addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80);
}

static void add_address(struct instance *instance, const char *text)
{
	struct bl_addr addr;

	if (!text || bl_addr_parse(text, &addr, NULL) < 0 || !is_global(&addr) ||
	    instance->n_addresses == INSTANCE_ADDRESSES_MAX)
		return;
	for (size_t i = 0; i < instance->n_addresses; i++) {
		if (bl_addr_equal(&instance->addresses[i], &addr))
			return;
	}
	instance->addresses[instance->n_addresses++] = addr;
}

static void read_addresses(struct instance *instance, const struct cJSON *interfaces)
{
	bl_json_for_each (interface, interfaces) {
		add_address(instance, bl_json_get_string(interface, "ipAddress"));
		bl_json_for_each (address, bl_json_get(interface, "ipAddresses"))
			add_address(instance, bl_json_text(address));
	}
}

static void read_ports(struct instance *instance, const struct cJSON *interfaces)
{
	bl_json_for_each (interface, interfaces) {
		bl_json_for_each (port, bl_json_get(interface, "ports")) {
			const char *protocol = bl_json_get_string(port, "protocol");
			double number = bl_json_get_number(port, "port", 0);

			if ((protocol && strcasecmp(protocol, "TCP") != 0) || number < 1 ||
			    number > UINT16_MAX || instance->n_ports == INSTANCE_PORTS_MAX)
				continue;
			instance->ports[instance->n_ports++] = (uint16_t)number;
		}
	}
}

/* A machine has the pod network unless its manifest says no to it and names no other. */
static bool wants_network(const struct cJSON *devices)
{
	return bl_json_get_bool(devices, "autoattachPodInterface", true) ||
	       bl_json_size(bl_json_get(devices, "interfaces")) > 0;
}

void instance_read(const struct cJSON *vmi, struct instance *ret_instance)
{
	struct instance instance = {0};
	bl_autofree char *phase = text_clean(bl_json_get_string(vmi, "status/phase"));

	instance.ending = bl_json_get_string(vmi, "metadata/deletionTimestamp") != NULL;
	snprintf(instance.phase, sizeof(instance.phase), "%s",
		 instance.ending ? "Stopping"
		 : *phase        ? phase
				 : "Pending");
	instance.has_network = wants_network(bl_json_get(vmi, "spec/domain/devices"));
	instance_trouble(vmi, instance.condition);
	read_addresses(&instance, bl_json_get(vmi, "status/interfaces"));
	read_ports(&instance, bl_json_get(vmi, "spec/domain/devices/interfaces"));
	*ret_instance = instance;
}

bool instance_is_running(const struct instance *instance)
{
	return !instance->ending && strcmp(instance->phase, "Running") == 0;
}

bool instance_is_over(const struct instance *instance)
{
	return strcmp(instance->phase, "Failed") == 0 || strcmp(instance->phase, "Succeeded") == 0;
}
