/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap of a VM: persistent, owned by the VM's user, vnet header, all offloads, noqueue, the pod's
 * MTU, as many queues as the launcher will open (libvirt demands that the flags match exactly).
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include <beeline/err.h>

struct tap_spec {
	int netns_fd;
	const char *name;
	uid_t uid;
	uint32_t queues; /* 1: single-queue tap */
	uint16_t mtu;
	uint8_t mac[6]; /* of the host side of the tap; never the guest's */
};

/* Makes the tap, or brings an existing one into this shape; up, IPv6 off, ARP silent. */
int tap_make(const struct tap_spec *spec, struct bl_err *err);
int tap_remove(int netns_fd, const char *name, struct bl_err *err); /* a missing one is fine */
