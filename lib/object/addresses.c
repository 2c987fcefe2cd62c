// SPDX-License-Identifier: Apache-2.0
/* Objects that are addresses to policies: nodes, services and what stands behind them, CIDR groups. */
#include <errno.h>
#include <string.h>

#include <beeline/fields.h>
#include <beeline/file.h>

#include "../prefix.h"
#include "read.h"

/* ---- nodes -------------------------------------------------------------------------------------- */

static int read_node_address(const struct value *item, void *object, struct bl_err *err)
{
	const char *type = NULL;
	struct value addr;
	int r = value_read_text(item, "type", &type, err);

	if (r == 0)
		r = value_read(item, "address", VALUE_TEXT, &addr, err);
	if (r < 0 || !type || (strcmp(type, "InternalIP") != 0 && strcmp(type, "ExternalIP") != 0))
		return r;
	return object_read_addr(&addr, object, err);
}

int object_read_node(const struct value *document, void *object, struct bl_err *err)
{
	return value_read_items(document, "status/addresses", VALUE_OBJECT, read_node_address,
				object, err);
}

/* ---- services and their slices ------------------------------------------------------------------ */

int object_read_service(const struct value *document, void *data, struct bl_err *err)
{
	struct object *object = data;
	const char *type = NULL;
	int r = value_read_text(document, "spec/type", &type, err);

	if (r == 0)
		r = value_read_labels(document, "spec/selector", "k8s", &object->selector, err);
	if (r == 0 && type && strcmp(type, "ExternalName") == 0)
		bl_labels_clear(&object->selector);
	return r;
}

/* Of the family that the slice says, when it says one. */
static int read_slice_addr(const struct value *item, void *data, struct bl_err *err)
{
	const struct value *document = value_document(item);
	const char *type = bl_json_get_string(document->json, "addressType");
	struct object *object = data;
	int r = object_read_addr(item, object, err);

	if (r == 0 && type &&
	    bl_addr_is_v4(&object->addrs[object->n_addrs - 1]) != (strcmp(type, "IPv4") == 0))
		return value_fail(item, err, "'%.64s' is not of addressType %s",
				  bl_json_text(item->json), type);
	return r;
}

static int read_slice_endpoint(const struct value *item, void *object, struct bl_err *err)
{
	bool ready = false, serving = false;
	int r = value_read_bool(item, "conditions/ready", true, &ready, err);

	if (r == 0)
		r = value_read_bool(item, "conditions/serving", false, &serving, err);
	if (r < 0 || (!ready && !serving))
		return r;
	return value_read_items(item, "addresses", VALUE_TEXT, read_slice_addr, object, err);
}

int object_read_slice(const struct value *document, void *data, struct bl_err *err)
{
	const struct cJSON *labels = bl_json_get(document->json, "metadata/labels");
	struct object *object = data;
	const char *type = NULL;
	int r = value_read_text(document, "addressType", &type, err);

	object->service =
		bl_strdup(bl_json_text(bl_json_member(labels, "kubernetes.io/service-name")));
	if (r < 0 || (type && strcmp(type, "FQDN") == 0))
		return r;
	if (type && strcmp(type, "IPv4") != 0 && strcmp(type, "IPv6") != 0)
		return bl_fail(err, -EINVAL,
			       "addressType: expected IPv4, IPv6 or FQDN, got '%.32s'", type);
	return value_read_items(document, "endpoints", VALUE_OBJECT, read_slice_endpoint, object,
				err);
}

/* ---- CIDR groups -------------------------------------------------------------------------------- */

struct group {
	char **cidrs;
	size_t n_cidrs;
};

/* All that a CiliumCIDRGroup may hold: as with a policy, what is misspelt selects too little. */
static const struct bl_field group_rows[] = {
	BL_FIELD_KNOWN("apiVersion"),
	BL_FIELD_KNOWN("kind"),
	BL_FIELD_KNOWN("metadata"),
	BL_FIELD_KNOWN("status"),
	BL_FIELD_CHECK("spec", BL_FIELD_MARK, .required = true),
	BL_FIELD_PAIR("spec.externalCIDRs", BL_FIELD_STRINGS, struct group, cidrs, n_cidrs,
		      .max = OBJECT_CIDRS_MAX, .required = true),
};
static const struct bl_fields group_fields = BL_FIELDS(group_rows, struct group);

static int read_prefixes(const struct group *group, struct object *object, struct bl_err *err)
{
	object->prefixes = bl_alloc(group->n_cidrs * sizeof(*object->prefixes));
	for (size_t i = 0; i < group->n_cidrs; i++) {
		int r = prefix_parse(group->cidrs[i], true, &object->prefixes[i], err);

		if (r < 0)
			return bl_wrap(err, "spec.externalCIDRs[%zu]", i);
		object->n_prefixes++;
	}
	return 0;
}

int object_read_group(const struct value *document, void *object, struct bl_err *err)
{
	struct group group = {0};
	int r = bl_fields_decode(&group_fields, document->json, "", &group, NULL, err);

	if (r == 0)
		r = read_prefixes(&group, object, err);
	bl_fields_clear(&group_fields, &group);
	return r;
}
