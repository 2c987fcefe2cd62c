/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs image_unpack() where it can do no harm: in a child of the VMs' user, with limits, with three
 * descriptors (the file that was brought, the disk to write, a pipe to us), unable to start anything.
 * What it says through the pipe is taken as text that somebody may have made up; what it wrote is
 * looked at again by others.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include <beeline/err.h>
#include <beeline/loop.h>

struct image_child;

struct image_child_spec {
	int in_fd, out_fd; /* borrowed */
	uid_t uid;
	void (*progress)(uint64_t bytes, void *data);
	void (*done)(const struct bl_err *err, void *data); /* err NULL: the disk is written */
	void *data;
};

int image_child_start(struct bl_loop *loop, const struct image_child_spec *spec,
		      struct image_child **ret_child, struct bl_err *err);
/* Kills it; done is not called any more. */
void image_child_cancel(struct image_child *child);
