/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stage parse: Ethernet, one VLAN tag, ARP, IPv4 with options, IPv6 with extension headers, TCP, UDP,
 * SCTP, ICMP, ICMPv6 and fragments of both families, into struct bl_pkt.
 *
 * Both bounds of each length field are checked, and the cursor advances by the header's own length.
 * What is not understood is no error: the stages behind see ethertype or protocol and decide.
 */
#pragma once

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "pkt.h"

/* Headers that are made linear when a frame arrives in pieces: Ethernet to a full TCP header. */
#define BL_LINEAR_MIN      134
#define BL_EXTHDRS_MAX     6
#define BL_IP_OFFSET       0x1fff
#define BL_IP_MORE         0x2000
#define BL_IP_DF           0x4000
#define BL_ETH_VLAN_LEN    4
#define BL_EXTHDR_FRAGMENT 44
#define BL_EXTHDR_AUTH     51

struct bl_ipv6_frag {
	__u8 nexthdr, reserved;
	__be16 offset; /* in 8 bytes << 3 | more */
	__be32 id;
};

/* Makes the headers linear when the frame has them in fragments; rare, as drivers and the tap
 * put them first. */
static __always_inline void bl_linearize(struct __sk_buff *skb)
{
	__u32 linear = bl_data_end(skb) - bl_data(skb);

	if (linear < BL_LINEAR_MIN && linear < skb->len)
		bpf_skb_pull_data(skb, skb->len < BL_LINEAR_MIN ? skb->len : BL_LINEAR_MIN);
}

static __always_inline enum bl_verdict bl_parse_eth(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	void *data = bl_data(skb), *end = bl_data_end(skb);
	struct ethhdr *eth = data;

	if ((void *)(eth + 1) > end)
		return bl_drop(pkt, BL_REASON_INVALID);
	bl_mac_copy(pkt->smac, eth->h_source);
	bl_mac_copy(pkt->dmac, eth->h_dest);
	if (eth->h_dest[0] & 1)
		pkt->flags |= BL_PKT_GROUP_MAC;
	pkt->ethertype = eth->h_proto;
	pkt->l3 = ETH_HLEN;
	if (eth->h_proto == bpf_htons(ETH_P_8021Q)) {
		if (data + ETH_HLEN + BL_ETH_VLAN_LEN > end)
			return bl_drop(pkt, BL_REASON_INVALID);
		pkt->ethertype = *(__be16 *)(data + ETH_HLEN + 2);
		pkt->l3 = ETH_HLEN + BL_ETH_VLAN_LEN;
	}
	return BL_GO_ON;
}

static __always_inline enum bl_verdict bl_parse_ipv4(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	void *end = bl_data_end(skb);
	struct iphdr *ip = bl_data_at(skb, pkt->l3);
	__u32 header_len, total;
	__u16 fragment;

	if ((void *)(ip + 1) > end)
		return bl_drop(pkt, BL_REASON_INVALID);
	header_len = ip->ihl * 4;
	total = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header_len < sizeof(*ip) || total < header_len ||
	    total + pkt->l3 > skb->len)
		return bl_drop(pkt, BL_REASON_INVALID);

	pkt->family = BL_V4;
	pkt->src = bl_addr_v4(ip->saddr);
	pkt->dst = bl_addr_v4(ip->daddr);
	pkt->ip_len = total;
	pkt->protocol = ip->protocol;
	pkt->l4 = pkt->l3 + header_len;
	if (header_len > sizeof(*ip))
		pkt->flags |= BL_PKT_OPTIONS;
	fragment = bpf_ntohs(ip->frag_off);
	if (fragment & BL_IP_DF)
		pkt->flags |= BL_PKT_DF;
	if (fragment & (BL_IP_OFFSET | BL_IP_MORE))
		pkt->flags |= BL_PKT_FRAGMENT;
	if (fragment & BL_IP_OFFSET)
		pkt->flags |= BL_PKT_NO_L4;
	return BL_GO_ON;
}

/* Walks the extension headers; the rarer the header, the less its speed matters. */
static __always_inline enum bl_verdict bl_parse_exthdrs(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	__u8 next = pkt->protocol;
	__u32 offset = pkt->l4;

	for (int i = 0; i < BL_EXTHDRS_MAX; i++) {
		struct bl_ipv6_frag header;

		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
		    next != BL_EXTHDR_FRAGMENT && next != BL_EXTHDR_AUTH)
			break;
		if (offset > BL_HEADERS_MAX - sizeof(header) ||
		    bpf_skb_load_bytes(skb, offset, &header, sizeof(header)))
			return bl_drop(pkt, BL_REASON_INVALID_EXTHDR);
		pkt->flags |= BL_PKT_OPTIONS;
		if (next == BL_EXTHDR_FRAGMENT) {
			pkt->flags |= BL_PKT_FRAGMENT;
			offset += sizeof(header);
			next = header.nexthdr;
			if (header.offset & bpf_htons(0xfff8)) {
				pkt->flags |= BL_PKT_NO_L4;
				break;
			}
			continue;
		}
		/* the second byte is the length: in 8 bytes without the first 8; AH counts 4 */
		offset += next == BL_EXTHDR_AUTH ? (header.reserved + 2) * 4
						 : (header.reserved + 1) * 8;
		next = header.nexthdr;
	}
	if (offset > BL_HEADERS_MAX)
		return bl_drop(pkt, BL_REASON_INVALID_EXTHDR);
	pkt->protocol = next;
	pkt->l4 = offset;
	return BL_GO_ON;
}

