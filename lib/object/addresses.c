// SPDX-License-Identifier: Apache-2.0
/* Objects that are addresses to policies: nodes, services and what stands behind them, CIDR groups. */
#include <errno.h>
#include <string.h>

#include <beeline/file.h>

#include "../prefix.h"
#include "read.h"

int object_read_node(const struct cJSON *json, struct object *object, struct bl_err *err)
{
	bl_json_for_each (item, bl_json_get(json, "status/addresses")) {
		const char *type = bl_json_get_string(item, "type");
		int r = 0;

		if (type && (strcmp(type, "InternalIP") == 0 || strcmp(type, "ExternalIP") == 0))
			r = object_add_addr(object, bl_json_member(item, "address"),
					    "status.addresses", err);
		if (r < 0)
			return r;
	}
	return 0;
}

int object_read_service(const struct cJSON *json, struct object *object, struct bl_err *err)
{
	const char *type = bl_json_get_string(json, "spec/type");

	if (!type || strcmp(type, "ExternalName") != 0)
		bl_labels_set_all(&object->selector, "k8s", "", bl_json_get(json, "spec/selector"));
	return 0;
}

int object_read_slice(const struct cJSON *json, struct object *object, struct bl_err *err)
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
			r = object_add_addrs(object, bl_json_get(endpoint, "addresses"), NULL,
					     "endpoints.addresses", err);
		if (r < 0)
			return r;
	}
	return 0;
}

int object_read_group(const struct cJSON *json, struct object *object, struct bl_err *err)
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
