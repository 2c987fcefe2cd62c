/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stage MTU. The guest is told the route's MTU; this is for who does not listen. Handshakes get their
 * MSS clamped both ways; a packet from the guest that is too big is answered with ICMP frag-needed
 * (RFC 1191) or packet-too-big (RFC 8201), since oversized frames vanish in a tunnel without a trace.
 *
 * Size is judged by gso_size plus headers, never by skb->len: a GSO frame is cut to size later.
 */
#pragma once

#include "conntrack.h"
#include "csum.h"
#include "maps.h"
#include "parse.h"
#include "pkt.h"

#define BL_TCP_OPTIONS_MAX 10
#define BL_TCP_OPT_MSS     2
#define BL_TOO_BIG_PAUSE   1000000ull /* at most one answer in this many ns per endpoint */
#define BL_QUOTED4         28 /* of the offending packet: its header and 8 bytes (RFC 792) */
#define BL_QUOTED6         88 /* header, and more than enough of the payload */

/* ICMP (RFC 792) and ICMPv6 (RFC 4443) errors alike. */
struct bl_icmp {
	__u8 type, code;
	__be16 checksum;
	__be32 rest; /* frag-needed: the MTU in the lower half; packet-too-big: all of it */
};

enum bl_icmp_error { BL_ICMP_UNREACHABLE = 3, BL_ICMP_FRAG_NEEDED = 4, BL_ICMP6_TOO_BIG = 2 };

/* ---- MSS clamp ------------------------------------------------------------------------------- */

/* Lowers the MSS option of a handshake to what the route carries. */
static __noinline int bl_mss_clamp(struct __sk_buff *skb, __u32 l4, __u32 limit)
{
	__u32 offset = l4 + sizeof(struct tcphdr), end;
	__u8 option[4], doff;

	if (bpf_skb_load_bytes(skb, l4 + 12, &doff, 1))
		return 0;
	end = l4 + (doff >> 4) * 4;
	for (int i = 0; i < BL_TCP_OPTIONS_MAX && offset + 4 <= end; i++) {
		__be16 mss, clamped = bpf_htons(limit);

		if (bpf_skb_load_bytes(skb, offset, option, sizeof(option)) || !option[0])
			return 0;
		if (option[0] == 1) {
			offset++;
			continue;
		}
		if (option[0] != BL_TCP_OPT_MSS || option[1] != 4) {
			if (option[1] < 2)
				return 0;
			offset += option[1];
			continue;
		}
		__builtin_memcpy(&mss, &option[2], sizeof(mss));
		if (bpf_ntohs(mss) <= limit)
			return 0;
		/* an option at an odd offset counts with its bytes swapped */
		if (offset & 1)
			bpf_l4_csum_replace(skb, l4 + offsetof(struct tcphdr, check),
					    __builtin_bswap16(mss), __builtin_bswap16(clamped), 2);
		else
			bpf_l4_csum_replace(skb, l4 + offsetof(struct tcphdr, check), mss, clamped,
					    2);
		return bpf_skb_store_bytes(skb, offset + 2, &clamped, sizeof(clamped), 0);
	}
	return 0;
}

static __always_inline enum bl_verdict bl_clamp(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	__u32 headers = pkt->family == BL_V6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);

	if (pkt->protocol != IPPROTO_TCP || !(pkt->tcp_flags & BL_TCP_SYN) ||
	    (pkt->flags & BL_PKT_FRAGMENT) || !bl_pkt_is_ip(pkt))
		return BL_GO_ON;
	bl_mss_clamp(skb, pkt->l4, pkt->ep->mtu - headers - sizeof(struct tcphdr));
	return BL_GO_ON;
}

/* ---- too big --------------------------------------------------------------------------------- */

static __always_inline bool bl_is_too_big(const struct __sk_buff *skb, const struct bl_pkt *pkt)
{
	__u32 headers;

	if (!skb->gso_size)
		return pkt->ip_len > pkt->ep->mtu;
	/* TCP's header can be longer than this; then the clamp has made the segments smaller */
	headers = pkt->l4 - pkt->l3 +
		  (pkt->protocol == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr));
	return skb->gso_size + headers > pkt->ep->mtu;
}

struct bl_frag_needed {
	struct ethhdr eth;
	struct iphdr ip;
	struct bl_icmp icmp;
	__u8 quoted[BL_QUOTED4];
} __attribute__((packed));

