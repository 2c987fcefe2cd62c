/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where one sandbox keeps what. The id names its network namespace, its container and its cgroup:
 * "bl-<namespace>-<name>", with each '-' of the namespace written as '_', so that no two pairs of
 * names share an id.
 *
 *   <state-dir>/sandboxes/<id>/  sandbox.json   whose it is, of which boot; written first, gone last
 *                                network.json   the CNI attachment, before and after ADD
 *                                disks/         overlays of the VM; the VM's user owns it
 *   <run-dir>/sandboxes/<id>/    sandbox.json   both once more: sandbox/record.c
 *                                network.json
 *                                cni.lock       held while a plugin runs
 *                                bundle/        config.json and rootfs/
 *                                sockets/       the VM's user owns it
 *                                private/       logs and libvirt's files; the VM's user owns it
 *                                pid            of the container's PID 1
 *                                degraded       limits that the host could not give
 *   <run-dir>/runc/              the runtime's own state
 */
#pragma once

#include <stdint.h>

#include <beeline/cleanup.h>

struct sandbox_paths {
	char *id;
	char *netns;
	char *state;
	char *record, *network, *disks;
	char *run;
	char *record_twin, *network_twin, *cni_lock;
	char *bundle, *config, *rootfs, *sockets, *private, *pid, *degraded;
};

/* instance tells agents apart that share a machine: 0 for the one in the default directories. */
struct sandbox_paths *sandbox_paths_new(const char *run_dir, const char *state_dir,
					uint32_t instance, const char *namespace, const char *name);
void sandbox_paths_free(struct sandbox_paths *paths);
BL_DEFINE_AUTO(sandbox_paths, struct sandbox_paths *, sandbox_paths_free)
#define bl_auto_sandbox_paths bl_cleanup(bl_auto_sandbox_paths_fn)

/* The instance of a state directory: 0 for the default one, else made from its name. */
uint32_t sandbox_instance(const char *state_dir);
