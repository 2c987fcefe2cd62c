// SPDX-License-Identifier: Apache-2.0
/*
 * Typed views of the objects around policies. Only what decides who an address is gets read, and what is
 * read is checked; the rest of a document is somebody else's.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "../prefix.h"
#include "object.h"

static int read_namespace(const struct cJSON *json, struct object *object, struct bl_err *err);
static int read_pod(const struct cJSON *json, struct object *object, struct bl_err *err);
static int read_vmi(const struct cJSON *json, struct object *object, struct bl_err *err);
static int read_node(const struct cJSON *json, struct object *object, struct bl_err *err);
static int read_service(const struct cJSON *json, struct object *object, struct bl_err *err);
static int read_slice(const struct cJSON *json, struct object *object, struct bl_err *err);
static int read_group(const struct cJSON *json, struct object *object, struct bl_err *err);

static const struct {
	const char *name;
	const char *source; /* of its labels */
	int (*read)(const struct cJSON *json, struct object *object, struct bl_err *err);
	bool namespaced;
} kinds[OBJECT_KINDS] = {
	[OBJECT_NAMESPACE] = {"Namespace", "k8s", read_namespace, false},
	[OBJECT_POD] = {"Pod", "k8s", read_pod, true},
	[OBJECT_VMI] = {"VirtualMachineInstance", "k8s", read_vmi, true},
	[OBJECT_NODE] = {"Node", "node", read_node, false},
	[OBJECT_SERVICE] = {"Service", "k8s", read_service, true},
	[OBJECT_SLICE] = {"EndpointSlice", "k8s", read_slice, true},
	[OBJECT_CIDR_GROUP] = {"CiliumCIDRGroup", "cidrgroup", read_group, false},
};

int object_kind(const char *kind)
{
	for (int i = 0; kind && i < OBJECT_KINDS; i++)
		if (strcmp(kinds[i].name, kind) == 0)
			return i;
	return -1;
}

bool object_is_namespaced(enum object_kind kind)
{
	return kinds[kind].namespaced;
}

/* ---- parts -------------------------------------------------------------------------------------- */

