/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * IPv6 neighbour discovery (RFC 4861) of the guest: what it may claim, solicitations that are
 * answered for the network, router solicitations, and what the wire's advertisements teach us.
 *
 * The rule for neighbours is ARP's: answered is what lies behind the router, never the guest's own
 * address and never what is on the link. The router itself is router6, a link-local address that
 * exists only here. Duplicate detection (source ::) is never answered.
 */
#pragma once

#include <linux/ipv6.h>

#include "arp.h"
#include "csum.h"
#include "nexthop.h"
#include "pkt.h"

#define BL_ND_RS          133
#define BL_ND_RA          134
#define BL_ND_NS          135
#define BL_ND_NA          136
#define BL_ND_REDIRECT    137
#define BL_MLD_REPORT     131
#define BL_MLD_DONE       132
#define BL_MLD2_REPORT    143
#define BL_ND_SOURCE_LL   1
#define BL_ND_TARGET_LL   2
#define BL_ND_HOPS        255
#define BL_ND_OPTIONS_MAX 4
#define BL_NA_ROUTER      0x80000000
#define BL_NA_SOLICITED   0x40000000
#define BL_NA_OVERRIDE    0x20000000

/* Neighbour solicitation and advertisement up to their options. */
struct bl_nd {
	__u8 type, code;
	__be16 checksum;
	__be32 flags;
	struct bl_addr target;
};

struct bl_nd_ll {
	__u8 type, len;
	__u8 mac[6];
};

static __always_inline bool bl_is_nd(const struct bl_pkt *pkt)
{
	return pkt->family == BL_V6 && pkt->protocol == IPPROTO_ICMPV6 &&
	       !(pkt->flags & BL_PKT_NO_L4) && pkt->icmp_type >= BL_ND_RS &&
	       pkt->icmp_type <= BL_ND_REDIRECT;
}

/* Finds the link-layer option; false when there is none. offset_out: where it stands in the frame. */
static __always_inline bool bl_nd_find_ll(struct __sk_buff *skb, __u32 offset, struct bl_nd_ll *ll,
					  __u32 *offset_out)
{
	for (int i = 0; i < BL_ND_OPTIONS_MAX; i++) {
		if (bpf_skb_load_bytes(skb, offset, ll, sizeof(*ll)) || !ll->len)
			return false;
		if (ll->type == BL_ND_SOURCE_LL || ll->type == BL_ND_TARGET_LL) {
			*offset_out = offset;
			return true;
		}
		offset += ll->len * 8;
	}
	return false;
}

/* Guard's look inside: no router's messages, no fragments (RFC 6980), own addresses and MAC only. */
static __always_inline enum bl_verdict bl_nd_guard(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	__u32 options = pkt->l4 + (pkt->icmp_type == BL_ND_RS ? 8 : sizeof(struct bl_nd));
	struct bl_nd_ll ll;
	struct bl_nd nd;
	__u32 at;

	if (pkt->icmp_type == BL_ND_RA || pkt->icmp_type == BL_ND_REDIRECT ||
	    (pkt->flags & BL_PKT_FRAGMENT))
		return bl_drop(pkt, BL_REASON_FORBIDDEN_ICMP6);
	if (pkt->icmp_type == BL_ND_NA) {
		if (bpf_skb_load_bytes(skb, pkt->l4, &nd, sizeof(nd)))
			return bl_drop(pkt, BL_REASON_INVALID);
		if (!bl_addr_link_local(&nd.target) && !bl_addr_eq(&nd.target, &pkt->ep->guest6))
			return bl_drop(pkt, BL_REASON_SPOOFED_ND);
		if (bl_addr_eq(&nd.target, &pkt->ep->router6))
			return bl_drop(pkt, BL_REASON_SPOOFED_ND);
	}
	if (bl_nd_find_ll(skb, options, &ll, &at) && !bl_mac_eq(ll.mac, pkt->ep->guest_mac))
		return bl_drop(pkt, BL_REASON_SPOOFED_ND);
	return BL_GO_ON;
}

