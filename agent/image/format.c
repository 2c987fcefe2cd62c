// SPDX-License-Identifier: Apache-2.0
/*
 * What a written disk is, by its own bytes. A qcow2 header can name other files of the host (backing
 * file, external data file), which QEMU would open: such a disk is refused before any program of
 * QEMU's sees it. Offsets: QEMU's docs/interop/qcow2.txt.
 */
#include "unpack.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define SECTOR 512

struct qcow2_header {
	uint8_t magic[4];
	uint32_t version_be;
	uint64_t backing_file_offset_be;
	uint32_t backing_file_size_be;
	uint32_t cluster_bits_be;
	uint64_t size_be;
	uint32_t crypt_method_be;
	uint32_t l1_size_be;
	uint64_t l1_table_offset_be;
	uint64_t refcount_table_offset_be;
	uint32_t refcount_table_clusters_be;
	uint32_t n_snapshots_be;
	uint64_t snapshots_offset_be;
	/* From version 3 on. */
	uint64_t incompatible_be;
} __attribute__((packed));

#define INCOMPATIBLE_DIRTY       (1u << 0)
#define INCOMPATIBLE_CORRUPT     (1u << 1)
#define INCOMPATIBLE_DATA_FILE   (1u << 2)
#define INCOMPATIBLE_COMPRESSION (1u << 3)
#define INCOMPATIBLE_EXTENDED_L2 (1u << 4)
#define INCOMPATIBLE_KNOWN \
	(INCOMPATIBLE_DIRTY | INCOMPATIBLE_COMPRESSION | INCOMPATIBLE_EXTENDED_L2)

static const struct {
	const char *bytes;
	size_t len;
	const char *name;
} foreign[] = {
	{"KDMV", 4, "VMDK"},
	{"COWD", 4, "VMDK"},
	{"# Disk DescriptorFile", 21, "VMDK"},
	{"conectix", 8, "VHD"},
	{"vhdxfile", 8, "VHDX"},
	{"<<< ", 4, "VDI"},
	{"QED", 4, "QED"},
	{"LUKS\xba\xbe", 6, "LUKS"},
	{"WithoutFreeSpace", 16, "Parallels"},
	{"WithouFreSpacExt", 16, "Parallels"},
	{"<!DOCTYPE", 9, "HTML"},
	{"<html", 5, "HTML"},
};

static int check_features(const struct qcow2_header *header, struct bl_err *err)
{
	uint64_t incompatible = be64toh(header->incompatible_be);

	if (incompatible & INCOMPATIBLE_DATA_FILE)
		return bl_fail(err, -EINVAL, "the qcow2 disk keeps its data in another file");
	if (incompatible & INCOMPATIBLE_CORRUPT)
		return bl_fail(err, -EINVAL, "the qcow2 disk is marked corrupt");
	if (incompatible & ~(uint64_t)INCOMPATIBLE_KNOWN)
		return bl_fail(err, -EINVAL, "the qcow2 disk uses features that are not known");
	return 0;
}

static int check_qcow2(const struct qcow2_header *header, ssize_t len, struct bl_err *err)
{
	uint32_t version = be32toh(header->version_be);

	if (len < (ssize_t)sizeof(*header))
		return bl_fail(err, -EINVAL, "the qcow2 disk is cut off in its header");
	if (version != 2 && version != 3)
		return bl_fail(err, -EINVAL, "qcow version %u is not supported", version);
	if (header->backing_file_offset_be)
		return bl_fail(err, -EINVAL,
			       "the qcow2 disk needs a backing file; "
			       "flatten it with 'qemu-img convert -O qcow2'");
	if (header->crypt_method_be)
		return bl_fail(err, -EINVAL, "the qcow2 disk is encrypted");
	return version == 2 ? 0 : check_features(header, err);
}

static int check_raw(const char *start, ssize_t len, uint64_t size, struct bl_err *err)
{
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if ((size_t)len >= foreign[i].len &&
		    memcmp(start, foreign[i].bytes, foreign[i].len) == 0)
			return bl_fail(
				err, -EINVAL,
				"this is %s, not a qcow2 or raw disk; disks of other formats "
				"can be turned into one with 'qemu-img convert -O qcow2'",
				foreign[i].name);
	if (size % SECTOR)
		return bl_fail(
			err, -EINVAL,
			"this is no disk: neither qcow2, nor raw in whole sectors of %d bytes",
			SECTOR);
	return 0;
}

int image_check_format(int fd, const char **ret_format, struct bl_err *err)
{
	union {
		struct qcow2_header qcow2;
		char bytes[SECTOR];
	} start = {0};
	ssize_t len = pread(fd, &start, sizeof(start), 0);
	struct stat st;
	bool qcow2;
	int r;

	if (len < 0 || fstat(fd, &st) < 0)
		return bl_fail_errno(err, -errno, "reading the disk back");
	if (st.st_size == 0)
		return bl_fail(err, -EINVAL, "the disk is empty");
	qcow2 = memcmp(start.qcow2.magic, "QFI\xfb", 4) == 0;
	r = qcow2 ? check_qcow2(&start.qcow2, len, err)
		  : check_raw(start.bytes, len, (uint64_t)st.st_size, err);
	if (r < 0)
		return r;
	*ret_format = qcow2 ? "qcow2" : "raw";
	return 0;
}
