/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cloud-init's NoCloud seed: meta-data, user-data and network-config on an ISO image with the volume
 * id "cidata" (https://cloudinit.readthedocs.io, datasource NoCloud).
 */
#pragma once

#include <beeline/err.h>
#include <beeline/vmi.h>

/* The image of a cloudInitNoCloud volume. */
int cloudinit_write_no_cloud(const struct bl_vmi *vmi, const struct bl_volume *volume,
			     const char *path, struct bl_err *err);
