/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI runtime configuration (config.json, runtime-spec 1.0.2) of a VM's container: a pure
 * function of what the sandbox has decided. The container runs as the VM's user without any
 * capability, under no_new_privs and a seccomp filter, in namespaces of its own beside the network
 * namespace that is given.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <beeline/json.h>

#include "../sandbox.h"

struct bundle_limits {
	int64_t memory_bytes; /* each 0: no limit, or the host cannot give it */
	int64_t cpu_request_milli, cpu_limit_milli;
	int64_t pids;
};

struct bundle_spec {
	const char *namespace, *name, *vmi_uid; /* of the VMI, for the launcher's command line */
	const char *hostname;
	const char *launcher; /* on the host */
	const char *rootfs;   /* the tree of rootfs.h, on the host */
	const char *netns;    /* path */
	const char *cgroups_path;
	const char *sockets, *private, *disks; /* directories on the host that the VM's user owns */
	uid_t uid;
	bool kvm, vhost_net; /* devices that go in beside /dev/net/tun */
	struct bundle_limits limits;
	const struct sandbox_volume *volumes;
	size_t n_volumes;
};

/* The caller owns the result. */
struct cJSON *bundle_make(const struct bundle_spec *spec);

/* "seccomp" of the bundle: sandbox/seccomp.c. The caller owns the result. */
struct cJSON *bundle_seccomp(void);
