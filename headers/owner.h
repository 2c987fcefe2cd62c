/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stage owner of masquerade: whose is a connection, the guest's or the pod's own? One address serves
 * both. The pod keeps what it opened itself and what it listens on; the rest is the guest's, as far as
 * the manifest's ports let it in. An ICMP error belongs to the connection that it quotes, a later
 * fragment to the one of its first.
 *
 * An entry can be lost: evicted, or with its share. What then comes for an undeclared port may belong
 * to a connection of the guest that lives, and the pod's kernel, which knows none, would end it. So
 * only what opens a connection is left to the pod; the rest is dropped, its sender repeats it, and
 * the guest's next packet makes the entry again. UDP cannot be told apart so: there it is left.
 */
#pragma once

#include <linux/ip.h>
#include <linux/ipv6.h>

#include "conntrack.h"
#include "nd.h"
#include "parse.h"
#include "pkt.h"

#define BL_SCTP_HEADER 12 /* in front of the first chunk, whose first byte is its type */
#define BL_SCTP_INIT   1

static __always_inline const struct bl_addr *bl_pod_addr(const struct bl_pkt *pkt)
{
	return pkt->family == BL_V6 ? &pkt->ep->pod6 : &pkt->ep->pod4;
}

/* ---- what a packet belongs to ---------------------------------------------------------------- */

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

/* The pod's socket for what goes from src to dst, with the packet's ports; NULL: none. To be
 * released. */
static __always_inline struct bpf_sock *bl_pod_socket(struct __sk_buff *skb,
						      const struct bl_pkt *pkt,
						      const struct bl_addr *src,
						      const struct bl_addr *dst)
{
	struct bpf_sock_tuple tuple = {};
	__u32 size;

	if (pkt->family == BL_V6) {
		__builtin_memcpy(tuple.ipv6.saddr, src, sizeof(*src));
		__builtin_memcpy(tuple.ipv6.daddr, dst, sizeof(*dst));
		tuple.ipv6.sport = pkt->sport;
		tuple.ipv6.dport = pkt->dport;
		size = sizeof(tuple.ipv6);
	} else {
		tuple.ipv4.saddr = src->words[3];
		tuple.ipv4.daddr = dst->words[3];
		tuple.ipv4.sport = pkt->sport;
		tuple.ipv4.dport = pkt->dport;
		size = sizeof(tuple.ipv4);
	}
	if (pkt->protocol == IPPROTO_TCP)
		return bpf_skc_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (pkt->protocol == IPPROTO_UDP)
		return bpf_sk_lookup_udp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	return NULL;
}

/* Is a socket of the pod bound to where this goes? Only new connections ask. */
static __always_inline bool bl_pod_listens(struct __sk_buff *skb, const struct bl_pkt *pkt)
{
	struct bpf_sock *sk = bl_pod_socket(skb, pkt, &pkt->src, &pkt->dst);

	if (!sk)
		return false;
	bpf_sk_release(sk);
	return true;
}

/* Does a socket of the pod that called from this address wait for the packet there? */
static __always_inline bool bl_pod_called(struct __sk_buff *skb, const struct bl_pkt *pkt,
					  const struct bl_addr *loopback)
{
	struct bpf_sock *sk = bl_pod_socket(skb, pkt, loopback, loopback);
	bool called;

	if (!sk)
		return false;
	called = sk->state != BPF_TCP_LISTEN;
	bpf_sk_release(sk);
	return called;
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

/* Is this how a connection begins, as far as the protocol shows it? SYN alone, or SCTP's INIT. */
static __always_inline bool bl_opens(struct __sk_buff *skb, const struct bl_pkt *pkt)
{
	__u8 chunk = 0;

	switch (pkt->protocol) {
	case IPPROTO_TCP:
		return (pkt->tcp_flags & (BL_TCP_SYN | BL_TCP_ACK)) == BL_TCP_SYN;
	case IPPROTO_SCTP:
		bpf_skb_load_bytes(skb, pkt->l4 + BL_SCTP_HEADER, &chunk, 1);
		return chunk == BL_SCTP_INIT;
	default:
		return true;
	}
}

static __always_inline void bl_ct_remember_fragment(struct __sk_buff *skb, const struct bl_pkt *pkt,
						    enum bl_ct_owner owner, __u32 now)
{
	struct bl_ct_tuple tuple = {.remote = pkt->src, .protocol = pkt->protocol};

	if (!(pkt->flags & BL_PKT_FRAGMENT) || (pkt->flags & BL_PKT_NO_L4))
		return;
	bl_ct_fragment_id(skb, pkt, &tuple);
	bl_ct_remember(pkt, &tuple, owner, now);
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
			if (!bl_opens(skb, pkt))
				return bl_drop(pkt, BL_REASON_UNKNOWN_CT);
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
	bl_ct_remember(pkt, &tuple, owner, now);
}
