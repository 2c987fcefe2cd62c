/* SPDX-License-Identifier: Apache-2.0 */
/* Disks of a VMI: rows, defaults, checks. What is behind a disk is its volume (volume.c). */
#include <string.h>

#include "family.h"

static const char *const buses[] = {
	[BL_BUS_VIRTIO] = "virtio",
	[BL_BUS_SATA] = "sata",
	[BL_BUS_SCSI] = "scsi",
	[BL_BUS_USB] = "usb",
};
static const char *const caches[] = {"none", "writethrough", "writeback"};
static const char *const ios[] = {"native", "threads", "default"};
static const char *const trays[] = {"closed"};
static const char *const error_policies[] = {"stop"};

static const struct bl_field rows[] = {
	BL_FIELD("name", BL_FIELD_STRING, struct bl_disk, name, .required = true),
	BL_FIELD("disk", BL_FIELD_MARK, struct bl_disk, device, .value = BL_DISK_DISK,
		 .group = "device", .one_of = BL_ONE_OF_AT_MOST_ONE),
	BL_FIELD("disk.bus", BL_FIELD_ENUM, struct bl_disk, bus, BL_FIELD_NAMES(buses)),
	BL_FIELD("disk.readonly", BL_FIELD_BOOL, struct bl_disk, readonly),
	BL_FIELD_REFUSED("disk.pciAddress", "fixed PCI addresses are not supported yet"),
	BL_FIELD("cdrom", BL_FIELD_MARK, struct bl_disk, device, .value = BL_DISK_CDROM,
		 .group = "device"),
	BL_FIELD("cdrom.bus", BL_FIELD_ENUM, struct bl_disk, bus, BL_FIELD_NAMES(buses)),
	BL_FIELD("cdrom.readonly", BL_FIELD_BOOL, struct bl_disk, readonly),
	BL_FIELD_CHECK("cdrom.tray", BL_FIELD_STRING, BL_FIELD_NAMES(trays)),
	BL_FIELD_REFUSED("lun", "a LUN needs a block device of a cluster; write disk",
			 .group = "device"),
	BL_FIELD_REFUSED("floppy", "KubeVirt has no floppy any more; write cdrom",
			 .group = "device"),
	BL_FIELD_REFUSED("volumeName",
			 "is a field of kubevirt.io/v1alpha2; name the disk like its volume"),
	BL_FIELD("bootOrder", BL_FIELD_UINT, struct bl_disk, boot_order, .min = 1),
	BL_FIELD("serial", BL_FIELD_STRING, struct bl_disk, serial),
	BL_FIELD("cache", BL_FIELD_STRING, struct bl_disk, cache, BL_FIELD_NAMES(caches)),
	BL_FIELD_CHECK("io", BL_FIELD_STRING, BL_FIELD_NAMES(ios)),
	BL_FIELD_IGNORED("dedicatedIOThread", "disks are served by the emulator's main thread"),
	BL_FIELD_IGNORED("tag", "only cloudInitConfigDrive would tell the guest"),
	BL_FIELD_IGNORED("changedBlockTracking", "there are no backups to track for yet"),
	BL_FIELD_REFUSED("shareable", "shared disks are not supported yet"),
	BL_FIELD_CHECK("errorPolicy", BL_FIELD_STRING, BL_FIELD_NAMES(error_policies)),
	BL_FIELD_REFUSED("blockSize", "a choice of block size is not supported yet; leave it out"),
};

const struct bl_fields vmi_disk_fields = BL_FIELDS(rows, struct bl_disk);

static const struct bl_disk *find_disk(const struct bl_vmi *vmi, const char *name)
{
	for (size_t i = 0; i < vmi->n_disks; i++)
		if (vmi->disks[i].name && strcmp(vmi->disks[i].name, name) == 0)
			return &vmi->disks[i];
	return NULL;
}

/* A volume that no disk names gets one, as KubeVirt's SetDefaultVolumeDisk does. */
void vmi_disks_default(struct bl_vmi *vmi)
{
	for (size_t i = 0; i < vmi->n_volumes; i++) {
		if (!vmi->volumes[i].name || find_disk(vmi, vmi->volumes[i].name))
			continue;
		vmi->disks = vmi_grow(vmi->disks, vmi->n_disks, sizeof(*vmi->disks));
		vmi->disks[vmi->n_disks++].name = bl_strdup(vmi->volumes[i].name);
	}
	for (size_t i = 0; i < vmi->n_disks; i++) {
		struct bl_disk *disk = &vmi->disks[i];

		if (disk->bus == BL_BUS_UNSET)
			disk->bus = BL_BUS_SATA;
		if (disk->device == BL_DISK_CDROM)
			disk->readonly = true;
	}
}

static int validate_bus(const struct vmi_check *check, size_t i)
{
	const struct bl_disk *disk = &check->vmi->disks[i];

	if (disk->bus == BL_BUS_VIRTIO && disk->device == BL_DISK_CDROM)
		return vmi_fail(check,
				"domain.devices.disks[%zu].cdrom.bus: a CD-ROM cannot be on "
				"virtio; write sata or scsi",
				i);
	return 0;
}

static int validate_volume(const struct vmi_check *check, size_t i)
{
	const struct bl_disk *disk = &check->vmi->disks[i];

	if (!bl_vmi_volume(check->vmi, disk->name))
		return vmi_fail(check, "domain.devices.disks[%zu].name: there is no volume '%.64s'",
				i, disk->name);
	for (size_t j = 0; j < i; j++)
		if (strcmp(check->vmi->disks[j].name, disk->name) == 0)
			return vmi_fail(check,
					"domain.devices.disks[%zu].name: '%.64s' is the name "
					"of disks[%zu] too",
					i, disk->name, j);
	return 0;
}

/* The serial becomes an attribute of a device that keeps few characters (virtio: 20, ATA: 20). */
static int validate_serial(const struct vmi_check *check, size_t i)
{
	const char *serial = check->vmi->disks[i].serial;

	if (serial && (strlen(serial) > 256 || serial[strspn(serial, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
								     "abcdefghijklmnopqrstuvwxyz"
								     "0123456789_.+-")]))
		return vmi_fail(check,
				"domain.devices.disks[%zu].serial: up to 256 letters, digits "
				"and _.+- are allowed",
				i);
	return 0;
}

/* Boot orders number disks and interfaces together. */
static int validate_boot_order(const struct vmi_check *check, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (check->vmi->disks[i].boot_order &&
		    check->vmi->disks[i].boot_order == check->vmi->disks[j].boot_order)
			return vmi_fail(check,
					"domain.devices.disks[%zu].bootOrder: %u is the order "
					"of disks[%zu] too",
					i, check->vmi->disks[i].boot_order, j);
	return 0;
}

int vmi_disks_validate(const struct vmi_check *check)
{
	static int (*const checks[])(const struct vmi_check *, size_t) = {
		validate_bus,
		validate_volume,
		validate_serial,
		validate_boot_order,
	};

	for (size_t i = 0; i < check->vmi->n_disks; i++) {
		for (size_t c = 0; c < sizeof(checks) / sizeof(checks[0]); c++) {
			int r = checks[c](check, i);

			if (r < 0)
				return r;
		}
	}
	return 0;
}
