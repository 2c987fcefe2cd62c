/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces by file descriptor. Named ones live where iproute2 looks for them
 * (/run/netns), so that `ip netns exec bl-default-vm-01` works.
 */
#pragma once

#include <stdbool.h>

#include <beeline/err.h>

int netns_make(const char *name, struct bl_err *err);   /* an existing one is fine */
int netns_remove(const char *name, struct bl_err *err); /* a missing one is fine */
int netns_open(const char *path, int *ret_fd, struct bl_err *err);
/* Runs fn inside the namespace on this thread and comes back; fn's result is returned. Not being
 * able to come back aborts the program. */
int netns_do(int netns_fd, int (*fn)(void *data, struct bl_err *err), void *data,
	     struct bl_err *err);
/* Writes /proc/sys/<path> as seen inside the namespace. */
int netns_sysctl(int netns_fd, const char *path, const char *value, struct bl_err *err);
