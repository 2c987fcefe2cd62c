/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the launcher keeps things inside the pod: KubeVirt's places, as pure functions of names. Every
 * function returns a fresh string that the caller frees. Nothing here touches the file system.
 */
#pragma once

#include <beeline/launcher.h>

/* XDG_CONFIG_HOME/libvirt and XDG_CACHE_HOME/libvirt of the private daemon are the same folder. A
 * longer name would push the guest agent's socket over sun_path's 108 bytes. */
#define PATHS_LIBVIRT_CONFIG_DIR BL_LAUNCHER_PRIVATE_DIR "/libvirt"

char *paths_domain_name(const char *namespace, const char *name); /* <namespace>_<name> */
char *paths_private(const char *uid, const char *file);           /* folder of one incarnation */
char *paths_overlay(const char *volume);
char *paths_empty_disk(const char *volume);
char *paths_no_cloud(const char *namespace, const char *name);
