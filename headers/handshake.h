/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stage handshake: what opens a connection is counted, and a TCP connection is timed, from the first SYN
 * that was let through to the first SYN-ACK that answers it, both as they pass here. For what the VM
 * opens that is the time of the network and of the peer; for what is opened to the VM, the guest's own.
 * A SYN that is repeated does not begin anew: loss shows as the seconds that it cost. What is refused, or
 * never answered, is counted and not timed.
 *
 * All other packets pay a look at two of their facts. Where connections are not tracked (policy is off),
 * handshakes are, here; a pod-bound VM's entry then goes with the answer, as nobody else needs it.
 *
 * Races: of two answers that two CPUs see at once both may be counted.
 */
#pragma once

#include "connection.h"
#include "counter.h"
#include "maps.h"
#include "pkt.h"

/* An opener gives up after 127 seconds (Linux: six repetitions). */
#define BL_HANDSHAKE_STALE ((128 * 1000000000ull) >> BL_HANDSHAKE_SHIFT)

/* Never 0, which means none. */
static __always_inline __u32 bl_syn_clock(void)
{
	__u32 now = bpf_ktime_get_ns() >> BL_HANDSHAKE_SHIFT;

	return now ? now : 1;
}

static __always_inline bool bl_is_by_opener(const struct bl_pkt *pkt)
{
	return !(pkt->ct->state & BL_CT_BY_VM) == (pkt->direction == BL_TO_VM);
}

/* ---- begin --------------------------------------------------------------------------------------- */

/* Not so when it is repeated; but on a connection that was established, and whose end went unseen. */
static __always_inline bool bl_syn_is_first(const struct bl_pkt *pkt, __u32 now)
{
	if (pkt->flags & BL_PKT_OPENS)
		return true;
	if (!(pkt->ct->state & BL_CT_ESTABLISHED) || !bl_is_by_opener(pkt))
		return false;
	return !pkt->ct->syn_time || now - pkt->ct->syn_time > BL_HANDSHAKE_STALE;
}

static __always_inline void bl_handshake_begin(const struct bl_pkt *pkt)
{
	__u32 now = bl_syn_clock();

	if (!bl_syn_is_first(pkt, now))
		return;
	pkt->ct->syn_time = now;
	bl_count_opened(pkt);
}

/* ---- end ----------------------------------------------------------------------------------------- */

static __always_inline __u32 bl_handshake_bucket(__u32 time)
{
	__u32 i = 0;

	while (i < BL_HANDSHAKE_BOUNDS && time > BL_HANDSHAKE_BOUND(i))
		i++;
	return i;
}

static __always_inline void bl_count_handshake(__u32 endpoint, enum bl_direction of_syn, __u32 time)
{
	__u32 key = endpoint * BL_VM_DIRECTIONS + of_syn;
	struct bl_handshakes *handshakes = bpf_map_lookup_elem(&bl_handshakes, &key);

	if (!handshakes)
		return;
	__sync_fetch_and_add(&handshakes->sum, time);
	__sync_fetch_and_add(&handshakes->counts[bl_handshake_bucket(time)], 1);
}

static __always_inline void bl_handshake_end(const struct bl_pkt *pkt)
{
	__u32 time = bl_syn_clock() - pkt->ct->syn_time;

	if (!pkt->ct->syn_time || bl_is_by_opener(pkt))
		return;
	pkt->ct->syn_time = 0;
	if (!(pkt->flags & BL_PKT_TRACKED) && bl_is_pod_bound(pkt))
		pkt->ct->expires = 0;
	if (time <= BL_HANDSHAKE_STALE)
		bl_count_handshake(pkt->endpoint,
				   pkt->direction == BL_TO_VM ? BL_FROM_VM : BL_TO_VM, time);
}

/* ---- the stage ----------------------------------------------------------------------------------- */

/* Finds the connection of a packet that is not tracked, or makes it of a SYN. */
static __always_inline void bl_handshake_find(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	bl_tuple_of_packet(skb, pkt);
	pkt->ct = bl_ct_lookup(pkt, &pkt->tuple);
	if (pkt->ct || !bl_is_syn(pkt))
		return;
	pkt->ct = bl_ct_insert(pkt, &pkt->tuple, BL_CT_GUEST, 0, 0);
	pkt->flags |= BL_PKT_OPENS;
}

/* Out of line: twice a connection. */
static __noinline int bl_handshake_goes_on(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	if (!(pkt->flags & BL_PKT_TRACKED))
		bl_handshake_find(skb, pkt);
	if (!pkt->ct)
		return 0;
	if (bl_is_syn(pkt))
		bl_handshake_begin(pkt);
	else
		bl_handshake_end(pkt);
	return 0;
}

/* From a VM whose connections are not tracked in both directions, what seems to open one may answer. */
static __always_inline enum bl_verdict bl_handshake(struct __sk_buff *skb, struct bl_pkt *pkt)
{
	if (pkt->tcp_flags & BL_TCP_SYN)
		bl_handshake_goes_on(skb, pkt);
	else if ((pkt->flags & BL_PKT_OPENS) && pkt->protocol != IPPROTO_TCP &&
		 (pkt->ep->flags & (BL_EP_POLICY | BL_EP_PORTS)))
		bl_count_opened(pkt);
	return BL_GO_ON;
}
