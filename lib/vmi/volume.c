/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes of a VMI: rows and checks. How a guest sees a volume is its disk (disk.c). */
#include <ctype.h>
#include <string.h>

#include "family.h"

/* KubeVirt keeps inline data to 2048 bytes and sends larger to a Secret; one machine has no Secrets,
 * so more must fit here. */
#define CLOUD_INIT_MAX (256 * 1024)

#define LOCAL     "images come from the local store"
#define NO_SECRET "Secrets need a cluster; write the data into "
#define NO_PVC    "needs a cluster's storage; write containerDisk, emptyDisk or hostDisk"
#define AS_DATA   "needs a cluster; write the content into cloudInitNoCloud.userData"

static const char *const host_disk_types[] = {"Disk", "DiskOrCreate"};

static const struct bl_field rows[] = {
	BL_FIELD("name", BL_FIELD_STRING, struct bl_volume, name, .required = true),

	BL_FIELD("containerDisk", BL_FIELD_MARK, struct bl_volume, kind,
		 .value = BL_VOLUME_CONTAINER_DISK, .group = "source",
		 .one_of = BL_ONE_OF_EXACTLY_ONE),
	BL_FIELD("containerDisk.image", BL_FIELD_STRING, struct bl_volume, image, .required = true),
	BL_FIELD("containerDisk.path", BL_FIELD_STRING, struct bl_volume, path),
	BL_FIELD_IGNORED("containerDisk.imagePullPolicy", LOCAL),
	BL_FIELD_IGNORED("containerDisk.imagePullSecret", LOCAL),

	BL_FIELD("hostDisk", BL_FIELD_MARK, struct bl_volume, kind, .value = BL_VOLUME_HOST_DISK,
		 .group = "source"),
	BL_FIELD("hostDisk.path", BL_FIELD_STRING, struct bl_volume, path, .required = true),
	BL_FIELD("hostDisk.type", BL_FIELD_STRING, struct bl_volume, host_disk_type,
		 .required = true, BL_FIELD_NAMES(host_disk_types)),
	BL_FIELD("hostDisk.capacity", BL_FIELD_QUANTITY, struct bl_volume, capacity_bytes),
	BL_FIELD_REFUSED("hostDisk.shared", "shared disks are not supported yet"),

	BL_FIELD("emptyDisk", BL_FIELD_MARK, struct bl_volume, kind, .value = BL_VOLUME_EMPTY_DISK,
		 .group = "source"),
	BL_FIELD("emptyDisk.capacity", BL_FIELD_QUANTITY, struct bl_volume, capacity_bytes,
		 .required = true),

	BL_FIELD("cloudInitNoCloud", BL_FIELD_MARK, struct bl_volume, kind,
		 .value = BL_VOLUME_CLOUD_INIT_NO_CLOUD, .group = "source"),
	BL_FIELD_PAIR("cloudInitNoCloud.userData", BL_FIELD_BLOB, struct bl_volume, user_data,
		      user_data_len, .max = CLOUD_INIT_MAX, .group = "user data",
		      .one_of = BL_ONE_OF_AT_MOST_ONE),
	BL_FIELD_PAIR("cloudInitNoCloud.userDataBase64", BL_FIELD_BASE64, struct bl_volume,
		      user_data, user_data_len, .max = CLOUD_INIT_MAX, .group = "user data"),
	BL_FIELD_REFUSED("cloudInitNoCloud.secretRef", NO_SECRET "userData or userDataBase64"),
	BL_FIELD_PAIR("cloudInitNoCloud.networkData", BL_FIELD_BLOB, struct bl_volume, network_data,
		      network_data_len, .max = CLOUD_INIT_MAX, .group = "network data",
		      .one_of = BL_ONE_OF_AT_MOST_ONE),
	BL_FIELD_PAIR("cloudInitNoCloud.networkDataBase64", BL_FIELD_BASE64, struct bl_volume,
		      network_data, network_data_len, .max = CLOUD_INIT_MAX,
		      .group = "network data"),
	BL_FIELD_REFUSED("cloudInitNoCloud.networkDataSecretRef",
			 NO_SECRET "networkData or networkDataBase64"),

	BL_FIELD_REFUSED("cloudInitConfigDrive", "is not supported yet; write cloudInitNoCloud",
			 .group = "source"),
	BL_FIELD_REFUSED("persistentVolumeClaim", "a PersistentVolumeClaim " NO_PVC,
			 .group = "source"),
	BL_FIELD_REFUSED("dataVolume", "a DataVolume " NO_PVC, .group = "source"),
	BL_FIELD_REFUSED("ephemeral", "an ephemeral PersistentVolumeClaim " NO_PVC,
			 .group = "source"),
	BL_FIELD_REFUSED("configMap", "a ConfigMap " AS_DATA, .group = "source"),
	BL_FIELD_REFUSED("secret", "a Secret " AS_DATA, .group = "source"),
	BL_FIELD_REFUSED("downwardAPI", "the downward API " AS_DATA, .group = "source"),
	BL_FIELD_REFUSED("serviceAccount", "a service account needs a cluster; leave it out",
			 .group = "source"),
	BL_FIELD_REFUSED("sysprep",
			 "Sysprep answers come from a cluster; write an image that has "
			 "them on a containerDisk",
			 .group = "source"),
	BL_FIELD_REFUSED("downwardMetrics", "host metrics are not supported yet",
			 .group = "source"),
	BL_FIELD_REFUSED("memoryDump", "memory dumps are not supported yet", .group = "source"),
	BL_FIELD_REFUSED("containerPath", "container paths are not supported yet",
			 .group = "source"),
	BL_FIELD_REFUSED("registryDisk", "is a field of kubevirt.io/v1alpha2; write containerDisk",
			 .group = "source"),
};

