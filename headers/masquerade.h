/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stage translation of masquerade: the guest's private address is the pod's, one to one, for every
 * protocol. No port is ever rewritten, so translation itself needs no state: a constant is added to
 * a checksum. State (conntrack.h) only tells whose a connection is where the pod has some of its
 * own, or where the manifest's ports are an allow list.
 *
 * Errors (ICMP) quote the packet that they are about: the address inside is translated too. The
 * quoted transport checksum stays as it was, as nobody can verify it on a truncated packet.
 */
#pragma once

#include <linux/ip.h>
#include <linux/ipv6.h>

#include "conntrack.h"
#include "csum.h"
#include "forward.h"
#include "nexthop.h"
#include "parse.h"
#include "pkt.h"

/* Tells bl_masq_pod_out that a packet that the kernel resolved a neighbour for is the guest's. */
#define BL_MARK_GUEST 0x626c /* "bl" */

#define BL_ICMP4_ECHO_REPLY 0
#define BL_ICMP4_ECHO       8
#define BL_ICMP6_ECHO       128
#define BL_ICMP6_ECHO_REPLY 129
#define BL_ICMP_HEADER      8
#define BL_NO_CHECKSUM      0xffffffff

static __always_inline const struct bl_addr *bl_guest_addr(const struct bl_pkt *pkt)
{
	return pkt->family == BL_V6 ? &pkt->ep->guest6 : &pkt->ep->guest4;
}

static __always_inline const struct bl_addr *bl_pod_addr(const struct bl_pkt *pkt)
{
	return pkt->family == BL_V6 ? &pkt->ep->pod6 : &pkt->ep->pod4;
}

/* ---- what a packet belongs to ---------------------------------------------------------------- */

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

/* The ports in the order of a packet; for an echo its identifier in both. */
static __always_inline void bl_ct_ports(struct __sk_buff *skb, const struct bl_pkt *pkt,
					__be16 *source, __be16 *dest)
{
	*source = pkt->sport;
	*dest = pkt->dport;
	if (bl_is_echo(pkt) && !bpf_skb_load_bytes(skb, pkt->l4 + 4, source, 2))
		*dest = *source;
}

/* The datagram that a fragment is of, by its id. */
static __always_inline void bl_ct_fragment_id(struct __sk_buff *skb, const struct bl_pkt *pkt,
					      struct bl_ct_tuple *tuple)
{
	__be16 id[2] = {};

	/* IPv6: the fragment header is the last one before l4, its id the last four bytes */
	if (pkt->family == BL_V6)
		bpf_skb_load_bytes(skb, pkt->l4 - 4, id, 4);
	else
		bpf_skb_load_bytes(skb, pkt->l3 + 4, id, 2);
	tuple->remote_port = id[0];
	tuple->local_port = id[1];
	tuple->fragment = 1;
}

/* An error's tuple is that of the packet it quotes, turned round. False: nothing legible inside. */
static __always_inline bool bl_ct_quoted(struct __sk_buff *skb, const struct bl_pkt *pkt,
					 struct bl_ct_tuple *tuple)
{
	__u32 inner = pkt->l4 + BL_ICMP_HEADER, l4;
	__be16 ports[2];

	if (pkt->family == BL_V6) {
		struct ipv6hdr ip;

		if (bpf_skb_load_bytes(skb, inner, &ip, sizeof(ip)))
			return false;
		__builtin_memcpy(&tuple->remote, &ip.daddr, sizeof(tuple->remote));
		tuple->protocol = ip.nexthdr;
		l4 = inner + sizeof(ip);
	} else {
		struct iphdr ip;

		if (bpf_skb_load_bytes(skb, inner, &ip, sizeof(ip)))
			return false;
		tuple->remote = bl_addr_v4(ip.daddr);
		tuple->protocol = ip.protocol;
		l4 = inner + ip.ihl * 4;
	}
	if (tuple->protocol == IPPROTO_ICMP || tuple->protocol == IPPROTO_ICMPV6) {
		if (bpf_skb_load_bytes(skb, l4 + 4, ports, 2))
			return false;
		ports[1] = ports[0];
	} else if (bpf_skb_load_bytes(skb, l4, ports, 4)) {
		return false;
	}
	tuple->local_port = ports[0];
	tuple->remote_port = ports[1];
	return true;
}

static __always_inline void bl_ct_tuple_in(struct __sk_buff *skb, const struct bl_pkt *pkt,
					   struct bl_ct_tuple *tuple)
{
	tuple->remote = pkt->src;
	tuple->protocol = pkt->protocol;
	if (bl_is_icmp_error(pkt) && bl_ct_quoted(skb, pkt, tuple))
		return;
	if (pkt->flags & BL_PKT_NO_L4)
		bl_ct_fragment_id(skb, pkt, tuple);
	else
		bl_ct_ports(skb, pkt, &tuple->remote_port, &tuple->local_port);
}

