// SPDX-License-Identifier: Apache-2.0
/*
 * Looks at everything that one VMI consists of and reads it as facts. Changes nothing: what is found
 * wrong is trouble in the observation, and the plan decides.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/plan.h>

#include "../objects.h"
#include "../source.h"
#include "room.h"

static void trouble_set(struct vmi_trouble *trouble, const char *reason, const struct bl_err *err)
{
	if (trouble->reason)
		return;
	trouble->reason = reason;
	trouble->err = *err;
}

char *vmi_endpoint_name(const char *namespace, const char *name, const char *interface)
{
	return bl_format("%s_%s_%s", namespace, name, interface ? interface : "");
}

const char *vmi_pinned_digest(const struct cJSON *document, const char *volume)
{
	bl_json_for_each (entry, bl_json_get(document, "status/volumeStatus")) {
		const char *name = bl_json_get_string(entry, "name");

		if (name && strcmp(name, volume) == 0)
			return bl_json_get_string(entry, "containerDiskVolume/digest");
	}
	return NULL;
}

/* A VMI goes on with the image that it began with, whatever the name means by now. */
static int find_image(const struct vmi_record *record, const struct cJSON *document,
		      const struct bl_volume *volume, struct image *ret_image, struct bl_err *err)
{
	struct images *images = vmis_config(record->vmis)->images;
	const char *digest = vmi_pinned_digest(document, volume->name);

	if (digest)
		return image_find_digest(images, digest, ret_image, err);
	return image_find_or_pull(images, volume->image, ret_image, err);
}

static void observe_images(const struct vmi_record *record, struct vmi_observation *observation)
{
	const struct bl_vmi *vmi = observation->vmi;

	observation->images = bl_alloc((vmi->n_volumes + 1) * sizeof(struct image));
	for (size_t i = 0; i < vmi->n_volumes; i++) {
		struct bl_err err = BL_ERR_INIT;

		if (vmi->volumes[i].kind != BL_VOLUME_CONTAINER_DISK)
			continue;
		if (find_image(record, observation->document, &vmi->volumes[i],
			       &observation->images[i], &err) < 0)
			trouble_set(&observation->trouble, "ErrImagePull", &err);
	}
}

static void observe_manifest(const struct vmi_record *record, struct vmi_observation *observation)
{
	const struct vmis_config *config = vmis_config(record->vmis);
	struct sandbox_volume *volumes;
	struct bl_err err = BL_ERR_INIT;
	size_t n;

	if (bl_vmi_new_lax(observation->document, BL_UNKNOWN_IGNORED, &observation->vmi, &err) <
	    0) {
		trouble_set(&observation->trouble, "InvalidSpec", &err);
		return;
	}
	observation->facts.sound = true;
	observe_images(record, observation);
	if (vmi_volumes(config, observation, &volumes, &n, &err) < 0)
		trouble_set(&observation->trouble, "VolumeFailed", &err);
	else
		vmi_volumes_free(volumes, n);
	observation->facts.volumes = !observation->trouble.reason;
}

static bool has_endpoint(const struct vmi_record *record)
{
	const struct endpoints *endpoints = vmis_config(record->vmis)->endpoints;
	bl_autofree char *prefix = vmi_endpoint_name(record->namespace, record->name, NULL);

	for (uint32_t i = 0; i < BL_ENDPOINTS_MAX; i++) {
		const char *name = endpoint_name_of_index(endpoints, i);

		if (name && strncmp(name, prefix, strlen(prefix)) == 0)
			return true;
	}
	return false;
}

static enum vmi_endpoints observe_endpoints(const struct vmi_record *record,
					    struct vmi_observation *observation)
{
	const struct bl_vmi *vmi = observation->vmi;
	bool all = vmi && record->attached;

	for (size_t i = 0; vmi && i < vmi->n_interfaces; i++) {
		bl_autofree char *name =
			vmi_endpoint_name(record->namespace, record->name, vmi->interfaces[i].name);

		observation->endpoints[i] =
			endpoint_find(vmis_config(record->vmis)->endpoints, name);
		all = all && observation->endpoints[i];
	}
	if (!has_endpoint(record))
		return all ? ENDPOINTS_ALL : ENDPOINTS_NONE;
	return all ? ENDPOINTS_ALL : ENDPOINTS_SOME;
}

static int64_t stop_left(const struct cJSON *document, const struct bl_vmi *vmi)
{
	int64_t asked = bl_time_parse(bl_json_get_string(document, "metadata/deletionTimestamp"));
	double fallback = vmi ? vmi->termination_grace_seconds : 0;
	double grace =
		bl_json_get_number(document, "metadata/deletionGracePeriodSeconds", fallback);

	return asked + (int64_t)grace - bl_time_now();
}

