/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stage spoof guard, from the VM only: a guest speaks with its own MAC and its own addresses, and it
 * is neither a DHCP server nor a router. ARP and neighbour discovery are looked at inside, since
 * that is where an address is claimed.
 */
#pragma once

#include "arp.h"
#include "nd.h"
#include "pkt.h"

#define BL_DHCP4_SERVER 67
#define BL_DHCP4_CLIENT 68
#define BL_DHCP6_SERVER 547
#define BL_DHCP6_CLIENT 546

static __always_inline bool bl_is_udp(const struct bl_pkt *pkt)
{
	return pkt->protocol == IPPROTO_UDP && !(pkt->flags & BL_PKT_NO_L4);
}

static __always_inline bool bl_is_dhcp4_request(const struct bl_pkt *pkt)
{
	return pkt->family == BL_V4 && bl_is_udp(pkt) && pkt->dport == bpf_htons(BL_DHCP4_SERVER);
}

static __always_inline bool bl_is_dhcp6_request(const struct bl_pkt *pkt)
{
	return pkt->family == BL_V6 && bl_is_udp(pkt) && pkt->dport == bpf_htons(BL_DHCP6_SERVER);
}

static __always_inline enum bl_verdict bl_guard_ipv4(struct bl_pkt *pkt)
{
	if (bl_is_udp(pkt) && pkt->sport == bpf_htons(BL_DHCP4_SERVER))
		return bl_drop(pkt, BL_REASON_DHCP_SERVER);
	if ((pkt->ep->flags & BL_EP_HAS_V4) && bl_addr_eq(&pkt->src, &pkt->ep->guest4))
		return BL_GO_ON;
	/* before it has an address a guest may ask for one, whatever it had before */
	if (bl_is_dhcp4_request(pkt) && !pkt->src.words[3])
		return BL_GO_ON;
	return bl_drop(pkt, BL_REASON_SPOOFED_IP);
}

/* What a host says before it owns an address: duplicate detection, solicitations, reports. */
static __always_inline bool bl_is_unspecified_icmp6(const struct bl_pkt *pkt)
{
	return pkt->protocol == IPPROTO_ICMPV6 &&
	       (pkt->icmp_type == BL_ND_RS || pkt->icmp_type == BL_ND_NS ||
		pkt->icmp_type == BL_MLD2_REPORT || pkt->icmp_type == BL_MLD_REPORT ||
		pkt->icmp_type == BL_MLD_DONE);
}

static __always_inline enum bl_verdict bl_guard_ipv6(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	if (bl_is_udp(pkt) && pkt->sport == bpf_htons(BL_DHCP6_SERVER))
		return bl_drop(pkt, BL_REASON_DHCP_SERVER);
	if (bl_is_nd(pkt)) {
		enum bl_verdict verdict = bl_nd_guard(skb, pkt);

		if (verdict != BL_GO_ON)
			return verdict;
	}
	if ((pkt->ep->flags & BL_EP_HAS_V6) && bl_addr_eq(&pkt->src, &pkt->ep->guest6))
		return BL_GO_ON;
	if (bl_addr_link_local(&pkt->src) &&
	    (bl_addr_link_local(&pkt->dst) || bl_addr_group(&pkt->dst, BL_V6)))
		return BL_GO_ON;
	if (bl_addr_zero(&pkt->src) && bl_is_unspecified_icmp6(pkt))
		return BL_GO_ON;
	return bl_drop(pkt, BL_REASON_SPOOFED_IP);
}

static __always_inline enum bl_verdict bl_guard(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	if (!(pkt->ep->flags & BL_EP_SPOOF_GUARD))
		return BL_GO_ON;
	if (!bl_mac_eq(pkt->smac, pkt->ep->guest_mac))
		return bl_drop(pkt, BL_REASON_SPOOFED_MAC);
	switch (pkt->ethertype) {
	case bpf_htons(ETH_P_ARP):
		return bl_arp_guard(skb, pkt);
	case bpf_htons(ETH_P_IP):
		return bl_guard_ipv4(pkt);
	case bpf_htons(ETH_P_IPV6):
		return bl_guard_ipv6(skb, pkt);
	default:
		return BL_GO_ON;
	}
}
