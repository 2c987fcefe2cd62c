// SPDX-License-Identifier: Apache-2.0
/* From a sync to XML: see blueprint.h. */
#include "blueprint.h"

#include <errno.h>
#include <stdlib.h>

#include <beeline/file.h>

#include "domain/domain.h"
#include "domxml.h"

int blueprint_new(const struct cJSON *vmi, const struct cJSON *prepared,
		  struct blueprint **ret_blueprint, struct bl_err *err)
{
	bl_auto_blueprint struct blueprint *blueprint = bl_alloc(sizeof(*blueprint));
	int r;

	if (!bl_json_is_object(vmi))
		return bl_fail(err, -EINVAL, "vmi: expected object");
	r = bl_vmi_new_lax(vmi, BL_UNKNOWN_IGNORED, &blueprint->vmi, err);
	if (r == 0)
		r = prepared_new(prepared, &blueprint->prepared, err);
	if (r == 0)
		r = disk_plan_make(blueprint->vmi, blueprint->prepared, &blueprint->plan, err);
	if (r < 0)
		return r;
	*ret_blueprint = bl_take_ptr(blueprint);
	return 0;
}

void blueprint_free(struct blueprint *blueprint)
{
	if (!blueprint)
		return;
	disk_plan_clear(&blueprint->plan);
	prepared_free(blueprint->prepared);
	bl_vmi_free(blueprint->vmi);
	free(blueprint);
}

int blueprint_format(const struct blueprint *blueprint, char **ret_xml, struct bl_err *err)
{
	struct domain domain;
	int r = domain_build(blueprint->vmi, blueprint->prepared, &blueprint->plan, &domain, err);

	if (r < 0)
		return r;
	*ret_xml = domxml_format(&domain);
	domain_clear(&domain);
	return 0;
}

static struct cJSON *describe_interfaces(const struct prepared *prepared)
{
	struct cJSON *list = bl_json_array();

	for (size_t i = 0; i < prepared->n_interfaces; i++) {
		const struct prepared_interface *interface = &prepared->interfaces[i];
		struct cJSON *item = bl_json_object();
		char mac[BL_MAC_TEXT_MAX];

		bl_json_set_string(item, "name", interface->name);
		bl_json_set_string(item, "mac", bl_mac_format(interface->mac, mac));
		bl_json_set_number(item, "queues", interface->queues);
		bl_json_append(list, item);
	}
	return list;
}

void blueprint_describe(const struct blueprint *blueprint, struct cJSON *state)
{
	const struct prepared *prepared = blueprint->prepared;

	bl_json_set_bool(state, "emulated", !prepared->kvm);
	bl_json_set_string(state, "emulationReason", prepared->kvm_reason);
	bl_json_set(state, "interfaces", describe_interfaces(prepared));
}
