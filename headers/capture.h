/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Whole packets of an endpoint that somebody captures, from the VM's side of the line: what it sends as
 * it sent it, what it gets as it got it, and what was dropped with the reason. Without a capture this is
 * one bit of the endpoint's flags, which are read anyway.
 */
#pragma once

#include "maps.h"
#include "pkt.h"

/* A ring reserves sizes that are known beforehand, so there are a few of them. */
static __always_inline int bl_capture_write(struct __sk_buff *skb, void *ring,
					    const struct bl_capture *head, const __u32 size)
{
	struct bl_capture *record = bpf_ringbuf_reserve(ring, sizeof(*record) + size, 0);

	if (!record)
		return -1;
	*record = *head;
	if (size && bl_load(skb, 0, record->bytes, head->captured, size))
		record->captured = 0;
	bpf_ringbuf_submit(record, 0);
	return 0;
}

static __always_inline int bl_capture_sized(struct __sk_buff *skb, void *ring,
					    const struct bl_capture *head)
{
	if (head->captured == 0)
		return bl_capture_write(skb, ring, head, 0);
	if (head->captured <= 256)
		return bl_capture_write(skb, ring, head, 256);
	if (head->captured <= 2048)
		return bl_capture_write(skb, ring, head, 2048);
	if (head->captured <= 16384)
		return bl_capture_write(skb, ring, head, 16384);
	return bl_capture_write(skb, ring, head, BL_CAPTURE_BYTES_MAX);
}

/* Global, so that the verifier looks at it once and not at each call. */
__noinline int bl_capture(struct __sk_buff *skb, __u32 endpoint, __u32 kind, __u32 reason,
			  __u32 cookie)
{
	void *ring = bpf_map_lookup_elem(&bl_captures, &endpoint);
	const __u32 *snaplen = bpf_map_lookup_elem(&bl_snaplens, &endpoint);
	struct bl_capture head = {
		.time_ns = bpf_ktime_get_ns(),
		.len = skb->len,
		.cpu = bpf_get_smp_processor_id(),
		.cookie = cookie & ~BL_COOKIE_FROM_VM,
		.kind = kind,
		.reason = reason,
		.asked = cookie & BL_COOKIE_FROM_VM ? BL_FROM_VM : BL_TO_VM,
	};
	__u64 *lost;

	if (!ring || !snaplen)
		return 0;
	if (kind != BL_CAPTURE_VERDICT)
		head.captured = skb->len < *snaplen ? skb->len : *snaplen;
	if (head.captured > BL_CAPTURE_BYTES_MAX)
		head.captured = BL_CAPTURE_BYTES_MAX;
	if (bl_capture_sized(skb, ring, &head) == 0 || kind == BL_CAPTURE_VERDICT)
		return 0;
	lost = bpf_map_lookup_elem(&bl_capture_lost, &endpoint);
	if (lost)
		(*lost)++;
	return 0;
}

/* At the tap, before the walk changes the packet. */
static __always_inline void bl_capture_begin(struct __sk_buff *skb, const struct bl_pkt *pkt)
{
	if (pkt->ep->flags & BL_EP_CAPTURE)
		bl_capture(skb, pkt->endpoint, BL_CAPTURE_FROM_VM, BL_REASON_FORWARDED, 0);
}

/* Whatever leaves by the tap is the VM's, be it an answer made of its own question; what passes to the
 * pod is not. */
static __always_inline void bl_capture_end(struct __sk_buff *skb, const struct bl_pkt *pkt,
					   enum bl_verdict verdict)
{
	__u32 reason = BL_REASON_FORWARDED, cookie = 0;

	if (pkt->direction == BL_FROM_VM) {
		bl_capture(skb, pkt->endpoint, BL_CAPTURE_VERDICT, pkt->reason, pkt->cookie);
	} else {
		reason = pkt->reason;
		cookie = pkt->cookie;
	}
	if (verdict == BL_TO_TAP || (verdict == BL_DROP && pkt->direction == BL_TO_VM))
		bl_capture(skb, pkt->endpoint, BL_CAPTURE_TO_VM, reason, cookie);
}