static int add_addr(struct object *object, const struct cJSON *json, const char *path,
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

/* All of an array; key: the member of each item that is the address, NULL: the item itself. */
static int add_addrs(struct object *object, const struct cJSON *array, const char *key,
		     const char *path, struct bl_err *err)
{
	bl_json_for_each (item, array) {
		int r = add_addr(object, key ? bl_json_member(item, key) : item, path, err);

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

/* Those of an array of ports that have a name; key: of the member that holds the number. */
static int add_ports(struct object *object, const struct cJSON *array, const char *key,
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

static bool is_over(const struct cJSON *json)
{
	const char *phase = bl_json_get_string(json, "status/phase");

	return phase && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0);
}

/* ---- kinds -------------------------------------------------------------------------------------- */

static int read_namespace(const struct cJSON *json, struct object *object, struct bl_err *err)
{
	return 0;
}

static bool runs_beside(const struct cJSON *init_container)
{
	const char *restart = bl_json_get_string(init_container, "restartPolicy");

	return restart && strcmp(restart, "Always") == 0;
}

static int read_pod(const struct cJSON *json, struct object *object, struct bl_err *err)
{
	const struct cJSON *addrs = bl_json_get(json, "status/podIPs");
	const char *account = bl_json_get_string(json, "spec/serviceAccountName");
	int r;

	object->service_account = bl_strdup(account && *account ? account : "default");
	object->node = bl_strdup(bl_json_get_string(json, "spec/nodeName"));
	object->on_host_network = bl_json_get_bool(json, "spec/hostNetwork", false);
	object->is_over = is_over(json);
	r = add_addrs(object, addrs, "ip", "status.podIPs", err);
	if (r == 0 && bl_json_size(addrs) == 0 && bl_json_get_string(json, "status/podIP"))
		r = add_addr(object, bl_json_get(json, "status/podIP"), "status.podIP", err);
	bl_json_for_each (container, bl_json_get(json, "spec/containers"))
		if (r == 0)
			r = add_ports(object, bl_json_get(container, "ports"), "containerPort",
				      "spec.containers", err);
	bl_json_for_each (container, bl_json_get(json, "spec/initContainers"))
		if (r == 0 && runs_beside(container))
			r = add_ports(object, bl_json_get(container, "ports"), "containerPort",
				      "spec.initContainers", err);
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
			return add_addrs(object, addrs, NULL, "status.interfaces", err);
		return addr ? add_addr(object, addr, "status.interfaces", err) : 0;
	}
	return 0;
}

static int read_vmi(const struct cJSON *json, struct object *object, struct bl_err *err)
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
			r = add_ports(object, bl_json_get(interface, "ports"), "port",
				      "spec.domain.devices.interfaces", err);
	return r;
}

static int read_node(const struct cJSON *json, struct object *object, struct bl_err *err)
{
	bl_json_for_each (item, bl_json_get(json, "status/addresses")) {
		const char *type = bl_json_get_string(item, "type");
		int r = 0;

		if (type && (strcmp(type, "InternalIP") == 0 || strcmp(type, "ExternalIP") == 0))
			r = add_addr(object, bl_json_member(item, "address"), "status.addresses",
				     err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_service(const struct cJSON *json, struct object *object, struct bl_err *err)
{
	const char *type = bl_json_get_string(json, "spec/type");

	if (!type || strcmp(type, "ExternalName") != 0)
		bl_labels_set_all(&object->selector, "k8s", "", bl_json_get(json, "spec/selector"));
	return 0;
}

static int read_slice(const struct cJSON *json, struct object *object, struct bl_err *err)
{
	const char *type = bl_json_get_string(json, "addressType");
	const struct cJSON *labels = bl_json_get(json, "metadata/labels");

	object->service =
		bl_strdup(bl_json_text(bl_json_member(labels, "kubernetes.io/service-name")));
	if (type && strcmp(type, "FQDN") == 0)
		return 0;
	bl_json_for_each (endpoint, bl_json_get(json, "endpoints")) {
		int r = 0;

		if (bl_json_get_bool(endpoint, "conditions/ready", true) ||
		    bl_json_get_bool(endpoint, "conditions/serving", false))
			r = add_addrs(object, bl_json_get(endpoint, "addresses"), NULL,
				      "endpoints.addresses", err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_group(const struct cJSON *json, struct object *object, struct bl_err *err)
{
	const struct cJSON *cidrs = bl_json_get(json, "spec/externalCIDRs");
	size_t n = 0;

	if (bl_json_size(cidrs) > OBJECT_CIDRS_MAX)
		return bl_fail(err, -EINVAL, "spec.externalCIDRs: more than %d", OBJECT_CIDRS_MAX);
	object->prefixes = bl_alloc(bl_json_size(cidrs) * sizeof(*object->prefixes));
	bl_json_for_each (item, cidrs) {
		const char *text = bl_json_text(item);
		int r;

		if (!text)
			return bl_fail(err, -EINVAL,
				       "spec.externalCIDRs[%zu]: expected string, got %s", n,
				       bl_json_type(item));
		r = prefix_parse(text, true, &object->prefixes[object->n_prefixes], err);
		if (r < 0)
			return bl_wrap(err, "spec.externalCIDRs[%zu]", n);
		object->n_prefixes++;
		n++;
	}
	return 0;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

int object_read(const struct cJSON *json, struct object *ret_object, struct bl_err *err)
{
	int kind = object_kind(bl_json_get_string(json, "kind"));
	const char *name = bl_json_get_string(json, "metadata/name");
	const char *namespace = bl_json_get_string(json, "metadata/namespace");
	struct object object = {.kind = (enum object_kind)kind};
	int r;

	if (kind < 0)
		return bl_fail(err, -EINVAL, "kind: policies know nothing of it");
	if (!name || !*name)
		return bl_fail(err, -EINVAL, "metadata.name: missing");
	object.name = bl_strdup(name);
	object.namespace = bl_strdup(!kinds[kind].namespaced   ? ""
				     : namespace && *namespace ? namespace
							       : "default");
	bl_labels_set_all(&object.labels, kinds[kind].source, "",
			  bl_json_get(json, "metadata/labels"));
	r = kinds[kind].read(json, &object, err);
	if (r < 0)
		object_clear(&object);
	else
		*ret_object = object;
	return r;
}

void object_clear(struct object *object)
{
	free(object->namespace);
	free(object->name);
	bl_labels_clear(&object->labels);
	free(object->addrs);
	free(object->prefixes);
	for (size_t i = 0; i < object->n_ports; i++)
		free(object->ports[i].name);
	free(object->ports);
	free(object->service_account);
	free(object->node);
	bl_labels_clear(&object->selector);
	free(object->service);
	*object = (struct object){0};
}
