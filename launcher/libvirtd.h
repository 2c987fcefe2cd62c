/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pod's private libvirt daemon (virtqemud where it exists, else libvirtd) in session mode: its
 * configuration files, its environment, its start. It outlives the launcher; a new launcher finds it
 * by its socket. Whether it lives is learned by connecting, which is virt.c's business:
 *
 *   connecting failed -> libvirtd_revive(): starts it if it is not running and has not been started too
 *   often (restarts.h), and calls retry() when it is worth another try (its socket appeared, or a
 *   back-off ran out)
 */
#pragma once

#include <beeline/err.h>
#include <beeline/loop.h>

struct libvirtd;

/* Writes the configuration and points this process (as a client) to it. retry is called from the
 * loop. */
int libvirtd_new(struct bl_loop *loop, void (*retry)(void *data), void *data,
		 struct libvirtd **ret_libvirtd, struct bl_err *err);
const char *libvirtd_uri(const struct libvirtd *libvirtd);
void libvirtd_revive(struct libvirtd *libvirtd);
/* Connected: the next tries begin with a short back-off again. */
void libvirtd_alive(struct libvirtd *libvirtd);
