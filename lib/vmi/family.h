/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this folder share: each family of devices brings its rows of the decode table,
 * its defaults (KubeVirt's) and its checks. vmi.c puts them together.
 */
#pragma once

#include <beeline/fields.h>
#include <beeline/file.h>
#include <beeline/name.h>
#include <beeline/vmi.h>

extern const struct bl_fields
	vmi_vm_fields; /* of a whole VirtualMachine; the others are of parts */
extern const struct bl_fields vmi_metadata_fields;
extern const struct bl_fields vmi_spec_fields;
extern const struct bl_fields vmi_disk_fields;
extern const struct bl_fields vmi_interface_fields;
extern const struct bl_fields vmi_network_fields;
extern const struct bl_fields vmi_volume_fields;

/* A check of a complete VMI; path is where its spec stands: "spec" or "spec.template.spec". */
struct vmi_check {
	const struct bl_vmi *vmi;
	const char *path;
	struct bl_err *err;
};

/* fmt begins with the path below the spec: "domain.cpu: ...". Returns -EINVAL. */
int vmi_fail(const struct vmi_check *check, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Defaults never fail; they run in this order: what a later one looks at is complete. */
void vmi_compute_default(struct bl_vmi *vmi);
void vmi_firmware_default(struct bl_vmi *vmi);
void vmi_disks_default(struct bl_vmi *vmi);
void vmi_interfaces_default(struct bl_vmi *vmi);

int vmi_compute_validate(const struct vmi_check *check);
int vmi_firmware_validate(const struct vmi_check *check);
int vmi_volumes_validate(const struct vmi_check *check);
int vmi_disks_validate(const struct vmi_check *check);
int vmi_interfaces_validate(const struct vmi_check *check);

/* path is where it stands: "metadata" or "spec.template.metadata". The first is what a user may write;
 * the second only what programs rely on: labels and annotations as maps of strings. */
int vmi_metadata_validate(const struct cJSON *metadata, const char *path, struct bl_err *err);
int vmi_metadata_validate_maps(const struct cJSON *metadata, const char *path, struct bl_err *err);

/* Room for one zeroed item more. */
void *vmi_grow(void *array, size_t n, size_t size);