static void observe_wish(const struct vmi_record *record, struct vmi_observation *observation)
{
	struct source *source = vmis_config(record->vmis)->source;
	struct vmi_facts *facts = &observation->facts;
	const struct cJSON *document = source->ops->vmi(source, record->namespace, record->name);

	if (!document)
		return;
	observation->document = document;
	facts->known = true;
	facts->deleting = object_is_deleting(document);
	facts->recorded = vmi_phase_of(bl_json_get_string(document, "status/phase"));
	observe_manifest(record, observation);
	if (facts->deleting)
		facts->stop_left_s = stop_left(document, observation->vmi);
}

static void observe_launcher(const struct vmi_record *record, struct vmi_observation *observation)
{
	struct vmi_facts *facts = &observation->facts;
	const struct cJSON *state = launcher_link_state(record->link);

	if (facts->foreign)
		return; /* another VMI's launcher has nothing to say of this one */
	observation->launcher = state;
	facts->link_up = launcher_link_is_up(record->link);
	facts->synced = launcher_link_is_synced(record->link);
	facts->domain = vmi_domain_of(bl_json_get_string(state, "phase"));
	if (record->link && launcher_link_error(record->link)->code && facts->link_up)
		trouble_set(&observation->trouble, "LauncherFailed",
			    launcher_link_error(record->link));
}

/* Names are given again, uids never: what bears another VMI's uid holds another VMI's disks. */
static bool is_foreign(const struct vmi_observation *observation)
{
	const struct sandbox_state *state = &observation->sandbox;
	const char *uid = bl_json_get_string(observation->document, "metadata/uid");

	return uid && state->uid && state->phase != SANDBOX_ABSENT && strcmp(state->uid, uid) != 0;
}

static void observe_sandbox(const struct vmi_record *record, struct vmi_observation *observation)
{
	struct sandbox_state *state = &observation->sandbox;
	struct vmi_facts *facts = &observation->facts;
	struct bl_err err = BL_ERR_INIT;

	if (sandbox_observe(vmis_config(record->vmis)->sandboxes, record->namespace, record->name,
			    state, &err) < 0) {
		trouble_set(&observation->trouble, "SandboxFailed", &err);
		state->phase = SANDBOX_PARTIAL;
	}
	facts->sandbox = state->phase;
	facts->stale = state->stale;
	facts->unnamed = state->unnamed;
	facts->foreign = is_foreign(observation);
	/* The guest goes on, and its owner is told. */
	if (state->lost && !facts->foreign) {
		bl_fail(&err, -ENONET, "%s; restart the VM to get another pod", state->lost);
		trouble_set(&observation->trouble, "NetworkFailed", &err);
	}
}

/* A guest that runs has its taps open. One that was deleted has been made anew by now, but its VMM
 * goes on with the dead one and cannot be told to take another. */
static void observe_carrier(struct vmi_observation *observation)
{
	const struct bl_vmi *vmi = observation->vmi;
	enum vmi_domain domain = observation->facts.domain;

	if (!vmi || (domain != DOMAIN_RUNNING && domain != DOMAIN_PAUSED))
		return;
	for (size_t i = 0; i < vmi->n_interfaces; i++) {
		const struct endpoint *endpoint = observation->endpoints[i];
		bl_autofree char *tap = NULL;
		struct bl_err err = BL_ERR_INIT;

		if (!endpoint || endpoint_has_carrier(endpoint))
			continue;
		tap = vmi_tap_name(i);
		bl_fail(&err, -ENOLINK,
			"interface '%s' is cut off: the VM has lost its tap '%s' (was it deleted?) "
			"and cannot open it again; restart the VM",
			vmi->interfaces[i].name, tap);
		trouble_set(&observation->cut, "NoCarrier", &err);
		trouble_set(&observation->trouble, "NoCarrier", &err);
	}
}

void vmi_observe(const struct vmi_record *record, struct vmi_observation *ret_observation)
{
	*ret_observation = (struct vmi_observation){0};
	observe_wish(record, ret_observation);
	observe_sandbox(record, ret_observation);
	ret_observation->facts.endpoints = observe_endpoints(record, ret_observation);
	observe_launcher(record, ret_observation);
	observe_carrier(ret_observation);
}

void vmi_observation_clear(struct vmi_observation *observation)
{
	size_t n = observation->vmi ? observation->vmi->n_volumes : 0;

	for (size_t i = 0; observation->images && i < n; i++)
		image_clear(&observation->images[i]);
	free(observation->images);
	bl_vmi_free(observation->vmi);
	sandbox_state_clear(&observation->sandbox);
	*observation = (struct vmi_observation){0};
}
