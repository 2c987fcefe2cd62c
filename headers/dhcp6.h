/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The DHCPv6 server of one guest (RFC 8415): one identity association with one address. As with
 * DHCPv4 the answer is written over the request and the UDP header stays where it is.
 *
 * An answer is: message header, server identifier, [rapid commit,] [identity association,] [status,]
 * client identifier, and the agent's blob (DNS). All before the client identifier is of even length,
 * which keeps the checksum's arithmetic simple; the client identifier may be odd.
 */
#pragma once

#include <linux/ipv6.h>
#include <linux/udp.h>

#include "csum.h"
#include "guard.h"
#include "maps.h"
#include "pkt.h"

#define BL_DHCP6_OPTIONS_MAX 20
#define BL_DHCP6_DUID_MAX    130
#define BL_DHCP6_OFFSET      (ETH_HLEN + sizeof(struct ipv6hdr) + sizeof(struct udphdr))

enum bl_dhcp6_type {
	BL_DHCP6_SOLICIT = 1,
	BL_DHCP6_ADVERTISE,
	BL_DHCP6_REQUEST,
	BL_DHCP6_CONFIRM,
	BL_DHCP6_RENEW,
	BL_DHCP6_REBIND,
	BL_DHCP6_REPLY,
	BL_DHCP6_RELEASE,
	BL_DHCP6_DECLINE,
	BL_DHCP6_INFORMATION = 11,
};

enum bl_dhcp6_option {
	BL_DHCP6_OPT_CLIENT_ID = 1,
	BL_DHCP6_OPT_SERVER_ID = 2,
	BL_DHCP6_OPT_IA_NA = 3,
	BL_DHCP6_OPT_IA_ADDR = 5,
	BL_DHCP6_OPT_STATUS = 13,
	BL_DHCP6_OPT_RAPID_COMMIT = 14,
};

enum bl_dhcp6_status { BL_DHCP6_SUCCESS = 0, BL_DHCP6_NOT_ON_LINK = 4 };

struct bl_dhcp6_opt {
	__be16 code, len;
};

struct bl_dhcp6_ia {
	struct bl_dhcp6_opt ia;
	__be32 iaid, t1, t2;
	struct bl_dhcp6_opt ia_addr;
	struct bl_addr addr;
	__be32 preferred, valid;
} __attribute__((packed));

/* What a request says. */
struct bl_dhcp6_request {
	__be32 head; /* message type and transaction id */
	__be32 iaid;
	struct bl_addr asked; /* first address in the IA, zero when none */
	__u32 client_id_len;  /* of the option's body; 0: none */
	bool has_ia, rapid_commit;
	bool names_server, names_us;
	/* option header and body, padded with zeroes for the checksum */
	__u8 client_id[sizeof(struct bl_dhcp6_opt) + BL_DHCP6_DUID_MAX + 2]
		__attribute__((aligned(4)));
};

/* Where the writing of the answer stands. */
struct bl_dhcp6_cursor {
	__u64 sum;
	__u32 offset; /* in the frame */
};

static __always_inline bool bl_dhcp6_is_us(struct __sk_buff *skb, __u32 at, __u32 len,
					   const struct bl_lease *lease)
{
	__u8 duid[BL_DUID_LEN];
	__u8 differs = 0;

	if (len != sizeof(duid) || bpf_skb_load_bytes(skb, at, duid, sizeof(duid)))
		return false;
	for (int i = 0; i < BL_DUID_LEN; i++)
		differs |= duid[i] ^ lease->server_duid[i];
	return !differs;
}

static __always_inline void bl_dhcp6_read_ia(struct __sk_buff *skb, __u32 at, __u32 len,
					     struct bl_dhcp6_request *request)
{
	struct bl_dhcp6_ia ia;

	if (request->has_ia || bpf_skb_load_bytes(skb, at, &request->iaid, sizeof(request->iaid)))
		return;
	request->has_ia = true;
	if (len >= sizeof(ia) - sizeof(ia.ia) &&
	    !bpf_skb_load_bytes(skb, at - sizeof(ia.ia), &ia, sizeof(ia)) &&
	    ia.ia_addr.code == bpf_htons(BL_DHCP6_OPT_IA_ADDR))
		__builtin_memcpy(&request->asked, &ia.addr, sizeof(ia.addr));
}

