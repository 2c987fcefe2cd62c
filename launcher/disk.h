/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files behind the VM's disks. A plan is pure: for each disk of the VMI its file, its format and
 * how the file comes to be. Preparing it makes the files, one after the other, by image.c and
 * cloudinit.c; files that exist are kept, so it may be repeated after a crash.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <beeline/err.h>
#include <beeline/loop.h>
#include <beeline/vmi.h>

#include "prepared.h"

enum disk_origin {
	DISK_AS_IS,   /* the agent's file itself */
	DISK_OVERLAY, /* a qcow2 over the agent's read-only file */
	DISK_EMPTY,   /* a fresh qcow2 */
	DISK_SEED,    /* cloud-init's ISO image */
};

struct disk_image {
	const char *volume; /* borrowed from the VMI */
	enum disk_origin origin;
	char *path;
	const char *format;         /* of path */
	const char *backing;        /* with DISK_OVERLAY; borrowed from prepared */
	const char *backing_format; /* likewise */
	int64_t capacity_bytes;     /* with DISK_EMPTY */
	bool readonly;
	bool direct; /* path can be opened with O_DIRECT; known once prepared */
};

struct disk_plan {
	struct disk_image *images; /* one per disk of the VMI, in its order */
	size_t n_images;
};

/* Pure. The plan borrows from vmi and prepared. */
int disk_plan_make(const struct bl_vmi *vmi, const struct prepared *prepared,
		   struct disk_plan *ret_plan, struct bl_err *err);
void disk_plan_clear(struct disk_plan *plan);

/* Makes what the plan names; fn is called exactly once, with NULL when all is there. vmi and plan
 * stay until then. */
typedef void disk_fn(const struct bl_err *err, void *data);
void disk_prepare(struct bl_loop *loop, const struct bl_vmi *vmi, struct disk_plan *plan,
		  disk_fn *fn, void *data);
