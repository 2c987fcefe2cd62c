/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is counted: packets forwarded, packets that were not simply forwarded by their reason,
 * packets that an entry of a policy judged, and what happens once a connection. All per CPU, so no
 * atomics.
 */
#pragma once

#include "maps.h"
#include "pkt.h"

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

/* 0: an entry that is not counted. */
static __always_inline void bl_count_rule(__u32 rule, __u32 len)
{
	struct bl_counter *counter = rule ? bpf_map_lookup_elem(&bl_rules, &rule) : NULL;

	if (counter)
		bl_count(counter, len);
}

/* Of the packet's direction, which is one of the VM's. */
static __always_inline struct bl_tally *bl_tally(const struct bl_pkt *pkt)
{
	__u32 key = pkt->endpoint * BL_VM_DIRECTIONS + pkt->direction;

	return bpf_map_lookup_elem(&bl_tallies, &key);
}

static __always_inline void bl_count_opened(const struct bl_pkt *pkt)
{
	struct bl_tally *tally = bl_tally(pkt);

	if (tally)
		tally->opened++;
}

/* What a masqueraded VM's pod opens leaves as what the VM does. */
static __always_inline void bl_count_evicted(const struct bl_pkt *pkt)
{
	__u32 key = pkt->endpoint * BL_VM_DIRECTIONS +
		    (pkt->direction == BL_TO_VM ? BL_TO_VM : BL_FROM_VM);
	struct bl_tally *tally = bpf_map_lookup_elem(&bl_tallies, &key);

	if (tally)
		tally->evicted++;
}

static __always_inline void bl_count_allowed(const struct bl_pkt *pkt)
{
	struct bl_tally *tally = bl_tally(pkt);

	if (tally)
		tally->allowed++;
}