static __always_inline void bl_ct_tuple_out(struct __sk_buff *skb, const struct bl_pkt *pkt,
					    struct bl_ct_tuple *tuple)
{
	tuple->remote = pkt->dst;
	tuple->protocol = pkt->protocol;
	bl_ct_ports(skb, pkt, &tuple->local_port, &tuple->remote_port);
}

/* ---- whose it is ----------------------------------------------------------------------------- */

/* Is a socket of the pod bound to where this goes? Only new connections ask. */
static __always_inline bool bl_pod_listens(struct __sk_buff *skb, const struct bl_pkt *pkt)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;
	__u32 size;

	if (pkt->family == BL_V6) {
		__builtin_memcpy(tuple.ipv6.saddr, &pkt->src, sizeof(pkt->src));
		__builtin_memcpy(tuple.ipv6.daddr, &pkt->dst, sizeof(pkt->dst));
		tuple.ipv6.sport = pkt->sport;
		tuple.ipv6.dport = pkt->dport;
		size = sizeof(tuple.ipv6);
	} else {
		tuple.ipv4.saddr = pkt->src.words[3];
		tuple.ipv4.daddr = pkt->dst.words[3];
		tuple.ipv4.sport = pkt->sport;
		tuple.ipv4.dport = pkt->dport;
		size = sizeof(tuple.ipv4);
	}
	if (pkt->protocol == IPPROTO_TCP)
		sk = bpf_skc_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	else if (pkt->protocol == IPPROTO_UDP)
		sk = bpf_sk_lookup_udp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	else
		return false;
	if (!sk)
		return false;
	bpf_sk_release(sk);
	return true;
}

/* May a new connection come in? Ports are an allow list for what has ports. */
static __always_inline bool bl_port_is_declared(const struct bl_pkt *pkt, __u8 protocol,
						__be16 local_port)
{
	__u32 port = bpf_ntohs(local_port);

	if (!(pkt->ep->flags & BL_EP_PORTS) || protocol == IPPROTO_ICMP ||
	    protocol == IPPROTO_ICMPV6)
		return true;
	for (int i = 0; i < BL_PORTS_MAX; i++) {
		const struct bl_port_range *range = &pkt->ep->ports[i];

		if (i >= pkt->ep->n_ports)
			break;
		if (range->protocol == protocol && port >= range->first && port <= range->last)
			return true;
	}
	return false;
}

static __always_inline void bl_ct_remember_fragment(struct __sk_buff *skb, const struct bl_pkt *pkt,
						    enum bl_ct_owner owner, __u32 now)
{
	struct bl_ct_tuple tuple = {.remote = pkt->src, .protocol = pkt->protocol};

	if (!(pkt->flags & BL_PKT_FRAGMENT) || (pkt->flags & BL_PKT_NO_L4))
		return;
	bl_ct_fragment_id(skb, pkt, &tuple);
	if (!bl_ct_lookup(pkt, &tuple, now))
		bl_ct_insert(pkt, &tuple, owner, now);
}

/* Stage conntrack, to the VM: BL_GO_ON when the packet is the guest's. */
static __always_inline enum bl_verdict bl_masq_owner(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	enum bl_ct_owner owner = BL_CT_GUEST;
	struct bl_ct_tuple tuple = {};
	__u32 now = bl_ct_now();
	struct bl_ct_entry *entry;

	if (!bl_pkt_is_ip(pkt) || (pkt->flags & BL_PKT_GROUP_MAC) ||
	    !bl_addr_eq(&pkt->dst, bl_pod_addr(pkt)) || bl_is_nd(pkt))
		return bl_pass(pkt);
	bl_ct_tuple_in(skb, pkt, &tuple);
	entry = bl_ct_lookup(pkt, &tuple, now);
	if (entry) {
		owner = entry->owner;
	} else if (tuple.fragment) {
		return bl_drop(pkt, BL_REASON_FRAG_NOT_FOUND);
	} else {
		if (bl_pod_listens(skb, pkt)) {
			owner = BL_CT_POD;
		} else if (!bl_port_is_declared(pkt, tuple.protocol, tuple.local_port)) {
			pkt->reason = BL_REASON_PORT_CLOSED;
			return BL_PASS;
		}
		if (!bl_is_icmp_error(pkt))
			bl_ct_insert(pkt, &tuple, owner, now);
	}
	bl_ct_remember_fragment(skb, pkt, owner, now);
	if (owner == BL_CT_GUEST)
		return BL_GO_ON;
	pkt->reason = BL_REASON_POD_OWN;
	return BL_PASS;
}

/* Records an outgoing connection as its owner's: the guest's where ports are an allow list, so that
 * replies come in; the pod's own always. */
