/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every object has: apiVersion, kind, metadata. And the kinds that people bring along and that
 * this machine has no use for, each with what to write instead.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "family.h"

#define NAME_MAX_LEN       253
#define SHORT_NAME_MAX_LEN 63

struct kind {
	const char *name;
	const char *group; /* before the '/' of apiVersion; "" is the core group */
	const char *why;   /* refused, and what to write instead */
};

#define NEEDS_CLUSTER "needs a cluster; on one machine "

static const struct kind refused_kinds[] = {
	{"VirtualMachineInstancePreset", "kubevirt.io",
	 "presets are not supported; write their fields into the spec of each VM"},
	{"VirtualMachineInstanceReplicaSet", "kubevirt.io",
	 "replica sets are not supported yet; write a VirtualMachine for each replica"},
	{"VirtualMachineInstanceMigration", "kubevirt.io",
	 "there is but one machine, so nowhere to migrate to"},
	{"KubeVirt", "kubevirt.io",
	 NEEDS_CLUSTER "there is nothing to install; options stand on the agent's command line"},
	{"DataVolume", "cdi.kubevirt.io",
	 NEEDS_CLUSTER "run 'beeline image import' and write containerDisk"},
	{"PersistentVolumeClaim", "", NEEDS_CLUSTER "write containerDisk, emptyDisk or hostDisk"},
	{"Secret", "", NEEDS_CLUSTER "write the data into cloudInitNoCloud.userData"},
	{"ConfigMap", "", NEEDS_CLUSTER "write the data into cloudInitNoCloud.userData"},
	{"Template", "", "templates are OpenShift's; write the VirtualMachine with its values"},
	{"NetworkAttachmentDefinition", "k8s.cni.cncf.io",
	 "secondary networks are not supported yet"},
	{"CiliumBGPPeeringPolicy", "cilium.io", NEEDS_CLUSTER "addresses are not announced"},
	{"ServiceMonitor", "monitoring.coreos.com", NEEDS_CLUSTER "there is nobody to read it"},
};

int vmi_fail(const struct vmi_check *check, const char *fmt, ...)
{
	char text[BL_ERR_MESSAGE_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return bl_fail(check->err, -EINVAL, "%s.%s", check->path, text);
}

void *vmi_grow(void *array, size_t n, size_t size)
{
	char *grown = bl_realloc(array, (n + 1) * size);

	memset(grown + n * size, 0, size);
	return grown;
}

static int require_string(const struct cJSON *json, const char *path, const char **ret_text,
			  struct bl_err *err)
{
	if (!json || bl_json_is_null(json))
		return bl_fail(err, -EINVAL, "%s: missing", path);
	if (!bl_json_is_string(json))
		return bl_fail(err, -EINVAL, "%s: expected string, got %s", path,
			       bl_json_type(json));
	*ret_text = bl_json_text(json);
	return 0;
}

/* Of a VM the name is host name, label, and part of the names of files and namespaces. */
static bool has_short_name(const char *kind)
{
	return kind &&
	       (strcmp(kind, "VirtualMachine") == 0 || strcmp(kind, "VirtualMachineInstance") == 0);
}

/* The name is a DNS label in Kubernetes too. */
static bool is_label(const char *kind)
{
	return kind && (strcmp(kind, "Namespace") == 0 || strcmp(kind, "Service") == 0);
}

static int validate_name(const char *kind, const char *text, struct bl_err *err)
{
	size_t max = has_short_name(kind) ? SHORT_NAME_MAX_LEN : NAME_MAX_LEN;

	if (is_label(kind))
		return bl_name_is_dns_label(text) ? 0
						  : bl_fail(err, -EINVAL,
							    "metadata.name: '%.64s' is not a name: "
							    "up to 63 lower-case "
							    "letters, digits and '-'",
							    text);
	if (bl_name_is_dns_subdomain(text, strlen(text)) && strlen(text) <= max)
		return 0;
	return bl_fail(err, -EINVAL,
		       "metadata.name: '%.64s' is not a name: up to %zu lower-case letters, "
		       "digits, '-' and '.'",
		       text, max);
}

static int validate_names(const struct cJSON *document, struct bl_err *err)
{
	const struct cJSON *namespace = bl_json_get(document, "metadata/namespace");
	const char *text;
	int r = require_string(bl_json_get(document, "metadata/name"), "metadata.name", &text, err);

	if (r == 0)
		r = validate_name(bl_json_get_string(document, "kind"), text, err);
	if (r < 0 || !namespace || bl_json_is_null(namespace))
		return r;
	r = require_string(namespace, "metadata.namespace", &text, err);
	if (r < 0)
		return r;
	if (!bl_name_is_dns_label(text))
		return bl_fail(
			err, -EINVAL,
			"metadata.namespace: '%.64s' is not a name: up to 63 lower-case letters, "
			"digits and '-'",
			text);
	return 0;
}

/* v1alpha2 was KubeVirt's before 2018; v1alpha3 has the fields of v1 and is still served. */
static int validate_version(const char *version, struct bl_err *err)
{
	if (strcmp(version, "v1") == 0 || strcmp(version, "v1alpha3") == 0)
		return 0;
	if (strcmp(version, "v1alpha2") == 0 || strcmp(version, "v1alpha1") == 0)
		return bl_fail(
			err, -ENOTSUP,
			"apiVersion: kubevirt.io/%s is not served any more; write "
			"kubevirt.io/v1, containerDisk for registryDisk, the volume's name as the "
			"disk's name for volumeName, and leave spec.selector out",
			version);
	return bl_fail(err, -ENOTSUP,
		       "apiVersion: kubevirt.io/%.64s is not served; write "
		       "kubevirt.io/v1",
		       version);
}

static int validate_kind(const char *api_version, const char *kind, struct bl_err *err)
{
	const char *slash = strchr(api_version, '/');
	size_t len = slash ? (size_t)(slash - api_version) : 0;

	for (size_t i = 0; i < sizeof(refused_kinds) / sizeof(refused_kinds[0]); i++) {
		const struct kind *refused = &refused_kinds[i];

		if (strcmp(refused->name, kind) == 0 && strlen(refused->group) == len &&
		    strncmp(refused->group, api_version, len) == 0)
			return bl_fail(err, -ENOTSUP, "kind: %s: %s", kind, refused->why);
	}
	if (len == strlen("kubevirt.io") && strncmp(api_version, "kubevirt.io", len) == 0)
		return validate_version(slash + 1, err);
	return 0;
}

static int validate_type(const struct cJSON *document, struct bl_err *err)
{
	const char *api_version, *kind;
	int r;

	if (!bl_json_is_object(document))
		return bl_fail(err, -EINVAL, "expected an object with apiVersion and kind, got %s",
			       bl_json_type(document));
	r = require_string(bl_json_get(document, "apiVersion"), "apiVersion", &api_version, err);
	if (r == 0)
		r = require_string(bl_json_get(document, "kind"), "kind", &kind, err);
	return r < 0 ? r : validate_kind(api_version, kind, err);
}

int bl_object_validate_stored(const struct cJSON *document, struct bl_err *err)
{
	int r = validate_type(document, err);

	if (r == 0)
		r = vmi_metadata_validate_maps(bl_json_get(document, "metadata"), "metadata", err);
	return r < 0 ? r : validate_names(document, err);
}

int bl_object_validate(const struct cJSON *document, struct bl_err *err)
{
	int r = validate_type(document, err);

	if (r == 0)
		r = vmi_metadata_validate(bl_json_get(document, "metadata"), "metadata", err);
	return r < 0 ? r : validate_names(document, err);
}
