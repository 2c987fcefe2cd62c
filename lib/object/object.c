// SPDX-License-Identifier: Apache-2.0
/*
 * Typed views of the objects around policies. Only what decides who an address is gets read, and what is
 * read is checked; the rest of a document is somebody else's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/name.h>

#include "read.h"

static int read_namespace(const struct value *document, void *object, struct bl_err *err)
{
	return 0;
}

static const struct {
	const char *name;
	const char *source; /* of its labels */
	const char *api_versions[2];
	object_reader *read;
	bool namespaced;
} kinds[OBJECT_KINDS] = {
	[OBJECT_NAMESPACE] = {"Namespace", "k8s", {"v1"}, read_namespace, false},
	[OBJECT_POD] = {"Pod", "k8s", {"v1"}, object_read_pod, true},
	[OBJECT_VMI] = {"VirtualMachineInstance",
			"k8s",
			{"kubevirt.io/v1", "kubevirt.io/v1alpha3"},
			object_read_vmi,
			true},
	[OBJECT_NODE] = {"Node", "node", {"v1"}, object_read_node, false},
	[OBJECT_SERVICE] = {"Service", "k8s", {"v1"}, object_read_service, true},
	[OBJECT_SLICE] = {"EndpointSlice", "k8s", {"discovery.k8s.io/v1"}, object_read_slice, true},
	[OBJECT_CIDR_GROUP] = {"CiliumCIDRGroup",
			       "cidrgroup",
			       {"cilium.io/v2", "cilium.io/v2alpha1"},
			       object_read_group,
			       false},
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

/* Where it is said at all. */
static int check_version(const struct cJSON *json, int kind, struct bl_err *err)
{
	const char *version = bl_json_get_string(json, "apiVersion");

	for (size_t i = 0; version && i < 2; i++)
		if (kinds[kind].api_versions[i] &&
		    strcmp(kinds[kind].api_versions[i], version) == 0)
			return 0;
	return version ? bl_fail(err, -EINVAL, "apiVersion: a %s is of %s, got '%.64s'",
				 kinds[kind].name, kinds[kind].api_versions[0], version)
		       : 0;
}

/* Both make the "namespace/name" by which endpoints are known, which no other pair may make. */
static int check_names(const char *namespace, const char *name, struct bl_err *err)
{
	if (!name || !*name)
		return bl_fail(err, -EINVAL, "metadata.name: missing");
	if (!bl_name_is_dns_subdomain(name, strlen(name)))
		return bl_fail(err, -EINVAL, "metadata.name: '%.64s' is not a name", name);
	if (namespace && *namespace && !bl_name_is_dns_label(namespace))
		return bl_fail(err, -EINVAL, "metadata.namespace: '%.64s' is not a name",
			       namespace);
	return 0;
}

int object_read(const struct cJSON *json, struct object *ret_object, struct bl_err *err)
{
	int kind = object_kind(bl_json_get_string(json, "kind"));
	const char *name = bl_json_get_string(json, "metadata/name");
	const char *namespace = bl_json_get_string(json, "metadata/namespace");
	const struct value document = {json};
	struct object object = {.kind = (enum object_kind)kind};
	int r;

	if (kind < 0)
		return bl_fail(err, -EINVAL, "kind: policies know nothing of it");
	r = check_version(json, kind, err);
	if (r == 0)
		r = check_names(namespace, name, err);
	if (r < 0)
		return r;
	object.name = bl_strdup(name);
	object.namespace = bl_strdup(!kinds[kind].namespaced   ? ""
				     : namespace && *namespace ? namespace
							       : "default");
	r = value_read_labels(&document, "metadata/labels", kinds[kind].source, &object.labels,
			      err);
	if (r == 0)
		r = kinds[kind].read(&document, &object, err);
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