static __always_inline void bl_masq_record(struct __sk_buff *skb, const struct bl_pkt *pkt,
					   enum bl_ct_owner owner)
{
	struct bl_ct_tuple tuple = {};
	__u32 now = bl_ct_now();

	if ((pkt->flags & BL_PKT_NO_L4) || bl_is_icmp_error(pkt))
		return;
	bl_ct_tuple_out(skb, pkt, &tuple);
	if (!bl_ct_lookup(pkt, &tuple, now))
		bl_ct_insert(pkt, &tuple, owner, now);
}

/* ---- translation ----------------------------------------------------------------------------- */

/* Where the transport checksum stands that covers the addresses; BL_NO_CHECKSUM when none does. */
static __always_inline __u32 bl_l4_checksum_at(const struct bl_pkt *pkt)
{
	if (pkt->flags & BL_PKT_NO_L4)
		return BL_NO_CHECKSUM;
	switch (pkt->protocol) {
	case IPPROTO_TCP:
		return pkt->l4 + 16;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
		return pkt->l4 + 6;
	case IPPROTO_ICMPV6:
		return pkt->l4 + 2;
	default:
		return BL_NO_CHECKSUM;
	}
}

/* Adds to a complemented checksum (RFC 1624 eqn. 3, with the constant worked out beforehand). */
static __always_inline __u16 bl_csum_shift(__u16 checksum, __u16 by)
{
	__u32 sum = (__u32)checksum + by;

	return (sum & 0xffff) + (sum >> 16);
}

/* by: what a complete checksum is to be shifted by; a pseudo-header sum goes the other way. */
static __always_inline bool bl_shift_l4(struct __sk_buff *skb, const struct bl_pkt *pkt, __u16 by)
{
	__u32 at = bl_l4_checksum_at(pkt);
	__u16 *field;

	if (at == BL_NO_CHECKSUM)
		return true;
	field = bl_data_at(skb, at);
	if ((void *)(field + 1) > bl_data_end(skb))
		return false;
	if (bl_csum_is_partial(skb)) {
		*field = bl_csum_shift(*field, ~by);
		return true;
	}
	if (pkt->protocol == IPPROTO_UDP && !*field)
		return true; /* sent without one */
	*field = bl_csum_shift(*field, by);
	if (pkt->protocol == IPPROTO_UDP && !*field)
		*field = 0xffff;
	return true;
}

enum bl_side { BL_SOURCE, BL_DESTINATION };

/* Puts addr in the place of the packet's source or destination, and shifts the checksums by what
 * that changes. */
static __always_inline bool bl_translate(struct __sk_buff *skb, const struct bl_pkt *pkt,
					 enum bl_side side, const struct bl_addr *addr, __u16 by)
{
	if (pkt->family == BL_V6) {
		struct ipv6hdr *ip = bl_data_at(skb, pkt->l3);

		if ((void *)(ip + 1) > bl_data_end(skb))
			return false;
		__builtin_memcpy(side == BL_SOURCE ? &ip->saddr : &ip->daddr, addr, sizeof(*addr));
	} else {
		struct iphdr *ip = bl_data_at(skb, pkt->l3);

		if ((void *)(ip + 1) > bl_data_end(skb))
			return false;
		if (side == BL_SOURCE)
			ip->saddr = addr->words[3];
		else
			ip->daddr = addr->words[3];
		ip->check = bl_csum_shift(ip->check, by);
	}
	return bl_shift_l4(skb, pkt, by);
}

/* The address inside an ICMP error. The inner IPv4 header's checksum takes up the change, so that the
 * outer ICMP checksum stays; IPv6 has none, and the ICMPv6 checksum is shifted. */
static __noinline int bl_translate_quoted(struct __sk_buff *skb, __u32 endpoint, __u32 l4,
					  __u32 to_vm)
{
	const struct bl_endpoint *ep = bpf_map_lookup_elem(&bl_endpoints, &endpoint);
	__u32 inner = l4 + BL_ICMP_HEADER, at;
	__u16 checksum, by;
	__u8 version;

	if (!ep || bpf_skb_load_bytes(skb, inner, &version, 1))
		return -1;
	if (version >> 4 == 6) {
		at = inner +
		     (to_vm ? offsetof(struct ipv6hdr, saddr) : offsetof(struct ipv6hdr, daddr));
		by = to_vm ? ~ep->delta6 : ep->delta6;
		if (bpf_skb_store_bytes(skb, at, to_vm ? &ep->guest6 : &ep->pod6,
					sizeof(struct bl_addr), 0) ||
		    bpf_skb_load_bytes(skb, l4 + 2, &checksum, 2))
			return -1;
		checksum = bl_csum_shift(checksum, by);
		return bpf_skb_store_bytes(skb, l4 + 2, &checksum, 2, 0);
	}
	at = inner + (to_vm ? offsetof(struct iphdr, saddr) : offsetof(struct iphdr, daddr));
	by = to_vm ? ~ep->delta4 : ep->delta4;
	if (bpf_skb_load_bytes(skb, inner + offsetof(struct iphdr, check), &checksum, 2))
		return -1;
	checksum = bl_csum_shift(checksum, by);
	if (bpf_skb_store_bytes(skb, inner + offsetof(struct iphdr, check), &checksum, 2, 0))
		return -1;
	return bpf_skb_store_bytes(skb, at, to_vm ? &ep->guest4.words[3] : &ep->pod4.words[3], 4,
				   0);
}