static __noinline int bl_write_frag_needed(struct __sk_buff *skb, __u32 endpoint)
{
	const struct bl_endpoint *ep = bpf_map_lookup_elem(&bl_endpoints, &endpoint);
	struct bl_frag_needed answer;

	if (!ep || bpf_skb_load_bytes(skb, 0, &answer.eth, sizeof(answer.eth)) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, answer.quoted, sizeof(answer.quoted)))
		return -1;
	bl_mac_copy(answer.eth.h_dest, answer.eth.h_source);
	bl_mac_copy(answer.eth.h_source, ep->router_mac);
	__builtin_memset(&answer.ip, 0, sizeof(answer.ip));
	answer.ip.version = 4;
	answer.ip.ihl = 5;
	answer.ip.ttl = 64;
	answer.ip.protocol = IPPROTO_ICMP;
	answer.ip.tot_len = bpf_htons(sizeof(answer) - ETH_HLEN);
	answer.ip.saddr = ep->dhcp_server4.words[3]; /* the guest's gateway */
	__builtin_memcpy(&answer.ip.daddr, answer.quoted + offsetof(struct iphdr, saddr), 4);
	answer.ip.check = bl_csum_field(
		bpf_csum_diff(NULL, 0, (__be32 *)&answer.ip, sizeof(answer.ip), 0), false);
	__builtin_memset(&answer.icmp, 0, sizeof(answer.icmp));
	answer.icmp.type = BL_ICMP_UNREACHABLE;
	answer.icmp.code = BL_ICMP_FRAG_NEEDED;
	answer.icmp.rest = bpf_htonl(ep->mtu);
	answer.icmp.checksum =
		bl_csum_field(bpf_csum_diff(NULL, 0, (__be32 *)&answer.icmp,
					    sizeof(answer.icmp) + sizeof(answer.quoted), 0),
			      false);
	if (bpf_skb_change_tail(skb, sizeof(answer), 0))
		return -1;
	return bpf_skb_store_bytes(skb, 0, &answer, sizeof(answer), 0);
}

struct bl_packet_too_big {
	struct ethhdr eth;
	struct ipv6hdr ip;
	struct bl_icmp icmp;
	__u8 quoted[BL_QUOTED6];
} __attribute__((packed));

static __noinline int bl_write_packet_too_big(struct __sk_buff *skb, __u32 endpoint)
{
	const struct bl_endpoint *ep = bpf_map_lookup_elem(&bl_endpoints, &endpoint);
	const __u32 len = sizeof(struct bl_icmp) + BL_QUOTED6;
	struct bl_packet_too_big answer;
	struct bl_addr dst;

	if (!ep || bpf_skb_load_bytes(skb, 0, &answer.eth, sizeof(answer.eth)) ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, answer.quoted, sizeof(answer.quoted)))
		return -1;
	bl_mac_copy(answer.eth.h_dest, answer.eth.h_source);
	bl_mac_copy(answer.eth.h_source, ep->router_mac);
	__builtin_memcpy(&dst, answer.quoted + offsetof(struct ipv6hdr, saddr), sizeof(dst));
	__builtin_memset(&answer.ip, 0, sizeof(answer.ip));
	answer.ip.version = 6;
	answer.ip.nexthdr = IPPROTO_ICMPV6;
	answer.ip.hop_limit = 64;
	answer.ip.payload_len = bpf_htons(len);
	__builtin_memcpy(&answer.ip.saddr, &ep->router6, sizeof(dst));
	__builtin_memcpy(&answer.ip.daddr, &dst, sizeof(dst));
	__builtin_memset(&answer.icmp, 0, sizeof(answer.icmp));
	answer.icmp.type = BL_ICMP6_TOO_BIG;
	answer.icmp.rest = bpf_htonl(ep->mtu);
	answer.icmp.checksum =
		bl_csum_field(bl_csum_pseudo(&ep->router6, &dst, len, IPPROTO_ICMPV6) +
				      bpf_csum_diff(NULL, 0, (__be32 *)&answer.icmp, len, 0),
			      false);
	if (bpf_skb_change_tail(skb, sizeof(answer), 0))
		return -1;
	return bpf_skb_store_bytes(skb, 0, &answer, sizeof(answer), 0);
}

/* One answer in a while; the sender needs one. */
static __always_inline bool bl_may_answer(const struct bl_pkt *pkt)
{
	__u64 *last = bpf_map_lookup_elem(&bl_answered, &pkt->endpoint);
	__u64 now = bpf_ktime_get_ns();

	if (!last || now - *last < BL_TOO_BIG_PAUSE)
		return false;
	*last = now;
	return true;
}

/* From the guest. The answer is the drop told to the sender, and is counted as that. */
static __always_inline enum bl_verdict bl_mtu(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	int failed;

	if (!bl_pkt_is_ip(pkt) || !bl_is_too_big(skb, pkt))
		return BL_GO_ON;
	if (pkt->l3 != ETH_HLEN || (pkt->flags & BL_PKT_NO_L4) ||
	    (pkt->family == BL_V4 && !(pkt->flags & BL_PKT_DF)) ||
	    bl_addr_group(&pkt->dst, pkt->family) || !bl_may_answer(pkt))
		return bl_drop(pkt, BL_REASON_TOO_BIG_SILENT);
	if ((pkt->ep->flags & BL_EP_TAP_PLAIN) && bl_csum_is_partial(skb))
		return bl_drop(pkt, BL_REASON_PARTIAL_CSUM);
	failed = pkt->family == BL_V6 ? bl_write_packet_too_big(skb, pkt->endpoint)
				      : bl_write_frag_needed(skb, pkt->endpoint);
	if (failed)
		return bl_drop(pkt, BL_REASON_TOO_BIG_SILENT);
	pkt->reason = BL_REASON_TOO_BIG;
	return BL_TO_TAP;
}
