// SPDX-License-Identifier: Apache-2.0
/* Disks: bus, target name, cache mode. The files behind them are the disk plan's. */
#include "domain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <beeline/file.h>

static const struct bus {
	const char *name;
	const char *prefix; /* of target names; numbering is per prefix */
} buses[] = {
	[BL_BUS_UNSET] = {"sata", "sd"}, /* KubeVirt's default on amd64 */
	[BL_BUS_VIRTIO] = {"virtio", "vd"}, [BL_BUS_SATA] = {"sata", "sd"},
	[BL_BUS_SCSI] = {"scsi", "sd"},     [BL_BUS_USB] = {"usb", "sd"},
};

static const char *const devices[] = {
	[BL_DISK_DISK] = "disk",
	[BL_DISK_CDROM] = "cdrom",
	[BL_DISK_LUN] = "lun",
};

/* vda .. vdz, vdaa ..: as Linux counts. BL_VMI_DISKS_MAX needs no third letter. */
static void name_target(const char *prefix, unsigned int n, char target[DOMAIN_TARGET_MAX])
{
	char last = (char)('a' + n % 26);

	if (n < 26)
		snprintf(target, DOMAIN_TARGET_MAX, "%s%c", prefix, last);
	else
		snprintf(target, DOMAIN_TARGET_MAX, "%s%c%c", prefix, (char)('a' + n / 26 - 1),
			 last);
}

static unsigned int count_prefix(const struct domain *domain, const char *prefix)
{
	unsigned int n = 0;

	for (size_t i = 0; i < domain->n_disks; i++)
		n += strncmp(domain->disks[i].target, prefix, strlen(prefix)) == 0;
	return n;
}

static int choose_cache(const struct bl_disk *spec, const struct disk_image *image,
			struct domain_disk *disk, struct bl_err *err)
{
	if (spec->cache && strcmp(spec->cache, "none") == 0 && !image->direct)
		return bl_fail(err, -EINVAL,
			       "disk '%s': cache 'none' needs a file system with direct I/O",
			       spec->name);
	if (spec->cache)
		disk->cache = spec->cache;
	else
		disk->cache = image->direct ? "none" : "writethrough";
	return 0;
}

static int build_disk(const struct bl_disk *spec, const struct disk_image *image,
		      struct domain *domain, struct bl_err *err)
{
	struct domain_disk *disk = &domain->disks[domain->n_disks];
	const struct bus *bus = &buses[spec->bus];

	name_target(bus->prefix, count_prefix(domain, bus->prefix), disk->target);
	domain->n_disks++;
	disk->alias = bl_format("ua-%s", spec->name);
	disk->device = devices[spec->device];
	disk->bus = bus->name;
	disk->model = spec->bus == BL_BUS_VIRTIO ? "virtio-non-transitional" : NULL;
	disk->source = image->path;
	disk->format = image->format;
	disk->serial = spec->serial;
	disk->boot_order = spec->boot_order;
	disk->readonly = spec->readonly || image->readonly || spec->device == BL_DISK_CDROM;
	/* AHCI has no such thing, and libvirt refuses it. */
	if (disk->readonly && spec->device == BL_DISK_DISK && strcmp(bus->name, "sata") == 0)
		return bl_fail(err, -EINVAL,
			       "disk '%s': is read-only, which a SATA disk cannot be; write "
			       "bus virtio or a cdrom",
			       spec->name);
	return choose_cache(spec, image, disk, err);
}

int domain_build_disks(const struct bl_vmi *vmi, const struct disk_plan *plan,
		       struct domain *domain, struct bl_err *err)
{
	domain->disks = bl_alloc((vmi->n_disks + 1) * sizeof(*domain->disks));
	for (size_t i = 0; i < vmi->n_disks; i++) {
		int r = build_disk(&vmi->disks[i], &plan->images[i], domain, err);

		if (r < 0)
			return r;
	}
	return 0;
}