static __always_inline void bl_dhcp6_read(struct __sk_buff *skb, const struct bl_lease *lease,
					  struct bl_dhcp6_request *request)
{
	__u32 offset = BL_DHCP6_OFFSET + sizeof(request->head);

	for (int i = 0; i < BL_DHCP6_OPTIONS_MAX; i++) {
		struct bl_dhcp6_opt opt;
		__u32 at = offset + sizeof(opt), len;

		if (bpf_skb_load_bytes(skb, offset, &opt, sizeof(opt)))
			return;
		len = bpf_ntohs(opt.len);
		switch (bpf_ntohs(opt.code)) {
		case BL_DHCP6_OPT_CLIENT_ID:
			if (bl_load(skb, at, request->client_id + sizeof(opt), len,
				    BL_DHCP6_DUID_MAX))
				return;
			request->client_id_len = len;
			__builtin_memcpy(request->client_id, &opt, sizeof(opt));
			break;
		case BL_DHCP6_OPT_SERVER_ID:
			request->names_server = true;
			request->names_us = bl_dhcp6_is_us(skb, at, len, lease);
			break;
		case BL_DHCP6_OPT_IA_NA:
			bl_dhcp6_read_ia(skb, at, len, request);
			break;
		case BL_DHCP6_OPT_RAPID_COMMIT:
			request->rapid_commit = true;
		}
		offset = at + len;
	}
}

/* RFC 8415 section 18.3: the type of the answer, 0 when none is due. */
static __always_inline __u8 bl_dhcp6_decide(const struct bl_dhcp6_request *request, __u8 type)
{
	switch (type) {
	case BL_DHCP6_SOLICIT:
		if (request->names_server)
			return 0;
		return request->rapid_commit ? BL_DHCP6_REPLY : BL_DHCP6_ADVERTISE;
	case BL_DHCP6_CONFIRM:
	case BL_DHCP6_REBIND:
		return request->names_server ? 0 : BL_DHCP6_REPLY;
	case BL_DHCP6_REQUEST:
	case BL_DHCP6_RENEW:
	case BL_DHCP6_RELEASE:
	case BL_DHCP6_DECLINE:
		return request->names_us ? BL_DHCP6_REPLY : 0;
	case BL_DHCP6_INFORMATION:
		return request->names_server && !request->names_us ? 0 : BL_DHCP6_REPLY;
	default:
		return 0;
	}
}

/* Appends a piece of even length. */
static __always_inline int bl_dhcp6_put(struct __sk_buff *skb, struct bl_dhcp6_cursor *cursor,
					void *bytes, __u32 len, __u32 sum)
{
	cursor->sum += sum;
	if (bpf_skb_store_bytes(skb, cursor->offset, bytes, len, 0))
		return -1;
	cursor->offset += len;
	return 0;
}

#define BL_DHCP6_PUT(skb, cursor, piece)                   \
	bl_dhcp6_put(skb, cursor, &(piece), sizeof(piece), \
		     bpf_csum_diff(NULL, 0, (__be32 *)&(piece), sizeof(piece), 0))

static __always_inline int bl_dhcp6_put_server_id(struct __sk_buff *skb,
						  struct bl_dhcp6_cursor *cursor,
						  const struct bl_lease *lease)
{
	/* two more bytes, zero, for a sum over whole words */
	struct {
		struct bl_dhcp6_opt opt;
		__u8 duid[BL_DUID_LEN];
		__u8 pad[2];
	} id = {.opt = {bpf_htons(BL_DHCP6_OPT_SERVER_ID), bpf_htons(BL_DUID_LEN)}};

	__builtin_memcpy(id.duid, lease->server_duid, BL_DUID_LEN);
	return bl_dhcp6_put(skb, cursor, &id, sizeof(id) - sizeof(id.pad),
			    bpf_csum_diff(NULL, 0, (__be32 *)&id, sizeof(id), 0));
}

