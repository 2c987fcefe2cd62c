/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small ISO 9660 images (cloud-init seeds and, later, configMaps and secrets as disks), written in
 * process by libarchive with Rock Ridge and Joliet names. The only file that knows libarchive here.
 */
#pragma once

#include <stddef.h>

#include <beeline/err.h>

#define ISO_VOLUME_MAX  32
#define ISO_CONTENT_MAX (8u * 1024 * 1024)

struct iso_file {
	const char *name;
	const char *text;
	size_t len;
};

/* Writes files into a fresh image at path (replaced as a whole, or not at all). The volume id is
 * kept as written: guests look for "cidata" by its exact bytes. */
int iso_write(const char *path, const char *volume, const struct iso_file *files, size_t n_files,
	      struct bl_err *err);
