/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The first and the last stage. bl_begin() finds the endpoint; bl_finish() is the only place that
 * turns a verdict into a TC code, counts, and has events (events.h) and captures (capture.h) written.
 * Whatever leaves here leaves with mark 0: Cilium reads marks as identities.
 */
#pragma once

#include "capture.h"
#include "counter.h"
#include "events.h"
#include "maps.h"
#include "pkt.h"

/* TCX_NEXT and TC_ACT_UNSPEC: the next program at this hook, or the stack when there is none. */
#define BL_CODE_NEXT        (-1)
#define BL_CODE_DROP        2 /* TCX_DROP, TC_ACT_SHOT */
#define BL_PACKET_HOST      0
#define BL_LOOPBACK_IFINDEX 1 /* in every namespace */
#define BL_CB_ENDPOINT      0 /* the stub's note: index of the endpoint */

/* False: no such endpoint (any more); the packet is not ours. */
static __always_inline bool bl_begin(struct __sk_buff *skb, struct bl_pkt *pkt,
				     enum bl_direction direction)
{
	__u32 index = skb->cb[BL_CB_ENDPOINT];
	const struct bl_endpoint *ep = bpf_map_lookup_elem(&bl_endpoints, &index);

	if (!ep || !(ep->flags & BL_EP_LIVE))
		return false;
	pkt->ep = ep;
	pkt->endpoint = index;
	pkt->direction = direction;
	return true;
}

static __always_inline int bl_to_uplink(struct __sk_buff *skb, const struct bl_pkt *pkt)
{
	skb->mark = 0;
	if (!(pkt->ep->flags & BL_EP_PEER))
		return bpf_redirect(pkt->ep->uplink_ifindex, 0);
	if (skb->pkt_type != BL_PACKET_HOST)
		bpf_skb_change_type(skb, BL_PACKET_HOST);
	return bpf_redirect_peer(pkt->ep->uplink_ifindex, 0);
}

static __always_inline int bl_finish(struct __sk_buff *skb, const struct bl_pkt *pkt,
				     enum bl_verdict verdict)
{
	if (pkt->reason == BL_REASON_FORWARDED)
		bl_count_forwarded(pkt, skb->len);
	else
		bl_count_verdict(pkt, skb->len);
	if (bl_is_watched(pkt))
		bl_emit(skb, pkt->endpoint, pkt->direction, pkt->reason, pkt->cookie);
	if (pkt->ep->flags & BL_EP_CAPTURE)
		bl_capture_end(skb, pkt, verdict);

	switch (verdict) {
	case BL_TO_TAP:
		return bpf_redirect(pkt->ep->tap_ifindex, 0);
	case BL_TO_UPLINK:
		return bl_to_uplink(skb, pkt);
	case BL_TO_NEIGHBOUR:
		skb->mark = pkt->mark;
		return bpf_redirect_neigh(pkt->ep->uplink_ifindex, NULL, 0, 0);
	case BL_TO_LOOPBACK:
		skb->mark = 0;
		return bpf_redirect(BL_LOOPBACK_IFINDEX, BPF_F_INGRESS);
	case BL_DROP:
		return BL_CODE_DROP;
	default:
		skb->mark = 0;
		return BL_CODE_NEXT;
	}
}