static __always_inline enum bl_verdict bl_parse_ipv6(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	void *end = bl_data_end(skb);
	struct ipv6hdr *ip = bl_data_at(skb, pkt->l3);
	__u32 total;

	if ((void *)(ip + 1) > end)
		return bl_drop(pkt, BL_REASON_INVALID);
	total = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	if (ip->version != 6 || total + pkt->l3 > skb->len || total > 0xffff)
		return bl_drop(pkt, BL_REASON_INVALID);

	pkt->family = BL_V6;
	__builtin_memcpy(&pkt->src, &ip->saddr, sizeof(pkt->src));
	__builtin_memcpy(&pkt->dst, &ip->daddr, sizeof(pkt->dst));
	pkt->ip_len = total;
	pkt->protocol = ip->nexthdr;
	pkt->l4 = pkt->l3 + sizeof(*ip);
	if (ip->nexthdr == IPPROTO_TCP || ip->nexthdr == IPPROTO_UDP ||
	    ip->nexthdr == IPPROTO_ICMPV6)
		return BL_GO_ON;
	return bl_parse_exthdrs(skb, pkt);
}

static __always_inline enum bl_verdict bl_parse_l4(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	__u8 head[14]; /* up to TCP's flags */
	__u32 need;
	void *l4;

	if (pkt->flags & BL_PKT_NO_L4)
		return BL_GO_ON;
	switch (pkt->protocol) {
	case IPPROTO_TCP:
		need = sizeof(head);
		break;
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		need = 4;
		break;
	default:
		return BL_GO_ON;
	}
	if (pkt->l4 > BL_HEADERS_MAX)
		return bl_drop(pkt, BL_REASON_INVALID);
	l4 = bl_data_at(skb, pkt->l4);
	if (need == sizeof(head)) {
		if (l4 + sizeof(head) > bl_data_end(skb))
			return bl_drop(pkt, BL_REASON_TRUNCATED);
		pkt->tcp_flags = *(__u8 *)(l4 + 13);
	} else if (l4 + 4 > bl_data_end(skb)) {
		return bl_drop(pkt, BL_REASON_TRUNCATED);
	}
	if (pkt->protocol == IPPROTO_ICMP || pkt->protocol == IPPROTO_ICMPV6) {
		pkt->icmp_type = *(__u8 *)l4;
		pkt->icmp_code = *(__u8 *)(l4 + 1);
	} else {
		pkt->sport = *(__be16 *)l4;
		pkt->dport = *(__be16 *)(l4 + 2);
	}
	return BL_GO_ON;
}

/* Fills pkt. BL_DROP for a frame that contradicts itself; else BL_GO_ON. */
static __always_inline enum bl_verdict bl_parse(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	enum bl_verdict verdict;

	bl_linearize(skb);
	verdict = bl_parse_eth(skb, pkt);
	if (verdict != BL_GO_ON)
		return verdict;
	switch (pkt->ethertype) {
	case bpf_htons(ETH_P_IP):
		verdict = bl_parse_ipv4(skb, pkt);
		break;
	case bpf_htons(ETH_P_IPV6):
		verdict = bl_parse_ipv6(skb, pkt);
		break;
	default:
		return BL_GO_ON;
	}
	return verdict == BL_GO_ON ? bl_parse_l4(skb, pkt) : verdict;
}

/* ---- what kind of ICMP ----------------------------------------------------------------------- */

#define BL_ICMP4_ECHO_REPLY 0
#define BL_ICMP4_ECHO       8
#define BL_ICMP6_ECHO       128
#define BL_ICMP6_ECHO_REPLY 129
#define BL_ICMP_HEADER      8 /* in front of what an error quotes */

static __always_inline bool bl_is_icmp_error(const struct bl_pkt *pkt)
{
	if (pkt->flags & BL_PKT_NO_L4)
		return false;
	if (pkt->protocol == IPPROTO_ICMP && pkt->family == BL_V4)
		return pkt->icmp_type == 3 || pkt->icmp_type == 4 || pkt->icmp_type == 11 ||
		       pkt->icmp_type == 12;
	return pkt->protocol == IPPROTO_ICMPV6 && pkt->family == BL_V6 && pkt->icmp_type < 128;
}

static __always_inline bool bl_is_echo(const struct bl_pkt *pkt)
{
	if (pkt->flags & BL_PKT_NO_L4)
		return false;
	return pkt->protocol == IPPROTO_ICMP
		       ? pkt->icmp_type == BL_ICMP4_ECHO || pkt->icmp_type == BL_ICMP4_ECHO_REPLY
	       : pkt->protocol == IPPROTO_ICMPV6
		       ? pkt->icmp_type == BL_ICMP6_ECHO || pkt->icmp_type == BL_ICMP6_ECHO_REPLY
		       : false;
}
