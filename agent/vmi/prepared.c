// SPDX-License-Identifier: Apache-2.0
/*
 * What the agent has prepared for a VMI, in the words of beeline/launcher.h: taps, MACs, MTUs and where
 * the sandbox shows the volumes. A pure function of an observation in which all of it stands.
 */
#include <stdlib.h>

#include "room.h"

static struct cJSON *prepared_volumes(const struct vmi_observation *observation)
{
	const struct bl_vmi *vmi = observation->vmi;
	struct cJSON *volumes = bl_json_object();

	for (size_t i = 0; i < vmi->n_volumes; i++) {
		const struct bl_volume *volume = &vmi->volumes[i];
		const char *format = observation->images[i].format;
		bl_autofree char *path = vmi_volume_guest_path(vmi, volume);
		struct cJSON *entry;

		if (!vmi_volume_is_shown(volume))
			continue;
		entry = bl_json_object();
		bl_json_set_string(entry, "path", path);
		bl_json_set_string(entry, "format", format ? format : "raw");
		bl_json_set_bool(entry, "readonly", vmi_volume_is_readonly(vmi, volume));
		bl_json_set(volumes, volume->name, entry);
	}
	return volumes;
}

static struct cJSON *prepared_interfaces(const struct vmi_observation *observation)
{
	const struct bl_vmi *vmi = observation->vmi;
	struct cJSON *interfaces = bl_json_array();

	for (size_t i = 0; i < vmi->n_interfaces; i++) {
		const struct endpoint *endpoint = observation->endpoints[i];
		bl_autofree char *tap = vmi_tap_name(i);
		struct cJSON *entry = bl_json_object();
		char mac[BL_MAC_TEXT_MAX];

		bl_json_set_string(entry, "name", vmi->interfaces[i].name);
		bl_json_set_string(entry, "tap", tap);
		bl_json_set_string(entry, "mac", bl_mac_format(endpoint_guest_mac(endpoint), mac));
		bl_json_set_number(entry, "mtu", endpoint_mtu(endpoint));
		bl_json_set_number(entry, "queues", bl_vmi_queues(vmi, &vmi->interfaces[i]));
		bl_json_append(interfaces, entry);
	}
	return interfaces;
}

struct cJSON *vmi_prepared(const struct vmis_config *config,
			   const struct vmi_observation *observation)
{
	struct cJSON *params = bl_json_object();
	struct cJSON *prepared = bl_json_ensure(params, "prepared");

	bl_json_set(params, "vmi", bl_json_copy(observation->document));
	bl_json_set_bool(prepared, "kvm", config->kvm);
	bl_json_set_string(prepared, "kvmReason", config->kvm_reason);
	bl_json_set_bool(prepared, "vhostNet", config->vhost_net);
	bl_json_set(prepared, "interfaces", prepared_interfaces(observation));
	bl_json_set(prepared, "volumes", prepared_volumes(observation));
	return params;
}
