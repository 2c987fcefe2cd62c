/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file tree that a sandbox sees: the host's programs and libraries read-only, an /etc of its own
 * with the few files that libvirt and the dynamic linker look for, and empty mount points. The
 * mounts themselves stand in the bundle (bundle.h).
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include <beeline/addr.h>
#include <beeline/err.h>
#include <beeline/json.h>

struct rootfs_spec {
	const char *hostname, *domain; /* domain may be NULL */
	uid_t uid;
	const struct bl_addr *addrs; /* of the pod, for /etc/hosts */
	size_t n_addrs;
	char *const *dns; /* none: the host's resolv.conf */
	size_t n_dns;
	char *const *searches;
	size_t n_searches;
};

/* Makes the tree at path, which must not exist. */
int rootfs_make(const char *path, const struct rootfs_spec *spec, struct bl_err *err);
/* Appends the read-only binds of the host's directories to an OCI "mounts" array. */
void rootfs_mounts(struct cJSON *mounts);
/* The user that VMs run as, by the name that the sandbox's passwd file gives it. */
#define ROOTFS_USER "qemu"
