/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stage conntrack: which connection is a packet of? A later fragment belongs to the one of its first,
 * an ICMP error to the one that it quotes by its inner header: that is stricter than Cilium, which
 * looks at the outer addresses only. And when all stages have let a packet pass, it is remembered.
 */
#pragma once

#include <linux/ip.h>
#include <linux/ipv6.h>

#include "conntrack.h"
#include "elder.h"
#include "nd.h"
#include "parse.h"
#include "pkt.h"

/* ---- what a packet is known by ------------------------------------------------------------------- */

/* The datagram that a fragment is of, by its id. */
static __always_inline void bl_tuple_of_fragment(struct __sk_buff *skb, const struct bl_pkt *pkt,
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

/* The ports in the order of a packet; for an echo its identifier in both. */
static __always_inline void bl_tuple_ports(struct __sk_buff *skb, const struct bl_pkt *pkt,
					   __be16 *source, __be16 *dest)
{
	*source = pkt->sport;
	*dest = pkt->dport;
	if (bl_is_echo(pkt) && !bpf_skb_load_bytes(skb, pkt->l4 + 4, source, 2))
		*dest = *source;
}

/* What stands inside an error, as it was sent: its sender is whom the error is for. */
struct bl_quoted {
	struct bl_addr src, dst;
	__be16 ports[2];
	__u8 protocol;
};

/* False: nothing legible inside. */
static __always_inline bool bl_read_quoted(struct __sk_buff *skb, const struct bl_pkt *pkt,
					   struct bl_quoted *quoted)
{
	__u32 inner = pkt->l4 + BL_ICMP_HEADER, l4;

	if (pkt->family == BL_V6) {
		struct ipv6hdr ip;

		if (bpf_skb_load_bytes(skb, inner, &ip, sizeof(ip)))
			return false;
		__builtin_memcpy(&quoted->src, &ip.saddr, sizeof(quoted->src));
		__builtin_memcpy(&quoted->dst, &ip.daddr, sizeof(quoted->dst));
		quoted->protocol = ip.nexthdr;
		l4 = inner + sizeof(ip);
	} else {
		struct iphdr ip;

		if (bpf_skb_load_bytes(skb, inner, &ip, sizeof(ip)))
			return false;
		quoted->src = bl_addr_v4(ip.saddr);
		quoted->dst = bl_addr_v4(ip.daddr);
		quoted->protocol = ip.protocol;
		l4 = inner + ip.ihl * 4;
	}
	if (quoted->protocol != IPPROTO_ICMP && quoted->protocol != IPPROTO_ICMPV6)
		return !bpf_skb_load_bytes(skb, l4, quoted->ports, 4);
	if (bpf_skb_load_bytes(skb, l4 + 4, quoted->ports, 2))
		return false;
	quoted->ports[1] = quoted->ports[0];
	return true;
}

/* Out of line: errors are rare, and the stack of the programs is short. */
static __noinline int bl_tuple_of_quoted(struct __sk_buff *skb, const struct bl_pkt *pkt,
					 struct bl_ct_tuple *tuple)
{
	struct bl_quoted quoted = {};
	bool to_vm = pkt->direction == BL_TO_VM;

	if (!bl_read_quoted(skb, pkt, &quoted))
		return false;
	tuple->protocol = quoted.protocol;
	tuple->remote = to_vm ? quoted.dst : quoted.src;
	tuple->local_port = to_vm ? quoted.ports[0] : quoted.ports[1];
	tuple->remote_port = to_vm ? quoted.ports[1] : quoted.ports[0];
	return true;
}

static __always_inline void bl_tuple_of_packet(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	struct bl_ct_tuple *tuple = &pkt->tuple;

	tuple->remote = pkt->direction == BL_TO_VM ? pkt->src : pkt->dst;
	tuple->protocol = pkt->protocol;
	if (pkt->flags & BL_PKT_NO_L4)
		bl_tuple_of_fragment(skb, pkt, tuple);
	else if (pkt->direction == BL_TO_VM)
		bl_tuple_ports(skb, pkt, &tuple->remote_port, &tuple->local_port);
	else
		bl_tuple_ports(skb, pkt, &tuple->local_port, &tuple->remote_port);
}

static __always_inline void bl_tuple(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	if (!bl_is_icmp_error(pkt) || !bl_tuple_of_quoted(skb, pkt, &pkt->tuple))
		bl_tuple_of_packet(skb, pkt);
}

/* ---- the stage ----------------------------------------------------------------------------------- */

/* Is it how a TCP connection begins, where the entry is of one that has ended? */
static __always_inline bool bl_begins_anew(const struct bl_pkt *pkt,
					   const struct bl_ct_entry *entry)
{
	return bl_is_syn(pkt) && (entry->state & BL_CT_CLOSING) == BL_CT_CLOSING;
}

static __always_inline bool bl_is_pod_bound(const struct bl_pkt *pkt)
{
	return pkt->slot == BL_SLOT_POD_TO_VM || pkt->slot == BL_SLOT_POD_FROM_VM;
}

/* Are connections of this packet's direction of interest? They are when policy asks; under masquerade to
 * the VM always, and from it when replies have to pass a list of ports. Neighbour discovery is of no
 * connection. */
static __always_inline bool bl_is_tracked(const struct bl_pkt *pkt)
{
	if (!pkt->ep->ct_sets || !bl_pkt_is_ip(pkt) || bl_is_nd(pkt))
		return false;
	if (pkt->ep->flags & BL_EP_POLICY)
		return true;
	return !bl_is_pod_bound(pkt) &&
	       (pkt->direction != BL_FROM_VM || (pkt->ep->flags & BL_EP_PORTS));
}

/* Finds the packet's connection. A fragment whose first is not known is dropped. Whose an unknown one is
 * to the VM an elder may know. */
static __always_inline enum bl_verdict bl_track(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	if (!bl_is_tracked(pkt))
		return BL_GO_ON;
	bl_tuple(skb, pkt);
	pkt->flags |= BL_PKT_TRACKED;
	pkt->ct = bl_ct_lookup(pkt, &pkt->tuple);
	if (pkt->ct && bl_begins_anew(pkt, pkt->ct)) {
		pkt->ct->expires = 0;
		pkt->ct = NULL;
	}
	if (!pkt->ct && (pkt->direction == BL_TO_VM || pkt->tuple.fragment))
		bl_ask_elder(skb, pkt);
	return !pkt->ct && pkt->tuple.fragment ? bl_drop(pkt, BL_REASON_FRAG_NOT_FOUND) : BL_GO_ON;
}

/* The first fragment lets in those that follow. */
static __always_inline void bl_remember_fragment(struct __sk_buff *skb, const struct bl_pkt *pkt,
						 enum bl_ct_owner owner)
{
	struct bl_ct_tuple tuple = {.remote = pkt->tuple.remote, .protocol = pkt->protocol};
	struct bl_ct_entry *entry;

	if (!(pkt->flags & BL_PKT_FRAGMENT) || (pkt->flags & BL_PKT_NO_L4))
		return;
	bl_tuple_of_fragment(skb, pkt, &tuple);
	entry = bl_ct_lookup(pkt, &tuple);
	if (entry)
		bl_ct_touch(entry, pkt, &tuple);
	else
		bl_ct_insert(pkt, &tuple, owner, 0, 0);
}

/* Remembers a packet that passes: its connection goes on, or begins. epoch and counter are what
 * policy said of one that begins. An error keeps nothing alive. */
static __always_inline void bl_remember(struct __sk_buff *skb, struct bl_pkt *pkt,
					enum bl_ct_owner owner, __u32 epoch, __u16 counter)
{
	if (!(pkt->flags & BL_PKT_TRACKED) || bl_is_icmp_error(pkt))
		return;
	if (pkt->ct) {
		bl_ct_touch(pkt->ct, pkt, &pkt->tuple);
	} else {
		pkt->ct = bl_ct_insert(pkt, &pkt->tuple, owner, epoch, counter);
		pkt->flags |= BL_PKT_OPENS;
	}
	bl_remember_fragment(skb, pkt, owner);
}
