/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Loopback of the pod, under masquerade: `kubectl port-forward` dials 127.0.0.1 (or ::1) in the pod's
 * namespace and means the guest. A TCP segment that the pod has no socket for crosses to the guest,
 * which sees its gateway call; the guest's segments to the gateway cross back. Nothing is remembered:
 * the caller's own socket says which segments of the guest may come in, and a listening one does not
 * count, so that the guest cannot call what listens on the pod's loopback.
 */
#pragma once

#include "masquerade.h"
#include "owner.h"
#include "pkt.h"
#include "translate.h"

/* Not static: libbpf puts the BTF of statics beside other constants into no order. */
const struct bl_addr bl_loopback4 = {
	.words = {0, 0, bpf_htonl(0xffff), bpf_htonl(0x7f000001)},
};
const struct bl_addr bl_loopback6 = {.words = {0, 0, 0, bpf_htonl(1)}};

static __always_inline const struct bl_addr *bl_loopback_addr(const struct bl_pkt *pkt)
{
	return pkt->family == BL_V6 ? &bl_loopback6 : &bl_loopback4;
}

/* The guest's gateway by the address that the guest knows: whom it sees call. */
static __always_inline const struct bl_addr *bl_router_addr(const struct bl_pkt *pkt)
{
	return pkt->family == BL_V6 ? &pkt->ep->router6 : &pkt->ep->dhcp_server4;
}

static __always_inline __u64 bl_addr_sum(const struct bl_addr *addr)
{
	return (__u64)addr->words[0] + addr->words[1] + addr->words[2] + addr->words[3];
}

/* Both addresses for others. */
static __always_inline bool bl_translate_both(struct __sk_buff *skb, const struct bl_pkt *pkt,
					      const struct bl_addr *src, const struct bl_addr *dst)
{
	__u16 before = bl_csum_fold(bl_addr_sum(&pkt->src) + bl_addr_sum(&pkt->dst));
	__u16 after = bl_csum_fold(bl_addr_sum(src) + bl_addr_sum(dst));

	return bl_translate(skb, pkt, BL_SOURCE, src, bl_csum_shift(before, ~after)) &&
	       bl_translate(skb, pkt, BL_DESTINATION, dst, 0);
}

static __always_inline bool bl_is_tcp(const struct bl_pkt *pkt)
{
	return bl_pkt_is_ip(pkt) && pkt->protocol == IPPROTO_TCP && !(pkt->flags & BL_PKT_NO_L4);
}

/* At the loopback's egress: is it the guest that is called? */
static __always_inline bool bl_loopback_is_guests(struct __sk_buff *skb, const struct bl_pkt *pkt)
{
	const struct bl_addr *loopback = bl_loopback_addr(pkt);

	return bl_is_tcp(pkt) && bl_addr_eq(&pkt->src, loopback) &&
	       bl_addr_eq(&pkt->dst, loopback) &&
	       (pkt->ep->flags & (pkt->family == BL_V6 ? BL_EP_HAS_V6 : BL_EP_HAS_V4)) &&
	       bl_port_is_declared(pkt, pkt->protocol, pkt->dport) && !bl_pod_listens(skb, pkt);
}

static __always_inline enum bl_verdict bl_loopback_to_guest(struct __sk_buff *skb,
							    struct bl_pkt *pkt)
{
	if (!bl_translate_both(skb, pkt, bl_router_addr(pkt), bl_guest_addr(pkt)) ||
	    !bl_write_macs(skb, pkt->ep->guest_mac, pkt->ep->router_mac))
		return bl_drop(pkt, BL_REASON_WRITE_ERROR);
	return BL_TO_TAP;
}

/* From the VM. BL_GO_ON: not for a caller on the pod's loopback. */
static __always_inline enum bl_verdict bl_loopback_from_guest(struct __sk_buff *skb,
							      struct bl_pkt *pkt)
{
	const struct bl_addr *loopback = bl_loopback_addr(pkt);
	const __u8 none[ETH_ALEN] = {};

	if (!bl_is_tcp(pkt) || !bl_addr_eq(&pkt->dst, bl_router_addr(pkt)) ||
	    !bl_addr_eq(&pkt->src, bl_guest_addr(pkt)) || !bl_pod_called(skb, pkt, loopback))
		return BL_GO_ON;
	if (!bl_translate_both(skb, pkt, loopback, loopback) || !bl_write_macs(skb, none, none))
		return bl_drop(pkt, BL_REASON_WRITE_ERROR);
	return BL_TO_LOOPBACK;
}
