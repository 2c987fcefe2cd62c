/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stage responders, from the VM only: ARP, neighbour discovery, DHCPv4 and DHCPv6 of the guest are
 * answered here, from the endpoint's records, and the answer goes back out of the tap.
 */
#pragma once

#include "arp.h"
#include "dhcp4.h"
#include "dhcp6.h"
#include "nd.h"
#include "pkt.h"

/* Does the guest reach what is on the pod's link by itself (pod binding), or only through us? */
enum bl_onlink { BL_ONLINK_PASSES = 1, BL_ONLINK_ANSWERED = 0 };

/* DHCP has a program of its own, as its answers need more of the stack than the other stages leave. Does
 * not return, unless that program is missing. Nobody else's server may be asked: the lease is the pod's. */
static __always_inline enum bl_verdict bl_hand_to_dhcp(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	if (pkt->l3 != ETH_HLEN || (pkt->flags & (BL_PKT_OPTIONS | BL_PKT_FRAGMENT)))
		return bl_drop(pkt, BL_REASON_INVALID);
	bpf_tail_call(skb, &bl_progs, BL_SLOT_DHCP);
	return bl_consume(pkt);
}

static __always_inline enum bl_verdict bl_respond(struct __sk_buff *skb, struct bl_pkt *pkt,
						  enum bl_onlink onlink)
{
	switch (pkt->ethertype) {
	case bpf_htons(ETH_P_ARP):
		return bl_arp_respond(skb, pkt, onlink);
	case bpf_htons(ETH_P_IP):
		return bl_is_dhcp4_request(pkt) ? bl_hand_to_dhcp(skb, pkt) : BL_GO_ON;
	case bpf_htons(ETH_P_IPV6):
		if (bl_is_dhcp6_request(pkt))
			return bl_hand_to_dhcp(skb, pkt);
		return bl_nd_respond(skb, pkt, onlink);
	default:
		return BL_GO_ON;
	}
}

/* What bl_hand_to_dhcp() handed on. */
static __always_inline enum bl_verdict bl_dhcp_respond(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	int result = skb->protocol == bpf_htons(ETH_P_IPV6) ? bl_dhcp6_answer(skb, pkt->endpoint)
							    : bl_dhcp4_answer(skb, pkt->endpoint);

	if (result < 0)
		return bl_drop(pkt, BL_REASON_WRITE_ERROR);
	return result ? bl_consume(pkt) : bl_answer(pkt);
}

/* To the VM: what passes teaches us the gateway's MAC. */
static __always_inline enum bl_verdict bl_learn(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	bl_arp_learn(skb, pkt);
	bl_nd_learn(skb, pkt);
	return BL_GO_ON;
}
