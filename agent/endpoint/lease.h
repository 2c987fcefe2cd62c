/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest is told of its network: option bodies of DHCPv4 and DHCPv6 and the router
 * advertisement, encoded beforehand so that BPF has only to copy them. Pure.
 *
 * Options as KubeVirt's DHCP server hands them out: 1, 3, 6, 12, 15, 26, 42, 66, 67, 119, 121 and
 * 224-254. Message type, server identifier and lease time are BPF's own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <beeline/abi.h>
#include <beeline/err.h>
#include <beeline/vmi.h>

#include "podnet.h"

#define LEASE_SECONDS (999u * 24 * 3600) /* KubeVirt's: the address is the guest's for good */

struct lease_spec {
	struct bl_addr addr4;   /* the guest's; zero: none */
	uint8_t bits4;          /* of the subnet mask, of 32 */
	struct bl_addr router4; /* zero: none */
	uint16_t mtu;
	uint8_t router_mac[6];
	const struct podnet_route *routes; /* of both families, default routes last */
	size_t n_routes;
	const struct bl_addr *dns; /* of both families */
	size_t n_dns;
	const char *const *searches;
	size_t n_searches;
	const char *hostname, *domain;        /* NULL or empty: left out */
	const struct bl_interface *interface; /* dhcpOptions; NULL: none */
};

/* -E2BIG names what no longer fits into a blob, -EINVAL a name that is none. */
int lease_encode(const struct lease_spec *spec, struct bl_lease *ret_lease, struct bl_err *err);
/* Folded one's-complement sum of bytes as the checksum of IP wants it, in network order. */
uint16_t lease_sum(const void *bytes, size_t len);
