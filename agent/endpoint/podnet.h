/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network that a CNI plugin gave to a pod, as read from the pod's namespace: addresses, routes,
 * MTU, gateways and their MACs. And who speaks for the pod's addresses: in pod binding the guest, so
 * the pod's kernel is made silent while addresses and routes stay on the uplink for CNI CHECK and DEL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <beeline/abi.h>
#include <beeline/err.h>

#define PODNET_ROUTES_MAX 64

struct podnet_route {
	struct bl_addr to;
	struct bl_addr gateway; /* zero: on the link */
	uint8_t bits;           /* of `to`, within its family */
};

/* What one family has; addr is zero where the family is missing. */
struct podnet_family {
	struct bl_addr addr;
	uint8_t bits;           /* within the family */
	struct bl_addr gateway; /* of the default route; zero: none */
	uint8_t gateway_mac[6];
	bool gateway_known;
	bool spoken_for; /* the pod's kernel answers for addr */
};

struct podnet {
	uint32_t ifindex;
	uint8_t mac[6];
	bool has_peer; /* veth or netkit: frames can be handed to the other end */
	uint16_t mtu;  /* the smaller of the device's and the default routes' */
	struct podnet_family family[BL_FAMILIES];
	/* The main table's routes over the uplink, default routes last. */
	struct podnet_route routes[PODNET_ROUTES_MAX];
	size_t n_routes;
};

int podnet_read(int netns_fd, const char *uplink, struct podnet *ret_podnet, struct bl_err *err);

/* Has the pod's kernel resolve gateways whose MAC is not known, and takes down what it knows then.
 * Asks without waiting: an answer that comes later is seen as a neighbour event. */
int podnet_resolve(int netns_fd, struct podnet *podnet, struct bl_err *err);

/* Takes the pod's addresses out of routing table `local`, so that the kernel answers nothing in the
 * guest's name, and gives them back as they were (silence.c). Doing either twice is fine; podnet is what was
 * read just before. */
int podnet_silence(int netns_fd, const struct podnet *podnet, struct bl_err *err);
int podnet_unsilence(int netns_fd, const struct podnet *podnet, struct bl_err *err);
