// SPDX-License-Identifier: Apache-2.0
/* Pods and VMs: who has an identity, addresses and named ports. */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "read.h"

/* ---- what both have ----------------------------------------------------------------------------- */

static int read_account(const struct value *value, const char *path, struct object *object,
			struct bl_err *err)
{
	const char *account = NULL;
	int r = value_read_text(value, path, &account, err);

	if (r == 0 && account && *account) {
		free(object->service_account);
		object->service_account = bl_strdup(account);
	}
	return r;
}

static int read_node(const struct value *document, const char *path, struct object *object,
		     struct bl_err *err)
{
	const char *node = NULL;
	int r = value_read_text(document, path, &node, err);

	if (r == 0)
		object->node = bl_strdup(node);
	return r;
}

static int read_phase(const struct value *document, struct object *object, struct bl_err *err)
{
	const char *phase = NULL;
	int r = value_read_text(document, "status/phase", &phase, err);

	object->is_over =
		phase && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0);
	return r;
}

/* The list of addresses, or where that is empty the one that older clients know. */
static int read_addrs(const struct value *value, const char *list, object_reader read_item,
		      enum value_type type, const char *single, struct object *object,
		      struct bl_err *err)
{
	struct value addr;
	int r = value_read_items(value, list, type, read_item, object, err);

	if (r == 0)
		r = value_read(value, single, VALUE_TEXT, &addr, err);
	return r == 0 && addr.json && object->n_addrs == 0 ? object_read_addr(&addr, object, err)
							   : r;
}

/* ---- pods --------------------------------------------------------------------------------------- */

static int read_pod_ip(const struct value *item, void *object, struct bl_err *err)
{
	struct value addr;
	int r = value_read(item, "ip", VALUE_TEXT, &addr, err);

	return r == 0 ? object_read_addr(&addr, object, err) : r;
}

static int read_container(const struct value *item, void *object, struct bl_err *err)
{
	return object_read_ports(item, "containerPort", object, err);
}

/* One that runs beside the others. */
static int read_init_container(const struct value *item, void *object, struct bl_err *err)
{
	const char *restart = NULL;
	int r = value_read_text(item, "restartPolicy", &restart, err);

	return r == 0 && restart && strcmp(restart, "Always") == 0
		       ? read_container(item, object, err)
		       : r;
}

int object_read_pod(const struct value *document, void *data, struct bl_err *err)
{
	struct object *object = data;
	int r;

	object->service_account = bl_strdup("default");
	r = read_account(document, "spec/serviceAccountName", object, err);
	if (r == 0)
		r = read_node(document, "spec/nodeName", object, err);
	if (r == 0)
		r = value_read_bool(document, "spec/hostNetwork", false, &object->on_host_network,
				    err);
	if (r == 0)
		r = value_read_items(document, "spec/containers", VALUE_OBJECT, read_container,
				     object, err);
	if (r == 0)
		r = value_read_items(document, "spec/initContainers", VALUE_OBJECT,
				     read_init_container, object, err);
	if (r == 0)
		r = read_phase(document, object, err);
	if (r == 0)
		r = read_addrs(document, "status/podIPs", read_pod_ip, VALUE_OBJECT, "status/podIP",
			       object, err);
	return r;
}

/* ---- VMs ---------------------------------------------------------------------------------------- */

/* The name of the pod network's interface; others are no business of policies. */
static const char *pod_network(const struct cJSON *json)
{
	bl_json_for_each (network, bl_json_get(json, "spec/networks"))
		if (bl_json_member(network, "pod"))
			return bl_json_get_string(network, "name");
	return bl_json_get(json, "spec/networks") ? NULL : "default";
}

static int read_interface(const struct value *item, void *object, struct bl_err *err)
{
	const char *network = pod_network(value_document(item)->json), *name = NULL;
	int r = value_read_text(item, "name", &name, err);

	if (r < 0 || !network || !name || strcmp(name, network) != 0)
		return r;
	return read_addrs(item, "ipAddresses", object_read_addr, VALUE_TEXT, "ipAddress", object,
			  err);
}

static int read_volume(const struct value *item, void *object, struct bl_err *err)
{
	return read_account(item, "serviceAccount/serviceAccountName", object, err);
}

static int read_interface_ports(const struct value *item, void *object, struct bl_err *err)
{
	return object_read_ports(item, "port", object, err);
}

int object_read_vmi(const struct value *document, void *data, struct bl_err *err)
{
	struct object *object = data;
	int r;

	object->service_account = bl_strdup("default");
	r = value_read_items(document, "spec/volumes", VALUE_OBJECT, read_volume, object, err);
	if (r == 0)
		r = value_read_items(document, "spec/domain/devices/interfaces", VALUE_OBJECT,
				     read_interface_ports, object, err);
	if (r == 0)
		r = read_node(document, "status/nodeName", object, err);
	if (r == 0)
		r = read_phase(document, object, err);
	if (r == 0)
		r = value_read_items(document, "status/interfaces", VALUE_OBJECT, read_interface,
				     object, err);
	return r;
}
