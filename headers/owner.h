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

#include "connection.h"
#include "pkt.h"

#define BL_SCTP_HEADER 12 /* in front of the first chunk, whose first byte is its type */
#define BL_SCTP_INIT   1

static __always_inline const struct bl_addr *bl_pod_addr(const struct bl_pkt *pkt)
{
	return pkt->family == BL_V6 ? &pkt->ep->pod6 : &pkt->ep->pod4;
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

/* Is the port in one of the endpoint's ranges? A global function, as the verifier goes through its loop
 * once then, and not once more for each way in which a packet can be parsed. */
__noinline int bl_in_ranges(__u32 endpoint, __u32 protocol, __u32 port)
{
	const struct bl_endpoint *ep = bpf_map_lookup_elem(&bl_endpoints, &endpoint);

	for (int i = 0; ep && i < BL_PORTS_MAX; i++) {
		const struct bl_port_range *range = &ep->ports[i];

		if (i >= ep->n_ports)
			break;
		if (range->protocol == protocol && port >= range->first && port <= range->last)
			return true;
	}
	return false;
}

/* May a new connection come in? Ports are an allow list for what has ports. */
static __always_inline bool bl_port_is_declared(const struct bl_pkt *pkt, __u8 protocol,
						__be16 local_port)
{
	return !(pkt->ep->flags & BL_EP_PORTS) || protocol == IPPROTO_ICMP ||
	       protocol == IPPROTO_ICMPV6 ||
	       bl_in_ranges(pkt->endpoint, protocol, bpf_ntohs(local_port));
}

/* Is this how a connection begins, as far as the protocol shows it? SYN alone, or SCTP's INIT. */
static __always_inline bool bl_opens(struct __sk_buff *skb, const struct bl_pkt *pkt)
{
	__u8 chunk = 0;

	switch (pkt->protocol) {
	case IPPROTO_TCP:
		return bl_is_syn(pkt);
	case IPPROTO_SCTP:
		bpf_skb_load_bytes(skb, pkt->l4 + BL_SCTP_HEADER, &chunk, 1);
		return chunk == BL_SCTP_INIT;
	default:
		return true;
	}
}

static __always_inline enum bl_verdict bl_pods_own(struct bl_pkt *pkt)
{
	pkt->reason = BL_REASON_POD_OWN;
	return BL_PASS;
}

/* To the VM, behind conntrack: BL_GO_ON when the packet is the guest's. */
static __always_inline enum bl_verdict bl_masq_owner(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	bool pod = pkt->ct ? pkt->ct->owner == BL_CT_POD : bl_pod_listens(skb, pkt);

	if (pod) {
		bl_remember(skb, pkt, BL_CT_POD, 0, 0);
		return bl_pods_own(pkt);
	}
	if (pkt->ct || bl_port_is_declared(pkt, pkt->tuple.protocol, pkt->tuple.local_port))
		return BL_GO_ON;
	if (!bl_opens(skb, pkt))
		return bl_drop(pkt, BL_REASON_UNKNOWN_CT);
	pkt->reason = BL_REASON_PORT_CLOSED;
	return BL_PASS;
}