static __always_inline int bl_dhcp6_put_ia(struct __sk_buff *skb, struct bl_dhcp6_cursor *cursor,
					   const struct bl_dhcp6_request *request,
					   const struct bl_endpoint *ep, __u32 lease_s)
{
	struct bl_dhcp6_ia ia = {
		.ia = {bpf_htons(BL_DHCP6_OPT_IA_NA), bpf_htons(sizeof(ia) - sizeof(ia.ia))},
		.iaid = request->iaid,
		.t1 = bpf_htonl(lease_s / 2),
		.t2 = bpf_htonl(lease_s / 5 * 4),
		.ia_addr = {bpf_htons(BL_DHCP6_OPT_IA_ADDR),
			    bpf_htons(sizeof(ia.addr) + sizeof(ia.preferred) + sizeof(ia.valid))},
		.preferred = bpf_htonl(lease_s),
		.valid = bpf_htonl(lease_s),
	};

	__builtin_memcpy(&ia.addr, &ep->guest6, sizeof(ia.addr));
	return BL_DHCP6_PUT(skb, cursor, ia);
}

static __always_inline int bl_dhcp6_put_status(struct __sk_buff *skb,
					       struct bl_dhcp6_cursor *cursor,
					       enum bl_dhcp6_status status)
{
	/* without text; two more bytes, zero, for a sum over whole words */
	struct {
		struct bl_dhcp6_opt opt;
		__be16 status, pad;
	} option = {.opt = {bpf_htons(BL_DHCP6_OPT_STATUS), bpf_htons(2)},
		    .status = bpf_htons(status)};

	return bl_dhcp6_put(skb, cursor, &option, sizeof(option) - sizeof(option.pad),
			    bpf_csum_diff(NULL, 0, (__be32 *)&option, sizeof(option), 0));
}

/* The client identifier as it came, and the blob; either may be of odd length. */
static __always_inline int bl_dhcp6_put_tail(struct __sk_buff *skb, struct bl_dhcp6_cursor *cursor,
					     struct bl_dhcp6_request *request,
					     const struct bl_blob *blob)
{
	__u32 len = request->client_id_len + sizeof(struct bl_dhcp6_opt);

	if (request->client_id_len) {
		if (bl_store(skb, cursor->offset, request->client_id, len,
			     sizeof(struct bl_dhcp6_opt) + BL_DHCP6_DUID_MAX))
			return -1;
		cursor->sum += bpf_csum_diff(NULL, 0, (__be32 *)request->client_id,
					     sizeof(request->client_id), 0);
		cursor->offset += len;
	}
	if (!blob->len)
		return 0;
	cursor->sum += bl_csum_at(blob->sum, cursor->offset);
	if (bl_store(skb, cursor->offset, blob->bytes, blob->len, BL_BLOB_MAX))
		return -1;
	cursor->offset += blob->len;
	return 0;
}

/* Writes what stands before the client identifier. */
static __always_inline int bl_dhcp6_put_body(struct __sk_buff *skb, struct bl_dhcp6_cursor *cursor,
					     struct bl_dhcp6_request *request,
					     const struct bl_endpoint *ep,
					     const struct bl_lease *lease)
{
	__u8 type = bpf_ntohl(request->head) >> 24;
	__be32 head = (request->head & bpf_htonl(0xffffff)) |
		      bpf_htonl((__u32)bl_dhcp6_decide(request, type) << 24);
	struct bl_dhcp6_opt rapid = {bpf_htons(BL_DHCP6_OPT_RAPID_COMMIT), 0};
	bool settled = type == BL_DHCP6_RELEASE || type == BL_DHCP6_DECLINE;

	if (BL_DHCP6_PUT(skb, cursor, head) || bl_dhcp6_put_server_id(skb, cursor, lease))
		return -1;
	if (type == BL_DHCP6_SOLICIT && request->rapid_commit && BL_DHCP6_PUT(skb, cursor, rapid))
		return -1;
	if (type == BL_DHCP6_CONFIRM)
		return bl_dhcp6_put_status(skb, cursor,
					   bl_addr_eq(&request->asked, &ep->guest6)
						   ? BL_DHCP6_SUCCESS
						   : BL_DHCP6_NOT_ON_LINK);
	if (settled)
		return bl_dhcp6_put_status(skb, cursor, BL_DHCP6_SUCCESS);
	if (request->has_ia && type != BL_DHCP6_INFORMATION)
		return bl_dhcp6_put_ia(skb, cursor, request, ep, lease->lease_s);
	return 0;
}

