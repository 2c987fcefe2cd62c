/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The DHCPv4 server of one guest (RFC 2131): one client, one address, one lease, all of it in the
 * endpoint's record, so leases are given and renewed with no process of ours alive.
 *
 * The answer is written over the request. The UDP header stays where it is: a request with a partial
 * checksum leaves as an answer with a partial checksum, since BPF cannot clear that state. What
 * differs per endpoint (mask, router, DNS, ...) is a blob that the agent encoded.
 */
#pragma once

#include <linux/ip.h>
#include <linux/udp.h>

#include "csum.h"
#include "guard.h"
#include "maps.h"
#include "pkt.h"

#define BL_DHCP4_COOKIE      0x63825363
#define BL_DHCP4_OPTIONS_MAX 40 /* options of a request that are looked at */
#define BL_DHCP4_BROADCAST   0x8000

enum bl_dhcp4_type {
	BL_DHCP4_DISCOVER = 1,
	BL_DHCP4_OFFER,
	BL_DHCP4_REQUEST,
	BL_DHCP4_DECLINE,
	BL_DHCP4_ACK,
	BL_DHCP4_NAK,
	BL_DHCP4_RELEASE,
	BL_DHCP4_INFORM,
};

enum bl_dhcp4_option {
	BL_DHCP4_OPT_PAD = 0,
	BL_DHCP4_OPT_REQUESTED_IP = 50,
	BL_DHCP4_OPT_LEASE_TIME = 51,
	BL_DHCP4_OPT_TYPE = 53,
	BL_DHCP4_OPT_SERVER_ID = 54,
	BL_DHCP4_OPT_END = 255,
};

struct bl_bootp {
	__u8 op, htype, hlen, hops;
	__be32 xid;
	__be16 secs, flags;
	__be32 ciaddr, yiaddr, siaddr, giaddr;
	__u8 chaddr[16];
	__u8 sname[64];
	__u8 file[128];
	__be32 cookie;
} __attribute__((packed));

/* The options that BPF writes itself; the blob follows at an even offset. Padded to 16. */
struct bl_dhcp4_head {
	__u8 type[3];
	__u8 server_id[6];
	__u8 lease_time[6];
	__u8 last; /* pad, or the end when no blob follows */
} __attribute__((packed));

struct bl_dhcp4_answer {
	struct iphdr ip;
	struct udphdr udp;
	struct bl_bootp bootp;
	struct bl_dhcp4_head head;
} __attribute__((packed));

/* What a request says beyond its fixed part. */
struct bl_dhcp4_request {
	__be32 requested_ip, server_id;
	__u8 type;
};

static __always_inline void bl_dhcp4_options(struct __sk_buff *skb, __u32 offset,
					     struct bl_dhcp4_request *request)
{
	for (int i = 0; i < BL_DHCP4_OPTIONS_MAX; i++) {
		__u8 option[2]; /* code, length */

		if (bpf_skb_load_bytes(skb, offset, option, 1) || option[0] == BL_DHCP4_OPT_END)
			return;
		if (option[0] == BL_DHCP4_OPT_PAD) {
			offset++;
			continue;
		}
		if (bpf_skb_load_bytes(skb, offset, option, 2))
			return;
		offset += 2;
		if (option[0] == BL_DHCP4_OPT_TYPE && option[1] == 1)
			bpf_skb_load_bytes(skb, offset, &request->type, 1);
		else if (option[0] == BL_DHCP4_OPT_REQUESTED_IP && option[1] == 4)
			bpf_skb_load_bytes(skb, offset, &request->requested_ip, 4);
		else if (option[0] == BL_DHCP4_OPT_SERVER_ID && option[1] == 4)
			bpf_skb_load_bytes(skb, offset, &request->server_id, 4);
		offset += option[1];
	}
}

/* RFC 2131 4.3: the type of the answer, 0 when none is due. */
static __always_inline __u8 bl_dhcp4_decide(const struct bl_dhcp4_request *request, __be32 ciaddr,
					    const struct bl_endpoint *ep)
{
	__be32 wanted = request->requested_ip ? request->requested_ip : ciaddr;
	bool has_address = ep->flags & BL_EP_HAS_V4;

	switch (request->type) {
	case BL_DHCP4_DISCOVER:
		return has_address ? BL_DHCP4_OFFER : 0;
	case BL_DHCP4_REQUEST:
		if (request->server_id && request->server_id != ep->dhcp_server4.words[3])
			return 0; /* the guest chose another server: there is none, let it ask again */
		return has_address && wanted == ep->guest4.words[3] ? BL_DHCP4_ACK : BL_DHCP4_NAK;
	case BL_DHCP4_INFORM:
		return BL_DHCP4_ACK;
	default:
		return 0;
	}
}

static __always_inline void bl_dhcp4_fill(struct bl_dhcp4_answer *answer,
					  const struct bl_endpoint *ep, __u8 type, bool inform)
{
	struct bl_bootp *bootp = &answer->bootp;

	bootp->op = 2; /* BOOTREPLY */
	bootp->hops = 0;
	bootp->secs = 0;
	bootp->siaddr = 0;
	bootp->yiaddr = type == BL_DHCP4_NAK || inform ? 0 : ep->guest4.words[3];
	if (type == BL_DHCP4_NAK)
		bootp->ciaddr = 0;
	__builtin_memset(bootp->sname, 0, sizeof(bootp->sname));
	__builtin_memset(bootp->file, 0, sizeof(bootp->file));
	bootp->cookie = bpf_htonl(BL_DHCP4_COOKIE);

	__builtin_memset(&answer->head, 0, sizeof(answer->head));
	answer->head.type[0] = BL_DHCP4_OPT_TYPE;
	answer->head.type[1] = 1;
	answer->head.type[2] = type;
	answer->head.server_id[0] = BL_DHCP4_OPT_SERVER_ID;
	answer->head.server_id[1] = 4;
	__builtin_memcpy(&answer->head.server_id[2], &ep->dhcp_server4.words[3], 4);
	if (type == BL_DHCP4_NAK)
		answer->head.last = BL_DHCP4_OPT_END;
}