struct bl_nd_answer {
	struct ethhdr eth;
	struct ipv6hdr ip;
	struct bl_nd nd;
	struct bl_nd_ll ll;
} __attribute__((packed));

/* Turns the neighbour solicitation in skb into the advertisement of the router's MAC. */
static __noinline int bl_nd_write_advert(struct __sk_buff *skb, __u32 endpoint)
{
	const struct bl_endpoint *ep = bpf_map_lookup_elem(&bl_endpoints, &endpoint);
	struct bl_nd_answer answer;
	struct bl_addr src, dst;
	__u32 flags = BL_NA_SOLICITED | BL_NA_OVERRIDE;
	__u64 sum;

	if (!ep || bpf_skb_load_bytes(skb, 0, &answer, sizeof(answer) - sizeof(answer.ll)))
		return -1;
	src = answer.nd.target;
	__builtin_memcpy(&dst, &answer.ip.saddr, sizeof(dst));
	if (bl_addr_eq(&src, &ep->router6))
		flags |= BL_NA_ROUTER;
	bl_mac_copy(answer.eth.h_dest, answer.eth.h_source);
	bl_mac_copy(answer.eth.h_source, ep->router_mac);
	answer.ip.payload_len = bpf_htons(sizeof(answer.nd) + sizeof(answer.ll));
	answer.ip.nexthdr = IPPROTO_ICMPV6;
	answer.ip.hop_limit = BL_ND_HOPS;
	__builtin_memcpy(&answer.ip.saddr, &src, sizeof(src));
	__builtin_memcpy(&answer.ip.daddr, &dst, sizeof(dst));
	answer.nd.type = BL_ND_NA;
	answer.nd.code = 0;
	answer.nd.checksum = 0;
	answer.nd.flags = bpf_htonl(flags);
	answer.ll.type = BL_ND_TARGET_LL;
	answer.ll.len = 1;
	__builtin_memcpy(answer.ll.mac, ep->router_mac, ETH_ALEN);
	sum = bl_csum_pseudo(&src, &dst, sizeof(answer.nd) + sizeof(answer.ll), IPPROTO_ICMPV6);
	sum += bpf_csum_diff(NULL, 0, (__be32 *)&answer.nd, sizeof(answer.nd), 0);
	sum += bpf_csum_diff(NULL, 0, (__be32 *)&answer.ll, sizeof(answer.ll), 0);
	answer.nd.checksum = bl_csum_field(sum, false);
	if (bpf_skb_change_tail(skb, sizeof(answer), 0))
		return -1;
	return bpf_skb_store_bytes(skb, 0, &answer, sizeof(answer), 0);
}

static __always_inline enum bl_verdict bl_nd_respond_ns(struct __sk_buff *skb, struct bl_pkt *pkt,
							bool onlink_passes)
{
	struct bl_nd nd;

	if (bpf_skb_load_bytes(skb, pkt->l4, &nd, sizeof(nd)))
		return bl_drop(pkt, BL_REASON_INVALID);
	if (bl_addr_zero(&pkt->src) || bl_addr_eq(&nd.target, &pkt->ep->guest6))
		return BL_GO_ON;
	if (!bl_addr_eq(&nd.target, &pkt->ep->router6)) {
		if (bl_addr_link_local(&nd.target))
			return BL_GO_ON;
		if (onlink_passes && bl_is_onlink(pkt, &nd.target))
			return BL_GO_ON;
	}
	if (bl_nd_write_advert(skb, pkt->endpoint))
		return bl_drop(pkt, BL_REASON_WRITE_ERROR);
	return bl_answer(pkt);
}

struct bl_ra_head {
	struct ethhdr eth;
	struct ipv6hdr ip;
} __attribute__((packed));