/* Ethernet, IPv6 and UDP around a payload that ends at cursor->offset. */
static __always_inline int bl_dhcp6_put_headers(struct __sk_buff *skb,
						const struct bl_dhcp6_cursor *cursor,
						const struct bl_endpoint *ep)
{
	struct {
		struct ethhdr eth;
		struct ipv6hdr ip;
		struct udphdr udp;
	} __attribute__((packed)) head;
	bool partial = bl_csum_is_partial(skb);
	struct bl_addr dst;
	__u32 len = cursor->offset - ETH_HLEN - sizeof(head.ip);
	__u64 sum;
	__u16 field;

	if (bpf_skb_load_bytes(skb, 0, &head, sizeof(head)))
		return -1;
	bl_mac_copy(head.eth.h_dest, head.eth.h_source);
	bl_mac_copy(head.eth.h_source, ep->router_mac);
	__builtin_memcpy(&dst, &head.ip.saddr, sizeof(dst));
	__builtin_memcpy(&head.ip.daddr, &dst, sizeof(dst));
	__builtin_memcpy(&head.ip.saddr, &ep->router6, sizeof(dst));
	head.ip.hop_limit = 64;
	head.ip.payload_len = bpf_htons(len);
	head.udp.source = bpf_htons(BL_DHCP6_SERVER);
	head.udp.dest = bpf_htons(BL_DHCP6_CLIENT);
	head.udp.len = bpf_htons(len);
	head.udp.check = 0;
	sum = bl_csum_pseudo(&ep->router6, &dst, len, IPPROTO_UDP);
	if (!partial)
		sum += cursor->sum +
		       bpf_csum_diff(NULL, 0, (__be32 *)&head.udp, sizeof(head.udp), 0);
	field = bl_csum_field(sum, partial);
	head.udp.check = field || partial ? field : 0xffff;
	return bpf_skb_store_bytes(skb, 0, &head, sizeof(head), 0);
}

/* 0: the answer stands in skb; 1: none is due; negative: it could not be written. */
static __noinline int bl_dhcp6_answer(struct __sk_buff *skb, __u32 endpoint)
{
	const struct bl_endpoint *ep = bpf_map_lookup_elem(&bl_endpoints, &endpoint);
	const struct bl_lease *lease = bpf_map_lookup_elem(&bl_leases, &endpoint);
	struct bl_dhcp6_cursor cursor = {.offset = BL_DHCP6_OFFSET};
	struct bl_dhcp6_request request = {};

	if (!ep || !lease || !(ep->flags & BL_EP_HAS_V6) ||
	    bpf_skb_load_bytes(skb, BL_DHCP6_OFFSET, &request.head, sizeof(request.head)))
		return 1;
	bl_dhcp6_read(skb, lease, &request);
	if (!bl_dhcp6_decide(&request, bpf_ntohl(request.head) >> 24))
		return 1;
	/* room for the longest answer first, then cut to what was written */
	if (bpf_skb_change_tail(skb, BL_DHCP6_OFFSET + 256 + BL_BLOB_MAX, 0) ||
	    bl_dhcp6_put_body(skb, &cursor, &request, ep, lease) ||
	    bl_dhcp6_put_tail(skb, &cursor, &request, &lease->dhcp6) ||
	    bpf_skb_change_tail(skb, cursor.offset, 0))
		return -1;
	return bl_dhcp6_put_headers(skb, &cursor, ep);
}
