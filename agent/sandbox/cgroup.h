/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which limits this host can give, and where a VM's cgroup is. VMs live in groups of their own,
 * never in the agent's: restarting the agent's unit must not end them. The runtime makes and removes
 * the groups; this room only looks.
 */
#pragma once

#include <stdbool.h>

#include <beeline/err.h>

struct cgroup_support {
	bool memory, cpu_shares, cpu_quota, pids;
	bool systemd;   /* groups are scopes made by systemd */
	char root[128]; /* where a hierarchy with all VMs' groups is mounted; "": nowhere */
};

/* Reads the host's mounts; a host without any cgroup supports nothing. */
void cgroup_probe(struct cgroup_support *ret_support);
/* The OCI cgroupsPath of a sandbox: a path, or slice:prefix:name for systemd. The caller frees. */
char *cgroup_path(const struct cgroup_support *support, const char *id);
/* The pids in a sandbox's group, one a line, or NULL when there is none. The caller frees. */
char *cgroup_processes(const struct cgroup_support *support, const char *id);
/* Removes what the runtime has left of a sandbox's group, and the common parent of all VMs' groups
 * where it is empty. */
void cgroup_remove(const char *id);
