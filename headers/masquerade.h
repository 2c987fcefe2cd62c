/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stage forward of masquerade: what is the guest's crosses over under the other address, with the MACs
 * of the next hop. Multicast, ARP and neighbour discovery of the wire are the pod's kernel's.
 */
#pragma once

#include "forward.h"
#include "nexthop.h"
#include "owner.h"
#include "pkt.h"
#include "translate.h"

/* Tells bl_masq_pod_out that a packet that the kernel resolved a neighbour for is the guest's. */
#define BL_MARK_GUEST 0x626c /* "bl" */

static __always_inline const struct bl_addr *bl_guest_addr(const struct bl_pkt *pkt)
{
	return pkt->family == BL_V6 ? &pkt->ep->guest6 : &pkt->ep->guest4;
}

static __always_inline bool bl_write_macs(struct __sk_buff *skb, const __u8 *dmac, const __u8 *smac)
{
	struct ethhdr *eth = bl_data(skb);

	if ((void *)(eth + 1) > bl_data_end(skb))
		return false;
	bl_mac_copy(eth->h_dest, dmac);
	bl_mac_copy(eth->h_source, smac);
	return true;
}

/* To the VM: BL_GO_ON for what is addressed to the pod, be it its own or the guest's. */
static __always_inline enum bl_verdict bl_masq_for_pod(struct bl_pkt *pkt)
{
	if (!bl_pkt_is_ip(pkt) || (pkt->flags & BL_PKT_GROUP_MAC) ||
	    !bl_addr_eq(&pkt->dst, bl_pod_addr(pkt)) || bl_is_nd(pkt))
		return bl_pass(pkt);
	return BL_GO_ON;
}

/* To the VM: what bl_masq_owner() let through. */
static __always_inline enum bl_verdict bl_masq_to_guest(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	__u16 by = pkt->family == BL_V6 ? ~pkt->ep->delta6 : ~pkt->ep->delta4;

	if (!bl_translate(skb, pkt, BL_DESTINATION, bl_guest_addr(pkt), by) ||
	    !bl_write_macs(skb, pkt->ep->guest_mac, pkt->ep->router_mac))
		return bl_drop(pkt, BL_REASON_WRITE_ERROR);
	if (bl_is_icmp_error(pkt) && bl_translate_quoted(skb, pkt->endpoint, pkt->l4, true))
		return bl_drop(pkt, BL_REASON_INVALID);
	return BL_TO_TAP;
}

/* The guest calls its own pod's address: swapping the two addresses leaves all sums as they are. */
static __always_inline enum bl_verdict bl_masq_hairpin(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	if (!bl_write_macs(skb, pkt->ep->guest_mac, pkt->ep->router_mac))
		return bl_drop(pkt, BL_REASON_WRITE_ERROR);
	if (pkt->family == BL_V6) {
		struct ipv6hdr *ip = bl_data_at(skb, pkt->l3);

		if ((void *)(ip + 1) > bl_data_end(skb))
			return bl_drop(pkt, BL_REASON_WRITE_ERROR);
		__builtin_memcpy(&ip->saddr, &pkt->ep->pod6, sizeof(ip->saddr));
		__builtin_memcpy(&ip->daddr, &pkt->ep->guest6, sizeof(ip->daddr));
	} else {
		struct iphdr *ip = bl_data_at(skb, pkt->l3);

		if ((void *)(ip + 1) > bl_data_end(skb))
			return bl_drop(pkt, BL_REASON_WRITE_ERROR);
		ip->saddr = pkt->ep->pod4.words[3];
		ip->daddr = pkt->ep->guest4.words[3];
	}
	return BL_TO_TAP;
}

/* From the VM: BL_GO_ON for what goes out under the pod's address. */
static __always_inline enum bl_verdict bl_masq_leaves(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	if (!bl_pkt_is_ip(pkt) || (pkt->flags & BL_PKT_GROUP_MAC) ||
	    !bl_addr_eq(&pkt->src, bl_guest_addr(pkt)))
		return bl_pass(pkt);
	if (bl_addr_eq(&pkt->dst, bl_pod_addr(pkt)))
		return bl_masq_hairpin(skb, pkt);
	return BL_GO_ON;
}

/* Does the gateway's MAC lead there? It does for the gateway itself, on-link as it is. */
static __always_inline bool bl_is_behind_gateway(const struct bl_pkt *pkt)
{
	return bl_addr_eq(&pkt->dst,
			  pkt->family == BL_V6 ? &pkt->ep->gateway6 : &pkt->ep->gateway4) ||
	       !bl_is_onlink(pkt, &pkt->dst);
}

/* From the VM: what bl_masq_leaves() let through. */
static __always_inline enum bl_verdict bl_masq_to_wire(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	const struct bl_nexthop *hop;
	__u16 by;

	by = pkt->family == BL_V6 ? pkt->ep->delta6 : pkt->ep->delta4;
	if (!bl_translate(skb, pkt, BL_SOURCE, bl_pod_addr(pkt), by))
		return bl_drop(pkt, BL_REASON_WRITE_ERROR);
	if (bl_is_icmp_error(pkt) && bl_translate_quoted(skb, pkt->endpoint, pkt->l4, false))
		return bl_drop(pkt, BL_REASON_INVALID);

	hop = bl_nexthop(pkt, pkt->family);
	if (!hop || !hop->word || !bl_is_behind_gateway(pkt)) {
		pkt->reason = BL_REASON_RESOLVING;
		pkt->mark = BL_MARK_GUEST;
		return BL_TO_NEIGHBOUR;
	}
	if (!bl_write_macs(skb, hop->mac, pkt->ep->uplink_mac))
		return bl_drop(pkt, BL_REASON_WRITE_ERROR);
	return BL_TO_UPLINK;
}