static __always_inline void bl_dhcp4_fill_ip(struct bl_dhcp4_answer *answer,
					     const struct bl_endpoint *ep, __u8 type, __u32 len)
{
	struct bl_bootp *bootp = &answer->bootp;
	struct iphdr *ip = &answer->ip;
	__be32 to = bpf_htonl(0xffffffff);

	/* RFC 2131 4.1: to the address the client has, else broadcast when it asks for that */
	if (type != BL_DHCP4_NAK && bootp->ciaddr)
		to = bootp->ciaddr;
	else if (type != BL_DHCP4_NAK && bootp->yiaddr &&
		 !(bootp->flags & bpf_htons(BL_DHCP4_BROADCAST)))
		to = bootp->yiaddr;
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->ttl = 64;
	ip->protocol = IPPROTO_UDP;
	ip->tot_len = bpf_htons(len);
	ip->saddr = ep->dhcp_server4.words[3];
	ip->daddr = to;
	ip->check = bl_csum_field(bpf_csum_diff(NULL, 0, (__be32 *)ip, sizeof(*ip), 0), false);
	answer->udp.source = bpf_htons(BL_DHCP4_SERVER);
	answer->udp.dest = bpf_htons(BL_DHCP4_CLIENT);
	answer->udp.len = bpf_htons(len - sizeof(*ip));
	answer->udp.check = 0;
}

static __always_inline void bl_dhcp4_checksum(struct bl_dhcp4_answer *answer, __u16 blob_sum,
					      bool partial)
{
	struct bl_addr src = bl_addr_v4(answer->ip.saddr), dst = bl_addr_v4(answer->ip.daddr);
	__u64 sum = bl_csum_pseudo(&src, &dst, bpf_ntohs(answer->udp.len), IPPROTO_UDP);
	__u16 field;

	if (!partial) {
		sum += blob_sum;
		sum += bpf_csum_diff(NULL, 0, (__be32 *)&answer->udp,
				     sizeof(*answer) - sizeof(answer->ip), 0);
	}
	field = bl_csum_field(sum, partial);
	answer->udp.check = field || partial ? field : 0xffff;
}

static __always_inline int bl_dhcp4_write(struct __sk_buff *skb, struct bl_dhcp4_answer *answer,
					  const struct bl_endpoint *ep, const struct bl_blob *blob)
{
	__u32 blob_len = answer->head.last == BL_DHCP4_OPT_END ? 0 : blob->len;
	struct ethhdr eth;

	if (bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)))
		return -1;
	bl_mac_copy(eth.h_dest, eth.h_source);
	bl_mac_copy(eth.h_source, ep->router_mac);
	if (bpf_skb_change_tail(skb, sizeof(eth) + sizeof(*answer) + blob_len, 0) ||
	    bpf_skb_store_bytes(skb, 0, &eth, sizeof(eth), 0) ||
	    bpf_skb_store_bytes(skb, sizeof(eth), answer, sizeof(*answer), 0))
		return -1;
	return blob_len ? bl_store(skb, sizeof(eth) + sizeof(*answer), blob->bytes, blob_len,
				   BL_BLOB_MAX)
			: 0;
}

/* 0: the answer stands in skb; 1: none is due; negative: it could not be written. */
static __noinline int bl_dhcp4_answer(struct __sk_buff *skb, __u32 endpoint)
{
	const struct bl_endpoint *ep = bpf_map_lookup_elem(&bl_endpoints, &endpoint);
	const struct bl_lease *lease = bpf_map_lookup_elem(&bl_leases, &endpoint);
	struct bl_dhcp4_request request = {};
	struct bl_dhcp4_answer answer;
	__u32 len = sizeof(answer);
	__be32 lease_s;
	bool inform;
	__u8 type;

	if (!ep || !lease ||
	    bpf_skb_load_bytes(skb, ETH_HLEN, &answer, sizeof(answer) - sizeof(answer.head)))
		return 1;
	if (answer.bootp.op != 1 || answer.bootp.hlen != ETH_ALEN ||
	    answer.bootp.cookie != bpf_htonl(BL_DHCP4_COOKIE))
		return 1;
	bl_dhcp4_options(skb, ETH_HLEN + sizeof(answer) - sizeof(answer.head), &request);
	inform = request.type == BL_DHCP4_INFORM;
	type = bl_dhcp4_decide(&request, answer.bootp.ciaddr, ep);
	if (!type)
		return 1;
	bl_dhcp4_fill(&answer, ep, type, inform);
	if (type != BL_DHCP4_NAK) {
		len += lease->dhcp4.len;
		if (!inform) {
			lease_s = bpf_htonl(lease->lease_s);
			answer.head.lease_time[0] = BL_DHCP4_OPT_LEASE_TIME;
			answer.head.lease_time[1] = 4;
			__builtin_memcpy(&answer.head.lease_time[2], &lease_s, 4);
		}
	}
	bl_dhcp4_fill_ip(&answer, ep, type, len);
	bl_dhcp4_checksum(&answer, type == BL_DHCP4_NAK ? 0 : lease->dhcp4.sum,
			  bl_csum_is_partial(skb));
	return bl_dhcp4_write(skb, &answer, ep, &lease->dhcp4);
}