/* Turns the router solicitation in skb into the endpoint's router advertisement. */
static __noinline int bl_nd_write_ra(struct __sk_buff *skb, __u32 endpoint)
{
	const struct bl_endpoint *ep = bpf_map_lookup_elem(&bl_endpoints, &endpoint);
	const struct bl_lease *lease = bpf_map_lookup_elem(&bl_leases, &endpoint);
	struct bl_ra_head head;
	struct bl_addr dst;
	__be16 checksum;
	__u32 len;

	if (!ep || !lease || bpf_skb_load_bytes(skb, 0, &head, sizeof(head)))
		return -1;
	len = lease->ra.len;
	if (len < 16 || len > BL_BLOB_MAX)
		return -1;
	__builtin_memcpy(&dst, &head.ip.saddr, sizeof(dst));
	if (bl_addr_zero(&dst)) { /* to all nodes, ff02::1 */
		dst.words[0] = bpf_htonl(0xff020000);
		dst.words[3] = bpf_htonl(1);
	}
	bl_mac_copy(head.eth.h_dest, head.eth.h_source);
	bl_mac_copy(head.eth.h_source, ep->router_mac);
	head.ip.payload_len = bpf_htons(len);
	head.ip.nexthdr = IPPROTO_ICMPV6;
	head.ip.hop_limit = BL_ND_HOPS;
	__builtin_memcpy(&head.ip.saddr, &ep->router6, sizeof(dst));
	__builtin_memcpy(&head.ip.daddr, &dst, sizeof(dst));
	checksum = bl_csum_field(
		lease->ra.sum + bl_csum_pseudo(&ep->router6, &dst, len, IPPROTO_ICMPV6), false);
	if (bpf_skb_change_tail(skb, sizeof(head) + len, 0) ||
	    bpf_skb_store_bytes(skb, 0, &head, sizeof(head), 0) ||
	    bl_store(skb, sizeof(head), lease->ra.bytes, len, BL_BLOB_MAX))
		return -1;
	return bpf_skb_store_bytes(skb, sizeof(head) + offsetof(struct bl_nd, checksum), &checksum,
				   sizeof(checksum), 0);
}

/* Answers the guest's solicitations. */
static __always_inline enum bl_verdict bl_nd_respond(struct __sk_buff *skb, struct bl_pkt *pkt,
						     bool onlink_passes)
{
	if (!bl_is_nd(pkt) || pkt->l3 != ETH_HLEN || (pkt->flags & BL_PKT_OPTIONS))
		return BL_GO_ON;
	if (pkt->icmp_type == BL_ND_NS)
		return bl_nd_respond_ns(skb, pkt, onlink_passes);
	if (pkt->icmp_type != BL_ND_RS || !(pkt->ep->flags & BL_EP_HAS_V6))
		return BL_GO_ON;
	if (bl_nd_write_ra(skb, pkt->endpoint))
		return bl_drop(pkt, BL_REASON_WRITE_ERROR);
	return bl_answer(pkt);
}

/* From the wire: advertisements of the gateway, and its own solicitations, tell its MAC. */
static __always_inline void bl_nd_learn(struct __sk_buff *skb, const struct bl_pkt *pkt)
{
	struct bl_nd_ll ll;
	struct bl_nd nd;
	__u32 at;

	if (!bl_is_nd(pkt) || bl_addr_zero(&pkt->ep->gateway6) ||
	    bpf_skb_load_bytes(skb, pkt->l4, &nd, sizeof(nd)) ||
	    !bl_nd_find_ll(skb, pkt->l4 + sizeof(nd), &ll, &at))
		return;
	if ((nd.type == BL_ND_NA && ll.type == BL_ND_TARGET_LL &&
	     bl_addr_eq(&nd.target, &pkt->ep->gateway6)) ||
	    (nd.type == BL_ND_NS && ll.type == BL_ND_SOURCE_LL &&
	     bl_addr_eq(&pkt->src, &pkt->ep->gateway6)))
		bl_nexthop_learn(pkt, BL_V6, ll.mac);
}
