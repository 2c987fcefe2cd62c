/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the guest's frames end: at the tc ingress of the host's side of the veth, where a CNI's own
 * program would take them. Counted and dropped by a program of a few instructions.
 */
#pragma once

#include <stdint.h>

#include <beeline/err.h>

/* Shared with the program; one CPU runs it at a time. */
struct sink_counts {
	volatile uint64_t packets;
	volatile uint64_t bytes;
};

/* Attached for as long as this process lives. */
int sink_attach(int netns_fd, const char *device, const struct sink_counts **ret_counts,
		struct bl_err *err);
