// SPDX-License-Identifier: Apache-2.0
/*
 * Where a VMI's volumes lie on the host and where the sandbox shows them: container disks from the
 * image store, read-only, and host disks (host_disk.c). What lives inside the pod alone (empty disks,
 * cloud-init) is the launcher's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/launcher.h>

#include "room.h"

int vmi_make_host_disks(const struct vmis_config *config, const struct bl_vmi *vmi,
			struct bl_err *err)
{
	for (size_t i = 0; i < vmi->n_volumes; i++) {
		int r;

		if (vmi->volumes[i].kind != BL_VOLUME_HOST_DISK)
			continue;
		r = vmi_host_disk_make(config, &vmi->volumes[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

bool vmi_volume_is_shown(const struct bl_volume *volume)
{
	return volume->kind == BL_VOLUME_CONTAINER_DISK || volume->kind == BL_VOLUME_HOST_DISK;
}

char *vmi_volume_guest_path(const struct bl_vmi *vmi, const struct bl_volume *volume)
{
	return bl_format("%s/disk_%zu.img", BL_LAUNCHER_CONTAINER_DISKS,
			 (size_t)(volume - vmi->volumes));
}

bool vmi_volume_is_readonly(const struct bl_vmi *vmi, const struct bl_volume *volume)
{
	if (volume->kind == BL_VOLUME_CONTAINER_DISK)
		return true;
	for (size_t i = 0; i < vmi->n_disks; i++)
		if (strcmp(vmi->disks[i].name, volume->name) == 0)
			return vmi->disks[i].readonly;
	return false;
}

static int check_volume(const struct vmis_config *config, const struct bl_vmi *vmi,
			const struct bl_volume *volume, const struct image *image,
			struct bl_err *err)
{
	if (volume->kind == BL_VOLUME_HOST_DISK)
		return vmi_host_disk_check(config, volume, vmi_volume_is_readonly(vmi, volume),
					   err);
	return image->path ? 0 : bl_fail(err, -ENOENT, "image '%s' is missing", volume->image);
}

int vmi_volumes(const struct vmis_config *config, const struct vmi_observation *observation,
		struct sandbox_volume **ret_volumes, size_t *ret_n, struct bl_err *err)
{
	const struct bl_vmi *vmi = observation->vmi;
	struct sandbox_volume *volumes = bl_alloc((vmi->n_volumes + 1) * sizeof(*volumes));
	size_t n = 0;

	for (size_t i = 0; i < vmi->n_volumes; i++) {
		const struct bl_volume *volume = &vmi->volumes[i];
		const struct image *image = &observation->images[i];
		int r;

		if (!vmi_volume_is_shown(volume))
			continue;
		r = check_volume(config, vmi, volume, image, err);
		if (r < 0) {
			vmi_volumes_free(volumes, n);
			return r;
		}
		volumes[n++] = (struct sandbox_volume){
			.name = bl_strdup(volume->name),
			.host_path = bl_strdup(image->path ? image->path : volume->path),
			.guest_path = vmi_volume_guest_path(vmi, volume),
			.readonly = vmi_volume_is_readonly(vmi, volume),
		};
	}
	*ret_volumes = volumes;
	*ret_n = n;
	return 0;
}

void vmi_volumes_free(struct sandbox_volume *volumes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free((char *)volumes[i].name);
		free((char *)volumes[i].host_path);
		free((char *)volumes[i].guest_path);
	}
	free(volumes);
}
