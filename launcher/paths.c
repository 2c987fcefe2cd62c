// SPDX-License-Identifier: Apache-2.0
/* The launcher's places: see paths.h. */
#include "paths.h"

#include <beeline/file.h>

char *paths_domain_name(const char *namespace, const char *name)
{
	return bl_format("%s_%s", namespace, name);
}

char *paths_private(const char *uid, const char *file)
{
	return bl_format(BL_LAUNCHER_PRIVATE_DIR "/%s/%s", uid, file);
}

char *paths_overlay(const char *volume)
{
	return bl_format(BL_LAUNCHER_EPHEMERAL_DIR "/disk-data/%s/disk.qcow2", volume);
}

char *paths_empty_disk(const char *volume)
{
	return bl_format(BL_LAUNCHER_LIBVIRT_DIR "/empty-disks/%s.qcow2", volume);
}

char *paths_no_cloud(const char *namespace, const char *name)
{
	return bl_format(BL_LAUNCHER_EPHEMERAL_DIR "/cloud-init-data/%s/%s/noCloud.iso", namespace,
			 name);
}
