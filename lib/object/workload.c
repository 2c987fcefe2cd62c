// SPDX-License-Identifier: Apache-2.0
/* Pods and VMs: who has an identity, addresses and named ports. */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "read.h"

static bool is_over(const struct cJSON *json)
{
	const char *phase = bl_json_get_string(json, "status/phase");

	return phase && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0);
}

static bool runs_beside(const struct cJSON *init_container)
{
	const char *restart = bl_json_get_string(init_container, "restartPolicy");

	return restart && strcmp(restart, "Always") == 0;
}

int object_read_pod(const struct cJSON *json, struct object *object, struct bl_err *err)
{
	const struct cJSON *addrs = bl_json_get(json, "status/podIPs");
	const char *account = bl_json_get_string(json, "spec/serviceAccountName");
	int r;

	object->service_account = bl_strdup(account && *account ? account : "default");
	object->node = bl_strdup(bl_json_get_string(json, "spec/nodeName"));
	object->on_host_network = bl_json_get_bool(json, "spec/hostNetwork", false);
	object->is_over = is_over(json);
	r = object_add_addrs(object, addrs, "ip", "status.podIPs", err);
	if (r == 0 && bl_json_size(addrs) == 0 && bl_json_get_string(json, "status/podIP"))
		r = object_add_addr(object, bl_json_get(json, "status/podIP"), "status.podIP", err);
	bl_json_for_each (container, bl_json_get(json, "spec/containers"))
		if (r == 0)
			r = object_add_ports(object, bl_json_get(container, "ports"),
					     "containerPort", "spec.containers", err);
	bl_json_for_each (container, bl_json_get(json, "spec/initContainers"))
		if (r == 0 && runs_beside(container))
			r = object_add_ports(object, bl_json_get(container, "ports"),
					     "containerPort", "spec.initContainers", err);
	return r;
}

/* The name of the pod network's interface; others are no business of policies. */
static const char *pod_network(const struct cJSON *json)
{
	bl_json_for_each (network, bl_json_get(json, "spec/networks"))
		if (bl_json_member(network, "pod"))
			return bl_json_get_string(network, "name");
	return bl_json_get(json, "spec/networks") ? NULL : "default";
}

static int read_vmi_addrs(const struct cJSON *json, struct object *object, struct bl_err *err)
{
	const char *network = pod_network(json);

	bl_json_for_each (interface, bl_json_get(json, "status/interfaces")) {
		const char *name = bl_json_get_string(interface, "name");
		const struct cJSON *addrs = bl_json_get(interface, "ipAddresses");
		const struct cJSON *addr = bl_json_get(interface, "ipAddress");

		if (!network || !name || strcmp(name, network) != 0)
			continue;
		if (bl_json_size(addrs) > 0)
			return object_add_addrs(object, addrs, NULL, "status.interfaces", err);
		return addr ? object_add_addr(object, addr, "status.interfaces", err) : 0;
	}
	return 0;
}

int object_read_vmi(const struct cJSON *json, struct object *object, struct bl_err *err)
{
	int r = read_vmi_addrs(json, object, err);

	object->service_account = bl_strdup("default");
	bl_json_for_each (volume, bl_json_get(json, "spec/volumes")) {
		const char *name = bl_json_get_string(volume, "serviceAccount/serviceAccountName");

		if (name) {
			free(object->service_account);
			object->service_account = bl_strdup(name);
		}
	}
	object->node = bl_strdup(bl_json_get_string(json, "status/nodeName"));
	object->is_over = is_over(json);
	bl_json_for_each (interface, bl_json_get(json, "spec/domain/devices/interfaces"))
		if (r == 0)
			r = object_add_ports(object, bl_json_get(interface, "ports"), "port",
					     "spec.domain.devices.interfaces", err);
	return r;
}
