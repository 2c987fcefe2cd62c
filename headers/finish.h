/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The first and the last stage. bl_begin() finds the endpoint; bl_finish() is the only place that
 * turns a verdict into a TC code, counts, and writes events. Whatever leaves here leaves with mark 0:
 * Cilium reads marks as identities.
 */
#pragma once

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

static __always_inline void bl_count(struct bl_counter *counter, __u32 len)
{
	counter->packets++;
	counter->bytes += len;
}

static __always_inline void bl_count_forwarded(const struct bl_pkt *pkt, __u32 len)
{
	__u32 key = pkt->endpoint * BL_DIRECTIONS_MAX + pkt->direction;
	struct bl_counter *counter = bpf_map_lookup_elem(&bl_traffic, &key);

	if (counter)
		bl_count(counter, len);
}

static __always_inline void bl_count_verdict(const struct bl_pkt *pkt, __u32 len)
{
	struct bl_verdict_key key = {
		.endpoint = pkt->endpoint,
		.direction = pkt->direction,
		.reason = pkt->reason,
	};
	struct bl_counter *counter = bpf_map_lookup_elem(&bl_verdicts, &key);
	struct bl_counter first = {.packets = 1, .bytes = len};

	if (counter)
		bl_count(counter, len);
	else
		bpf_map_update_elem(&bl_verdicts, &key, &first, BPF_NOEXIST);
}

/* One event with the head of the packet as it stands. Out of line: only drops and samples pay. */
static __noinline int bl_emit(struct __sk_buff *skb, __u32 endpoint, __u8 direction, __u8 reason,
			      __u32 cookie)
{
	struct bl_event *event = bpf_ringbuf_reserve(&bl_events, sizeof(*event), 0);
	__u32 captured = skb->len;

	if (!event) {
		__u64 *lost = bpf_map_lookup_elem(&bl_lost, &endpoint);

		if (lost)
			(*lost)++;
		return 0;
	}
	event->time_ns = bpf_ktime_get_ns();
	event->len = skb->len;
	event->endpoint = endpoint;
	event->direction = direction;
	event->reason = reason;
	event->cookie = cookie;
	if (captured > BL_EVENT_BYTES_MAX)
		captured = BL_EVENT_BYTES_MAX;
	if (bl_load(skb, 0, event->bytes, captured, BL_EVENT_BYTES_MAX))
		captured = 0;
	event->captured = captured;
	bpf_ringbuf_submit(event, 0);
	return 0;
}

/* Should this packet become an event? Drops do when somebody reads, others one in config.sample. */
static __always_inline bool bl_is_watched(const struct bl_pkt *pkt)
{
	__u32 zero = 0;
	const struct bl_config *config = bpf_map_lookup_elem(&bl_config, &zero);

	if (!config || !config->events)
		return false;
	if (BL_REASON_IS_DROP(pkt->reason))
		return true;
	return config->sample && bpf_get_prandom_u32() % config->sample == 0;
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
