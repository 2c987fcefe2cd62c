/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * ARP (RFC 826, probes RFC 5227) of the guest: what it may claim, what is answered for the network,
 * and what the wire's answers teach us.
 *
 * Answered, with the router's MAC, is every address that the pod reaches through a gateway. Never
 * answered: the guest's own address (its duplicate detection must stay silent), and what is
 * truly on the link, the gateway itself included: those requests go to the wire.
 */
#pragma once

#include "nexthop.h"
#include "pkt.h"

struct bl_arp {
	__be16 hardware, protocol;
	__u8 hardware_len, protocol_len;
	__be16 op;
	__u8 sender_mac[6];
	__u8 sender_ip[4];
	__u8 target_mac[6];
	__u8 target_ip[4];
} __attribute__((packed));

#define BL_ARP_ETHERNET      1
#define BL_ARP_REQUEST       1
#define BL_ARP_REPLY         2
#define BL_ARP_OFFSET(field) (ETH_HLEN + offsetof(struct bl_arp, field))

static __always_inline __be32 bl_arp_ip(const __u8 *bytes)
{
	__be32 ip;

	__builtin_memcpy(&ip, bytes, sizeof(ip));
	return ip;
}

/* Copies the ARP packet; false when it is none for IPv4 on Ethernet. */
static __always_inline bool bl_arp_load(struct __sk_buff *skb, const struct bl_pkt *pkt,
					struct bl_arp *arp)
{
	if (pkt->ethertype != bpf_htons(ETH_P_ARP) || pkt->l3 != ETH_HLEN ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, arp, sizeof(*arp)))
		return false;
	return arp->hardware == bpf_htons(BL_ARP_ETHERNET) &&
	       arp->protocol == bpf_htons(ETH_P_IP) && arp->hardware_len == ETH_ALEN &&
	       arp->protocol_len == 4;
}

static __always_inline enum bl_verdict bl_arp_guard(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	struct bl_arp arp;
	__be32 sender;

	if (!bl_arp_load(skb, pkt, &arp))
		return bl_drop(pkt, BL_REASON_SPOOFED_ARP);
	sender = bl_arp_ip(arp.sender_ip);
	if (!bl_mac_eq(arp.sender_mac, pkt->ep->guest_mac) ||
	    (sender && sender != pkt->ep->guest4.words[3]))
		return bl_drop(pkt, BL_REASON_SPOOFED_ARP);
	return BL_GO_ON;
}

static __always_inline bool bl_is_onlink(const struct bl_pkt *pkt, const struct bl_addr *addr)
{
	for (int i = 0; i < BL_ONLINK_MAX; i++) {
		if (i >= pkt->ep->n_onlink)
			break;
		if (bl_addr_within(addr, &pkt->ep->onlink[i]))
			return true;
	}
	return false;
}

static __noinline int bl_arp_write_answer(struct __sk_buff *skb, __u32 endpoint)
{
	const struct bl_endpoint *ep = bpf_map_lookup_elem(&bl_endpoints, &endpoint);
	struct {
		struct ethhdr eth;
		struct bl_arp arp;
	} __attribute__((packed)) frame;
	struct bl_arp *arp = &frame.arp;
	__u8 asker_ip[4];

	if (!ep || bpf_skb_load_bytes(skb, 0, &frame, sizeof(frame)))
		return -1;
	bl_mac_copy(frame.eth.h_dest, frame.eth.h_source);
	bl_mac_copy(frame.eth.h_source, ep->router_mac);
	__builtin_memcpy(asker_ip, arp->sender_ip, 4);
	__builtin_memcpy(arp->target_mac, arp->sender_mac, ETH_ALEN);
	__builtin_memcpy(arp->sender_mac, ep->router_mac, ETH_ALEN);
	__builtin_memcpy(arp->sender_ip, arp->target_ip, 4);
	__builtin_memcpy(arp->target_ip, asker_ip, 4);
	arp->op = bpf_htons(BL_ARP_REPLY);
	return bpf_skb_store_bytes(skb, 0, &frame, sizeof(frame), 0);
}

/* Answers the guest's requests. */
static __always_inline enum bl_verdict bl_arp_respond(struct __sk_buff *skb, struct bl_pkt *pkt,
						      bool onlink_passes)
{
	struct bl_addr target;
	struct bl_arp arp;

	if (!bl_arp_load(skb, pkt, &arp) || arp.op != bpf_htons(BL_ARP_REQUEST))
		return BL_GO_ON;
	target = bl_addr_v4(bl_arp_ip(arp.target_ip));
	if (!target.words[3] || bl_addr_eq(&target, &pkt->ep->guest4))
		return BL_GO_ON;
	/* A probe (sender zero) asks about an address that the guest wants to take: not ours to deny. */
	if (!bl_arp_ip(arp.sender_ip) || (onlink_passes && bl_is_onlink(pkt, &target)))
		return BL_GO_ON;
	if (bl_arp_write_answer(skb, pkt->endpoint))
		return bl_drop(pkt, BL_REASON_WRITE_ERROR);
	return bl_answer(pkt);
}

/* From the wire: the gateway's own requests and answers tell its MAC. */
static __always_inline void bl_arp_learn(struct __sk_buff *skb, const struct bl_pkt *pkt)
{
	struct bl_arp arp;

	if (bl_arp_load(skb, pkt, &arp) && bl_arp_ip(arp.sender_ip) == pkt->ep->gateway4.words[3] &&
	    pkt->ep->gateway4.words[3])
		bl_nexthop_learn(pkt, BL_V4, arp.sender_mac);
}
