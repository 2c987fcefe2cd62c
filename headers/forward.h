/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stage forward: the last decision, and the MACs. Pod binding is transparent on layer 2: what has the
 * VM's address goes to the VM, what the VM sends goes to the wire, and MACs change only where guest
 * and pod disagree about them, or where the guest means "the router".
 */
#pragma once

#include <linux/if_ether.h>

#include "arp.h"
#include "nd.h"
#include "nexthop.h"
#include "pkt.h"

static __always_inline int bl_set_mac(struct __sk_buff *skb, __u32 offset, const __u8 *mac)
{
	return bpf_skb_store_bytes(skb, offset, mac, ETH_ALEN, 0);
}

/* The destination MAC in place: the one write that many packets need. */
static __always_inline bool bl_write_dmac(struct __sk_buff *skb, const __u8 *mac)
{
	struct ethhdr *eth = bl_data(skb);

	if ((void *)(eth + 1) > bl_data_end(skb))
		return false;
	bl_mac_copy(eth->h_dest, mac);
	return true;
}

static __always_inline bool bl_is_for_guest(const struct bl_pkt *pkt)
{
	if (bl_mac_eq(pkt->dmac, pkt->ep->uplink_mac) || bl_mac_eq(pkt->dmac, pkt->ep->guest_mac))
		return true;
	/* redirect_peer of some CNIs leaves the host side's MAC in the frame */
	return bl_pkt_is_ip(pkt) &&
	       bl_addr_eq(&pkt->dst, pkt->family == BL_V6 ? &pkt->ep->guest6 : &pkt->ep->guest4);
}

/* BL_GO_ON: the frame is for the guest. */
static __always_inline enum bl_verdict bl_pod_owner(struct bl_pkt *pkt)
{
	if (!bl_pkt_is_ip(pkt) && pkt->ethertype != bpf_htons(ETH_P_ARP)) {
		/* never let the pod's kernel answer in the VM's name */
		if (!(pkt->flags & BL_PKT_GROUP_MAC) && bl_is_for_guest(pkt) &&
		    !(pkt->ep->flags & BL_EP_ADOPTED))
			return bl_drop(pkt, BL_REASON_UNKNOWN_L3);
		return bl_pass(pkt);
	}
	return (pkt->flags & BL_PKT_GROUP_MAC) || bl_is_for_guest(pkt) ? BL_GO_ON : bl_pass(pkt);
}

static __always_inline enum bl_verdict bl_pod_to_guest(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	bool arp = pkt->ethertype == bpf_htons(ETH_P_ARP);

	if (pkt->flags & BL_PKT_GROUP_MAC)
		return BL_TO_TAP;
	if (!bl_mac_eq(pkt->dmac, pkt->ep->guest_mac) && !bl_write_dmac(skb, pkt->ep->guest_mac))
		return bl_drop(pkt, BL_REASON_WRITE_ERROR);
	if (arp && (pkt->ep->flags & BL_EP_CUSTOM_MAC) &&
	    bl_set_mac(skb, BL_ARP_OFFSET(target_mac), pkt->ep->guest_mac))
		return bl_drop(pkt, BL_REASON_WRITE_ERROR);
	return BL_TO_TAP;
}

/* A guest with a MAC of its own speaks on the wire with the pod's: in Ethernet, ARP and ND. */
static __noinline int bl_wear_pod_mac(struct __sk_buff *skb, __u32 endpoint, __u32 nd_options)
{
	const struct bl_endpoint *ep = bpf_map_lookup_elem(&bl_endpoints, &endpoint);
	struct bl_nd_ll ll;
	__be16 ethertype;
	__u32 at = 0;

	if (!ep || bl_set_mac(skb, offsetof(struct ethhdr, h_source), ep->uplink_mac) ||
	    bpf_skb_load_bytes(skb, offsetof(struct ethhdr, h_proto), &ethertype, 2))
		return -1;
	if (ethertype == bpf_htons(ETH_P_ARP))
		return bl_set_mac(skb, BL_ARP_OFFSET(sender_mac), ep->uplink_mac);
	if (nd_options && bl_nd_find_ll(skb, nd_options, &ll, &at) &&
	    bl_mac_eq(ll.mac, ep->guest_mac)) {
		struct {
			__u8 mac[8];
		} before = {}, after = {};
		__u32 checksum =
			ETH_HLEN + sizeof(struct ipv6hdr) + offsetof(struct bl_nd, checksum);

		__builtin_memcpy(before.mac, ep->guest_mac, ETH_ALEN);
		__builtin_memcpy(after.mac, ep->uplink_mac, ETH_ALEN);
		bpf_l4_csum_replace(skb, checksum, 0,
				    bpf_csum_diff((__be32 *)&before, sizeof(before),
						  (__be32 *)&after, sizeof(after), 0),
				    0);
		return bl_set_mac(skb, at + offsetof(struct bl_nd_ll, mac), ep->uplink_mac);
	}
	return 0;
}

static __always_inline enum bl_verdict bl_pod_to_wire(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	if (!bl_pkt_is_ip(pkt) && pkt->ethertype != bpf_htons(ETH_P_ARP))
		return bl_pass(pkt);
	if (pkt->ep->flags & BL_EP_CUSTOM_MAC) {
		__u32 options = 0;

		if (bl_is_nd(pkt) && !(pkt->flags & BL_PKT_OPTIONS))
			options = pkt->l4 + (pkt->icmp_type == BL_ND_RS ? 8 : sizeof(struct bl_nd));
		if (bl_wear_pod_mac(skb, pkt->endpoint, options))
			return bl_drop(pkt, BL_REASON_WRITE_ERROR);
	}
	if (bl_mac_eq(pkt->dmac, pkt->ep->router_mac) && bl_pkt_is_ip(pkt)) {
		const struct bl_nexthop *hop = bl_nexthop(pkt, pkt->family);

		if (!hop || !hop->word) {
			pkt->reason = BL_REASON_RESOLVING;
			return BL_TO_NEIGHBOUR;
		}
		if (!bl_write_dmac(skb, hop->mac))
			return bl_drop(pkt, BL_REASON_WRITE_ERROR);
	}
	return BL_TO_UPLINK;
}
