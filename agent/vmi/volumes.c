// SPDX-License-Identifier: Apache-2.0
/*
 * Where a VMI's volumes lie on the host and where the sandbox shows them: container disks from the
 * image store, read-only, and host disks from below the one directory that the operator has named.
 * What lives inside the pod alone (empty disks, cloud-init) is the launcher's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/launcher.h>

#include "room.h"

/* The part of a hostDisk's path below the allowed directory. */
static int host_disk_relative(const struct vmis_config *config, const struct bl_volume *volume,
			      const char **ret_relative, struct bl_err *err)
{
	size_t len = config->host_disk_dir ? strlen(config->host_disk_dir) : 0;

	while (len > 1 && config->host_disk_dir[len - 1] == '/')
		len--;
	if (!len)
		return bl_fail(err, -EPERM,
			       "volume '%s': hostDisk is off on this node (--host-disk-dir)",
			       volume->name);
	if (strncmp(volume->path, config->host_disk_dir, len) != 0 || volume->path[len] != '/')
		return bl_fail(err, -EPERM, "volume '%s': hostDisk '%s' is not below '%s'",
			       volume->name, volume->path, config->host_disk_dir);
	*ret_relative = volume->path + len + 1;
	return 0;
}

static bool may_create(const struct bl_volume *volume)
{
	return volume->host_disk_type && strcmp(volume->host_disk_type, "DiskOrCreate") == 0;
}

/* Opens beneath the directory, following no link, to see that the file is there; with make, it is
 * made when the volume says so. */
static int host_disk_check(const struct vmis_config *config, const struct bl_volume *volume,
			   bool make, struct bl_err *err)
{
	const char *relative = NULL;
	bl_autoclose int dir = -1;
	bl_autoclose int fd = -1;
	int r;

	r = host_disk_relative(config, volume, &relative, err);
	if (r < 0)
		return r;
	dir = open(config->host_disk_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return bl_fail_errno(err, -errno, "opening '%s'", config->host_disk_dir);
	r = bl_file_open_beneath(dir, relative, O_PATH, 0, &fd, err);
	if (r != -ENOENT || !may_create(volume))
		return r < 0 ? bl_wrap(err, "volume '%s'", volume->name) : 0;
	if (!make)
		return 0;
	r = bl_file_open_beneath(dir, relative, O_CREAT | O_EXCL | O_WRONLY, 0600, &fd, err);
	if (r < 0)
		return bl_wrap(err, "volume '%s'", volume->name);
	if (ftruncate(fd, volume->capacity_bytes) < 0 ||
	    fchown(fd, config->vm_uid, config->vm_uid) < 0)
		return bl_fail_errno(err, -errno, "volume '%s': making '%s'", volume->name,
				     volume->path);
	return 0;
}

int vmi_make_host_disks(const struct vmis_config *config, const struct bl_vmi *vmi,
			struct bl_err *err)
{
	for (size_t i = 0; i < vmi->n_volumes; i++) {
		int r;

		if (vmi->volumes[i].kind != BL_VOLUME_HOST_DISK)
			continue;
		r = host_disk_check(config, &vmi->volumes[i], true, err);
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

static int check_volume(const struct vmis_config *config, const struct bl_volume *volume,
			const struct image *image, struct bl_err *err)
{
	if (volume->kind == BL_VOLUME_HOST_DISK)
		return host_disk_check(config, volume, false, err);
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
		r = check_volume(config, volume, image, err);
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
