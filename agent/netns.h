/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces by file descriptor. Named ones live where iproute2 looks for them
 * (/run/netns), so that `ip netns exec bl-default-vm-01` works.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <beeline/err.h>

/* Who a namespace is, within one boot. Inode numbers are given again when their namespace has gone;
 * cookies are not, but only who is inside can ask for one. */
struct netns_id {
	uint64_t inode;
	uint64_t cookie; /* 0: not known (kernels before 5.14, and records of older agents) */
};

int netns_make(const char *name, struct bl_err *err);   /* an existing one is fine */
int netns_remove(const char *name, struct bl_err *err); /* a missing one is fine */
int netns_open(const char *path, int *ret_fd, struct bl_err *err);
/* Gives a namespace that lives a name, in the place of whatever stands under it. */
int netns_bind(int netns_fd, const char *name, struct bl_err *err);
int netns_identify(int netns_fd, struct netns_id *ret_id, struct bl_err *err);
/* Does this path lead there? By inode alone: cheap, and enough where a path is what is asked about. */
bool netns_is_at(const char *path, const struct netns_id *id);
/* Opens a namespace that has lost its name, by way of a process that lives in it. -ENOENT: none does. */
int netns_find(const struct netns_id *id, int *ret_fd, struct bl_err *err);
/* Runs fn inside the namespace on this thread and comes back; fn's result is returned. Not being
 * able to come back aborts the program. */
int netns_do(int netns_fd, int (*fn)(void *data, struct bl_err *err), void *data,
	     struct bl_err *err);
/* Writes /proc/sys/<path> as seen inside the namespace. */
int netns_sysctl(int netns_fd, const char *path, const char *value, struct bl_err *err);
