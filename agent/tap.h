/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap of a VM: persistent, owned by the VM's user, vnet header, all offloads, noqueue, the pod's
 * MTU, as many queues as the launcher will open (libvirt demands that the flags match exactly).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <beeline/err.h>

#define TAP_ARP_IGNORE_ALL 8 /* of arp_ignore: no answer for any address */

struct tap_spec {
	int netns_fd;
	const char *name;
	uid_t uid;
	uint32_t queues; /* 1: single-queue tap */
	uint16_t mtu;
	uint8_t mac[6]; /* of the host side of the tap; never the guest's */
};

/* What stands under a tap's name. */
struct tap_state {
	uint32_t ifindex;
	bool persistent; /* it would be there without its user too: rebuild it when it goes */
	uid_t uid;
	bool multi_queue;
	bool silent;           /* as tap_silence() leaves it; these two are what it changes */
	uint32_t arp_ignore;   /* as it stands in the device's sysctl */
	uint32_t disable_ipv6; /* likewise; 1 on a kernel without IPv6 */
	/* The kernel takes it off a tap of which nobody has a queue open. What is sent there is lost. */
	bool carrier;
	bool plain; /* no checksum offload: its reader has asked for complete checksums */
	bool up;
	bool queueless; /* its qdisc is noqueue */
	uint16_t mtu;
	uint8_t mac[6];
};

/* Any device will do; one that is no tap is not persistent. -ENODEV when there is none. */
int tap_read(int netns_fd, const char *name, struct tap_state *ret_state, struct bl_err *err);

/* Makes the tap, or brings an existing one into this shape; up, IPv6 off, ARP silent. What is right
 * already is not set again: a live tap in this shape is only looked at. */
int tap_make(const struct tap_spec *spec, struct bl_err *err);
/* Keeps the pod's kernel off the guest's segment: no IPv6, no ARP answers. For taps of others too. */
int tap_silence(int netns_fd, const char *name, struct bl_err *err);
/* Takes tap_silence() back on a tap that was like that before it; what somebody else has set since
 * then stays. */
int tap_unsilence(int netns_fd, const char *name, const struct tap_state *before,
		  struct bl_err *err);
int tap_remove(int netns_fd, const char *name, struct bl_err *err); /* a missing one is fine */