const struct bl_fields vmi_volume_fields = BL_FIELDS(rows, struct bl_volume);

/* Names of images go to a store and a puller: nothing that a shell or terminal would act on. */
static bool is_image_name(const char *image)
{
	size_t len = strlen(image);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)image[i]) && !strchr("/:@._+-", image[i]))
			return false;
	return len > 0 && len <= 512 && isalnum((unsigned char)image[0]) && !strstr(image, "..");
}

/* Absolute, and without a step upwards, so that what is below a folder stays there. */
static bool is_safe_path(const char *path)
{
	size_t len = strlen(path);

	return path[0] == '/' && len < 1024 && !strstr(path, "/../") &&
	       (len < 3 || strcmp(path + len - 3, "/..") != 0);
}

static int validate_container_disk(const struct vmi_check *check, size_t i)
{
	const struct bl_volume *volume = &check->vmi->volumes[i];

	if (!is_image_name(volume->image))
		return vmi_fail(check,
				"volumes[%zu].containerDisk.image: '%.64s' is not the name of "
				"an image",
				i, volume->image);
	if (volume->path && !is_safe_path(volume->path))
		return vmi_fail(check,
				"volumes[%zu].containerDisk.path: '%.64s' is not an absolute "
				"path without '..'",
				i, volume->path);
	return 0;
}

static int validate_host_disk(const struct vmi_check *check, size_t i)
{
	const struct bl_volume *volume = &check->vmi->volumes[i];

	if (!is_safe_path(volume->path))
		return vmi_fail(check,
				"volumes[%zu].hostDisk.path: '%.64s' is not an absolute path "
				"without '..'",
				i, volume->path);
	if (strcmp(volume->host_disk_type, "DiskOrCreate") == 0 && volume->capacity_bytes <= 0)
		return vmi_fail(
			check, "volumes[%zu].hostDisk.capacity: missing; DiskOrCreate needs it", i);
	return 0;
}

static int validate_source(const struct vmi_check *check, size_t i)
{
	switch (check->vmi->volumes[i].kind) {
	case BL_VOLUME_CONTAINER_DISK:
		return validate_container_disk(check, i);
	case BL_VOLUME_HOST_DISK:
		return validate_host_disk(check, i);
	case BL_VOLUME_EMPTY_DISK:
		if (check->vmi->volumes[i].capacity_bytes <= 0)
			return vmi_fail(check, "volumes[%zu].emptyDisk.capacity: is 0", i);
		return 0;
	default:
		return 0;
	}
}

/* A volume's name becomes a file's, and in a cluster a pod volume's. */
static int validate_name(const struct vmi_check *check, size_t i)
{
	const char *name = check->vmi->volumes[i].name;

	if (!bl_name_is_dns_label(name))
		return vmi_fail(check,
				"volumes[%zu].name: '%.64s' is not a name: up to 63 "
				"lower-case letters, digits and '-'",
				i, name);
	for (size_t j = 0; j < i; j++)
		if (strcmp(check->vmi->volumes[j].name, name) == 0)
			return vmi_fail(check,
					"volumes[%zu].name: '%s' is the name of volumes[%zu] "
					"too",
					i, name, j);
	return 0;
}

int vmi_volumes_validate(const struct vmi_check *check)
{
	bool cloud_init = false;

	for (size_t i = 0; i < check->vmi->n_volumes; i++) {
		int r = validate_name(check, i);

		if (r == 0)
			r = validate_source(check, i);
		if (r < 0)
			return r;
		if (check->vmi->volumes[i].kind != BL_VOLUME_CLOUD_INIT_NO_CLOUD)
			continue;
		if (cloud_init)
			return vmi_fail(check,
					"volumes[%zu].cloudInitNoCloud: a second one; a guest "
					"reads only one",
					i);
		cloud_init = true;
	}
	return 0;
}
