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

static __always_inline enum bl_verdict bl_respond(struct __sk_buff *skb, struct bl_pkt *pkt,
						  enum bl_onlink onlink)
{
	enum bl_verdict verdict;

	switch (pkt->ethertype) {
	case bpf_htons(ETH_P_ARP):
		return bl_arp_respond(skb, pkt, onlink);
	case bpf_htons(ETH_P_IP):
		return bl_dhcp4_respond(skb, pkt);
	case bpf_htons(ETH_P_IPV6):
		verdict = bl_nd_respond(skb, pkt, onlink);
		return verdict == BL_GO_ON ? bl_dhcp6_respond(skb, pkt) : verdict;
	default:
		return BL_GO_ON;
	}
}

/* To the VM: what passes teaches us the gateway's MAC. */
static __always_inline enum bl_verdict bl_learn(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	bl_arp_learn(skb, pkt);
	bl_nd_learn(skb, pkt);
	return BL_GO_ON;
}
