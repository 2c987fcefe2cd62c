/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disk image files by qemu-img, in children. An image appears at its path complete or not at all.
 */
#pragma once

#include <stdint.h>

#include <beeline/err.h>
#include <beeline/loop.h>

struct image_spec {
	const char *path;           /* of the new qcow2 file; its folder exists */
	const char *backing;        /* NULL: none */
	const char *backing_format; /* said explicitly: a guest could make raw look like qcow2 */
	int64_t capacity_bytes;     /* without backing */
};

typedef void image_fn(const struct bl_err *err, void *data); /* err NULL: the file is there */

/* Starts making the file; fn is called exactly once, from the loop. spec's strings are copied. */
int image_create(struct bl_loop *loop, const struct image_spec *spec, image_fn *fn, void *data,
		 struct bl_err *err);
