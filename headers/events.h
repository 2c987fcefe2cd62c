/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Events for people: drops, and samples of what is forwarded, while somebody reads them. Each endpoint
 * has a budget of the ring that all share; what is beyond it is counted and not told.
 */
#pragma once

#include "conntrack.h"
#include "maps.h"
#include "pkt.h"

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

/* Two CPUs that open a window at once may forget what the other spent: a few events more. */
static __always_inline bool bl_afford_event(__u32 endpoint)
{
	struct bl_budget *budget = bpf_map_lookup_elem(&bl_budgets, &endpoint);
	__u32 window = bpf_jiffies64() >> (bl_tick_shift - BL_EVENT_WINDOW_SHIFT);

	if (!budget)
		return false;
	if (budget->window != window) {
		budget->window = window;
		budget->spent = 0;
	}
	return __sync_fetch_and_add(&budget->spent, 1) < BL_EVENTS_PER_WINDOW;
}

/* One event with the head of the packet as it stands. Out of line: only drops and samples pay. */
static __noinline int bl_emit(struct __sk_buff *skb, __u32 endpoint, __u8 direction, __u8 reason,
			      __u32 cookie)
{
	struct bl_event *event = NULL;
	__u32 captured = skb->len;

	if (bl_afford_event(endpoint))
		event = bpf_ringbuf_reserve(&bl_events, sizeof(*event), 0);
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
	event->asked = cookie & BL_COOKIE_FROM_VM ? BL_FROM_VM : BL_TO_VM;
	event->pad = 0;
	event->cookie = cookie & ~BL_COOKIE_FROM_VM;
	if (captured > BL_EVENT_BYTES_MAX)
		captured = BL_EVENT_BYTES_MAX;
	if (bl_load(skb, 0, event->bytes, captured, BL_EVENT_BYTES_MAX))
		captured = 0;
	event->captured = captured;
	bpf_ringbuf_submit(event, 0);
	return 0;
}