/* ---- forward --------------------------------------------------------------------------------- */

static __always_inline bool bl_write_macs(struct __sk_buff *skb, const __u8 *dmac, const __u8 *smac)
{
	struct ethhdr *eth = bl_data(skb);

	if ((void *)(eth + 1) > bl_data_end(skb))
		return false;
	bl_mac_copy(eth->h_dest, dmac);
	bl_mac_copy(eth->h_source, smac);
	return true;
}

/* To the VM: what bl_masq_owner() let through. */
static __always_inline enum bl_verdict bl_masq_to_guest(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	__u16 by = pkt->family == BL_V6 ? ~pkt->ep->delta6 : ~pkt->ep->delta4;

	if (!bl_translate(skb, pkt, BL_DESTINATION, bl_guest_addr(pkt), by) ||
	    !bl_write_macs(skb, pkt->ep->guest_mac, pkt->ep->router_mac))
		return bl_drop(pkt, BL_REASON_WRITE_ERROR);
	if (bl_is_icmp_error(pkt) && bl_translate_quoted(skb, pkt->endpoint, pkt->l4, true))
		return bl_drop(pkt, BL_REASON_INVALID);
	return BL_TO_TAP;
}

/* The guest calls its own pod's address: swapping the two addresses leaves all sums as they are. */
static __always_inline enum bl_verdict bl_masq_hairpin(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	if (!bl_write_macs(skb, pkt->ep->guest_mac, pkt->ep->router_mac))
		return bl_drop(pkt, BL_REASON_WRITE_ERROR);
	if (pkt->family == BL_V6) {
		struct ipv6hdr *ip = bl_data_at(skb, pkt->l3);

		if ((void *)(ip + 1) > bl_data_end(skb))
			return bl_drop(pkt, BL_REASON_WRITE_ERROR);
		__builtin_memcpy(&ip->saddr, &pkt->ep->pod6, sizeof(ip->saddr));
		__builtin_memcpy(&ip->daddr, &pkt->ep->guest6, sizeof(ip->daddr));
	} else {
		struct iphdr *ip = bl_data_at(skb, pkt->l3);

		if ((void *)(ip + 1) > bl_data_end(skb))
			return bl_drop(pkt, BL_REASON_WRITE_ERROR);
		ip->saddr = pkt->ep->pod4.words[3];
		ip->daddr = pkt->ep->guest4.words[3];
	}
	return BL_TO_TAP;
}

/* From the VM, behind guard, responders and MTU. */
static __always_inline enum bl_verdict bl_masq_to_wire(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	const struct bl_nexthop *hop;
	__u16 by;

	if (!bl_pkt_is_ip(pkt) || (pkt->flags & BL_PKT_GROUP_MAC) ||
	    !bl_addr_eq(&pkt->src, bl_guest_addr(pkt)))
		return bl_pass(pkt);
	if (bl_addr_eq(&pkt->dst, bl_pod_addr(pkt)))
		return bl_masq_hairpin(skb, pkt);
	if (pkt->ep->flags & BL_EP_PORTS)
		bl_masq_record(skb, pkt, BL_CT_GUEST);

	by = pkt->family == BL_V6 ? pkt->ep->delta6 : pkt->ep->delta4;
	if (!bl_translate(skb, pkt, BL_SOURCE, bl_pod_addr(pkt), by))
		return bl_drop(pkt, BL_REASON_WRITE_ERROR);
	if (bl_is_icmp_error(pkt) && bl_translate_quoted(skb, pkt->endpoint, pkt->l4, false))
		return bl_drop(pkt, BL_REASON_INVALID);

	hop = bl_nexthop(pkt, pkt->family);
	if (!hop || !hop->word || bl_is_onlink(pkt, &pkt->dst)) {
		pkt->reason = BL_REASON_RESOLVING;
		pkt->mark = BL_MARK_GUEST;
		return BL_TO_NEIGHBOUR;
	}
	if (!bl_write_macs(skb, hop->mac, pkt->ep->uplink_mac))
		return bl_drop(pkt, BL_REASON_WRITE_ERROR);
	return BL_TO_UPLINK;
}
