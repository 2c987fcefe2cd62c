// SPDX-License-Identifier: Apache-2.0
/* Decoding of the agent's facts: see prepared.h. */
#include "prepared.h"

#include <errno.h>
#include <string.h>

#include <beeline/addr.h>
#include <beeline/file.h>
#include <beeline/vmi.h>

#define QUEUES_MAX 256
#define MTU_MIN    68

static int take_string(const struct cJSON *json, const char *where, const char *key,
		       char **ret_text, struct bl_err *err)
{
	const char *text = bl_json_get_string(json, key);

	if (!text || !*text)
		return bl_fail(err, -EINVAL, "%s.%s: expected text", where, key);
	*ret_text = bl_strdup(text);
	return 0;
}

static int take_number(const struct cJSON *json, const char *where, const char *key, double min,
		       double max, double *ret_value, struct bl_err *err)
{
	double value = bl_json_get_number(json, key, -1);

	if (value < min || value > max || value != (double)(long)value)
		return bl_fail(err, -EINVAL, "%s.%s: expected an integer from %.0f to %.0f", where,
			       key, min, max);
	*ret_value = value;
	return 0;
}

static int decode_interface(const struct cJSON *json, const char *where,
			    struct prepared_interface *interface, struct bl_err *err)
{
	bl_autofree char *mac = NULL;
	double mtu = 0, queues = 0;
	int r;

	r = take_string(json, where, "name", &interface->name, err);
	if (r == 0)
		r = take_string(json, where, "tap", &interface->tap, err);
	if (r == 0)
		r = take_string(json, where, "mac", &mac, err);
	if (r == 0)
		r = take_number(json, where, "mtu", MTU_MIN, UINT16_MAX, &mtu, err);
	if (r == 0)
		r = take_number(json, where, "queues", 1, QUEUES_MAX, &queues, err);
	if (r < 0)
		return r;
	if (bl_mac_parse(mac, interface->mac, err) < 0)
		return bl_wrap(err, "%s.mac", where);
	interface->mtu = (uint16_t)mtu;
	interface->queues = (uint32_t)queues;
	return 0;
}

static int decode_interfaces(const struct cJSON *json, struct prepared *prepared,
			     struct bl_err *err)
{
	size_t n = bl_json_size(json);

	if (n > BL_VMI_INTERFACES_MAX)
		return bl_fail(err, -E2BIG, "prepared.interfaces: more than %d",
			       BL_VMI_INTERFACES_MAX);
	prepared->interfaces = bl_alloc((n + 1) * sizeof(*prepared->interfaces));
	bl_json_for_each (member, json) {
		size_t i = prepared->n_interfaces++;
		bl_autofree char *where = bl_format("prepared.interfaces[%zu]", i);
		int r = decode_interface(member, where, &prepared->interfaces[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int decode_volume(const struct cJSON *json, struct prepared_volume *volume,
			 struct bl_err *err)
{
	bl_autofree char *where = bl_format("prepared.volumes.%s", bl_json_key(json));
	int r;

	volume->name = bl_strdup(bl_json_key(json));
	volume->readonly = bl_json_get_bool(json, "readonly", false);
	r = take_string(json, where, "path", &volume->path, err);
	if (r == 0)
		r = take_string(json, where, "format", &volume->format, err);
	if (r < 0)
		return r;
	if (strcmp(volume->format, "qcow2") != 0 && strcmp(volume->format, "raw") != 0)
		return bl_fail(err, -EINVAL, "%s.format: '%s' is neither qcow2 nor raw", where,
			       volume->format);
	return 0;
}

static int decode_volumes(const struct cJSON *json, struct prepared *prepared, struct bl_err *err)
{
	size_t n = bl_json_size(json);

	if (n > BL_VMI_VOLUMES_MAX)
		return bl_fail(err, -E2BIG, "prepared.volumes: more than %d", BL_VMI_VOLUMES_MAX);
	prepared->volumes = bl_alloc((n + 1) * sizeof(*prepared->volumes));
	bl_json_for_each (member, json) {
		int r = decode_volume(member, &prepared->volumes[prepared->n_volumes++], err);

		if (r < 0)
			return r;
	}
	return 0;
}

int prepared_new(const struct cJSON *json, struct prepared **ret_prepared, struct bl_err *err)
{
	bl_auto_prepared struct prepared *prepared = bl_alloc(sizeof(*prepared));
	int r;

	if (!bl_json_is_object(json))
		return bl_fail(err, -EINVAL, "prepared: expected object");
	prepared->kvm = bl_json_get_bool(json, "kvm", false);
	prepared->kvm_reason = bl_strdup(bl_json_get_string(json, "kvmReason"));
	prepared->vhost_net = bl_json_get_bool(json, "vhostNet", false);
	r = decode_interfaces(bl_json_get(json, "interfaces"), prepared, err);
	if (r == 0)
		r = decode_volumes(bl_json_get(json, "volumes"), prepared, err);
	if (r < 0)
		return r;
	*ret_prepared = bl_take_ptr(prepared);
	return 0;
}

void prepared_free(struct prepared *prepared)
{
	if (!prepared)
		return;
	for (size_t i = 0; i < prepared->n_interfaces; i++) {
		free(prepared->interfaces[i].name);
		free(prepared->interfaces[i].tap);
	}
	for (size_t i = 0; i < prepared->n_volumes; i++) {
		free(prepared->volumes[i].name);
		free(prepared->volumes[i].path);
		free(prepared->volumes[i].format);
	}
	free(prepared->interfaces);
	free(prepared->volumes);
	free(prepared->kvm_reason);
	free(prepared);
}

const struct prepared_interface *prepared_interface(const struct prepared *prepared,
						    const char *name)
{
	for (size_t i = 0; i < prepared->n_interfaces; i++) {
		if (strcmp(prepared->interfaces[i].name, name) == 0)
			return &prepared->interfaces[i];
	}
	return NULL;
}

const struct prepared_volume *prepared_volume(const struct prepared *prepared, const char *name)
{
	for (size_t i = 0; i < prepared->n_volumes; i++) {
		if (strcmp(prepared->volumes[i].name, name) == 0)
			return &prepared->volumes[i];
	}
	return NULL;
}
