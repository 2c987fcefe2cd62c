/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stage translation of masquerade: one address for another in a packet, and all sums that cover it.
 * The guest's address is the pod's one to one and no port is ever rewritten, so this needs no state:
 * a constant is added to a checksum, in every protocol, option, fragment and GSO frame.
 *
 * Errors (ICMP) quote the packet that they are about: the address inside is translated too. The
 * quoted transport checksum stays as it was, as nobody can verify it on a truncated packet.
 */
#pragma once

#include <linux/ip.h>
#include <linux/ipv6.h>

#include "csum.h"
#include "maps.h"
#include "parse.h"
#include "pkt.h"

#define BL_NO_CHECKSUM 0xffffffff

/* Where the transport checksum stands that covers the addresses; BL_NO_CHECKSUM when none does. */
static __always_inline __u32 bl_l4_checksum_at(const struct bl_pkt *pkt)
{
	if (pkt->flags & BL_PKT_NO_L4)
		return BL_NO_CHECKSUM;
	switch (pkt->protocol) {
	case IPPROTO_TCP:
		return pkt->l4 + 16;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
		return pkt->l4 + 6;
	case IPPROTO_ICMPV6:
		return pkt->l4 + 2;
	default:
		return BL_NO_CHECKSUM;
	}
}

/* Adds to a complemented checksum (RFC 1624 eqn. 3, with the constant worked out beforehand). */
static __always_inline __u16 bl_csum_shift(__u16 checksum, __u16 by)
{
	__u32 sum = (__u32)checksum + by;

	return (sum & 0xffff) + (sum >> 16);
}

/* by: what a complete checksum is to be shifted by; a pseudo-header sum goes the other way. */
static __always_inline bool bl_shift_l4(struct __sk_buff *skb, const struct bl_pkt *pkt, __u16 by)
{
	__u32 at = bl_l4_checksum_at(pkt);
	__u16 *field;

	if (at == BL_NO_CHECKSUM)
		return true;
	field = bl_data_at(skb, at);
	if ((void *)(field + 1) > bl_data_end(skb))
		return false;
	if (bl_csum_is_partial(skb)) {
		*field = bl_csum_shift(*field, ~by);
		return true;
	}
	if (pkt->protocol == IPPROTO_UDP && !*field)
		return true; /* sent without one */
	*field = bl_csum_shift(*field, by);
	if (pkt->protocol == IPPROTO_UDP && !*field)
		*field = 0xffff;
	return true;
}

enum bl_side { BL_SOURCE, BL_DESTINATION };

/* Puts addr in the place of the packet's source or destination, and shifts the checksums by what
 * that changes. */
static __always_inline bool bl_translate(struct __sk_buff *skb, const struct bl_pkt *pkt,
					 enum bl_side side, const struct bl_addr *addr, __u16 by)
{
	if (pkt->family == BL_V6) {
		struct ipv6hdr *ip = bl_data_at(skb, pkt->l3);

		if ((void *)(ip + 1) > bl_data_end(skb))
			return false;
		__builtin_memcpy(side == BL_SOURCE ? &ip->saddr : &ip->daddr, addr, sizeof(*addr));
	} else {
		struct iphdr *ip = bl_data_at(skb, pkt->l3);

		if ((void *)(ip + 1) > bl_data_end(skb))
			return false;
		if (side == BL_SOURCE)
			ip->saddr = addr->words[3];
		else
			ip->daddr = addr->words[3];
		ip->check = bl_csum_shift(ip->check, by);
	}
	return bl_shift_l4(skb, pkt, by);
}

/* The address inside an ICMP error. The inner IPv4 header's checksum takes up the change, so that the
 * outer ICMP checksum stays; IPv6 has none, and the ICMPv6 checksum is shifted. */
static __noinline int bl_translate_quoted(struct __sk_buff *skb, __u32 endpoint, __u32 l4,
					  __u32 to_vm)
{
	const struct bl_endpoint *ep = bpf_map_lookup_elem(&bl_endpoints, &endpoint);
	__u32 inner = l4 + BL_ICMP_HEADER, at;
	__u16 checksum, by;
	__u8 version;

	if (!ep || bpf_skb_load_bytes(skb, inner, &version, 1))
		return -1;
	if (version >> 4 == 6) {
		at = inner +
		     (to_vm ? offsetof(struct ipv6hdr, saddr) : offsetof(struct ipv6hdr, daddr));
		by = to_vm ? ~ep->delta6 : ep->delta6;
		if (bpf_skb_store_bytes(skb, at, to_vm ? &ep->guest6 : &ep->pod6,
					sizeof(struct bl_addr), 0) ||
		    bpf_skb_load_bytes(skb, l4 + 2, &checksum, 2))
			return -1;
		checksum = bl_csum_shift(checksum, by);
		return bpf_skb_store_bytes(skb, l4 + 2, &checksum, 2, 0);
	}
	at = inner + (to_vm ? offsetof(struct iphdr, saddr) : offsetof(struct iphdr, daddr));
	by = to_vm ? ~ep->delta4 : ep->delta4;
	if (bpf_skb_load_bytes(skb, inner + offsetof(struct iphdr, check), &checksum, 2))
		return -1;
	checksum = bl_csum_shift(checksum, by);
	if (bpf_skb_store_bytes(skb, inner + offsetof(struct iphdr, check), &checksum, 2, 0))
		return -1;
	return bpf_skb_store_bytes(skb, at, to_vm ? &ep->guest4.words[3] : &ep->pod4.words[3], 4,
				   0);
}
