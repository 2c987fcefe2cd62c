/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The table of connections: a set-associative array per endpoint. A connection has two sets, by the two
 * halves of its hash, and mostly stands in the first: a look-up reads that (two cache lines) and only then
 * the other. Insertion takes a free or expired way of the first set, else the lowest of both (bl_ct_rank).
 * Of flows that take turns and want two thirds of a share's ways, two in a thousand then do not find
 * themselves; with one set for each it was a third. Nothing is scanned and nothing is shared between
 * endpoints. What of a packet is looked up is in connection.h.
 *
 * Who has to go, where more connections begin than fit: what is closed first, then what has a minute to
 * live, of that who was silent for longest, and last what TCP has established. So a flood of openings
 * takes the place of nothing established, of nobody who talks (a sixteenth of a unit is no silence), and of
 * an opening that waits for its answer only where both sets of a newcomer hold nothing that was silent for
 * longer, to the kernel's tick: never with the next two newcomers, and at 100,000 a second, four times a
 * share, not within ten milliseconds (of a million none; of those that wait for 100 ms one in a hundred).
 * Less is promised where all else in the two sets is established: what opens there makes way for what opens
 * next. An answer that comes too late is judged as if its sender opened the connection.
 *
 * An entry stands for both directions. It is the flow cache as well: it keeps the epoch in which
 * policy last let its opener's packets through, so one look-up says all about an established flow, and
 * one bump of the epoch has every flow judged anew.
 *
 * Races. Two CPUs that want the same way decide by compare-and-swap on its expiry: the loser leaves
 * without an entry, and the connection's next packet tries again. A reader may see a way while it is
 * written: its expiry then says "claimed" and it does not match. A reader that began before the claim
 * may compare against a mixture; it would have to equal the whole tuple to do harm, and then one
 * packet goes to the other owner. Two CPUs that note different FINs of one connection may lose one:
 * the entry then lives as long as one that is silent.
 */
#pragma once

#include <bpf/bpf_core_read.h>

#include "counter.h"
#include "maps.h"
#include "pkt.h"

/* Lifetimes (units of bl_ct_now()), Cilium's. */
#define BL_CT_LIFE_TCP      8000
#define BL_CT_LIFE_TCP_SYN  60
#define BL_CT_LIFE_TCP_FIN  10
#define BL_CT_LIFE_OTHER    60
#define BL_CT_LIFE_FRAGMENT 10

#define BL_TCP_FIN 0x01
#define BL_TCP_SYN 0x02
#define BL_TCP_RST 0x04
#define BL_TCP_ACK 0x10

#define BL_CT_CLOSING (BL_CT_FIN_TO_VM | BL_CT_FIN_FROM_VM)

/* How a TCP connection begins: SYN alone. */
static __always_inline bool bl_is_syn(const struct bl_pkt *pkt)
{
	return pkt->protocol == IPPROTO_TCP &&
	       (pkt->tcp_flags & (BL_TCP_SYN | BL_TCP_ACK)) == BL_TCP_SYN;
}

/* Ticks to a unit of time; the loader knows how long a tick is. */
const volatile __u32 bl_tick_shift = 8;

/* Reading the ticks is inlined; a clock costs as much as the look-up itself. */
static __always_inline __u32 bl_ct_now(void)
{
	return bpf_jiffies64() >> bl_tick_shift;
}

/* Its upper half is the good one: 16 bits for each of two choices. */
static __always_inline __u64 bl_ct_hash(const struct bl_ct_tuple *tuple)
{
	__u64 hash = ((__u64)tuple->fragment << 40) | ((__u64)tuple->protocol << 32) |
		     ((__u64)tuple->remote_port << 16) | tuple->local_port;

	hash = (hash ^ tuple->remote.halves[0]) * 0x9e3779b97f4a7c15ull;
	hash ^= hash >> 32;
	hash = (hash ^ tuple->remote.halves[1]) * 0xff51afd7ed558ccdull;
	hash ^= hash >> 32;
	return hash * 0xc4ceb9fe1a85ec53ull;
}

/* A connection's first (0) or second (1) choice. */
static __always_inline struct bl_ct_set *bl_ct_set(const struct bl_pkt *pkt, __u64 hash, int choice)
{
	void *share = bpf_map_lookup_elem(&bl_conntrack, &pkt->endpoint);
	__u32 index = (hash >> (choice ? 48 : 32)) & (pkt->ep->ct_sets - 1);

	return share ? bpf_map_lookup_elem(share, &index) : NULL;
}

static __always_inline bool bl_ct_match(const struct bl_ct_entry *entry,
					const struct bl_ct_tuple *tuple, __u32 now)
{
	return bl_addr_eq(&entry->remote, &tuple->remote) &&
	       entry->remote_port == tuple->remote_port && entry->local_port == tuple->local_port &&
	       entry->protocol == tuple->protocol && entry->fragment == tuple->fragment &&
	       entry->expires >= now && entry->expires != BL_CT_CLAIMED;
}

static __always_inline struct bl_ct_entry *bl_ct_find(struct bl_ct_set *set,
						      const struct bl_ct_tuple *tuple, __u32 now)
{
	for (int i = 0; i < BL_CT_WAYS; i++)
		if (bl_ct_match(&set->ways[i], tuple, now))
			return &set->ways[i];
	return NULL;
}

/* NULL: there is none. */
static __always_inline struct bl_ct_entry *bl_ct_lookup(const struct bl_pkt *pkt,
							const struct bl_ct_tuple *tuple)
{
	__u64 hash = bl_ct_hash(tuple);
	__u32 now = bl_ct_now();
	struct bl_ct_set *set = bl_ct_set(pkt, hash, 0);
	struct bl_ct_entry *entry = set ? bl_ct_find(set, tuple, now) : NULL;

	if (entry)
		return entry;
	set = bl_ct_set(pkt, hash, 1);
	return set ? bl_ct_find(set, tuple, now) : NULL;
}

/* ---- how a connection goes on ---------------------------------------------------------------------- */

/* Its state after this packet. */
static __always_inline __u8 bl_ct_next_state(const struct bl_pkt *pkt, __u8 state)
{
	if (pkt->protocol != IPPROTO_TCP || (pkt->flags & BL_PKT_NO_L4))
		return state;
	if (pkt->tcp_flags & BL_TCP_RST)
		return state | BL_CT_CLOSING;
	if (pkt->tcp_flags & BL_TCP_FIN)
		state |= pkt->direction == BL_TO_VM ? BL_CT_FIN_TO_VM : BL_CT_FIN_FROM_VM;
	return pkt->tcp_flags & BL_TCP_SYN ? state : state | BL_CT_ESTABLISHED;
}

static __always_inline __u32 bl_ct_life(const struct bl_ct_tuple *tuple, __u8 state)
{
	if (tuple->fragment)
		return BL_CT_LIFE_FRAGMENT;
	if (tuple->protocol != IPPROTO_TCP)
		return BL_CT_LIFE_OTHER;
	if ((state & BL_CT_CLOSING) == BL_CT_CLOSING)
		return BL_CT_LIFE_TCP_FIN;
	return state & BL_CT_ESTABLISHED ? BL_CT_LIFE_TCP : BL_CT_LIFE_TCP_SYN;
}

/* Lets an entry live from now on, which makes it valid. */
static __always_inline void bl_ct_prolong(struct bl_ct_entry *entry, __u64 ticks, __u32 life)
{
	entry->ticks = ticks;
	barrier();
	entry->expires = (ticks >> bl_tick_shift) + life;
}

/* Is it used for the first time in this sixteenth of a unit? To note each tick would have many flows that
 * take turns write at each packet. Nobody asks that of an established connection, which has hours. */
static __always_inline bool bl_ct_is_older(const struct bl_ct_entry *entry, __u8 state, __u64 ticks)
{
	return !(state & BL_CT_ESTABLISHED) && (__u16)(entry->ticks ^ ticks) >> (bl_tick_shift - 4);
}

/* Written is only what moves, so that a busy flow does not dirty the line. */
static __always_inline void bl_ct_touch(struct bl_ct_entry *entry, const struct bl_pkt *pkt,
					const struct bl_ct_tuple *tuple)
{
	__u8 state = bl_ct_next_state(pkt, entry->state);
	__u32 life = bl_ct_life(tuple, state);
	__u64 ticks = bpf_jiffies64();

	if (entry->state != state)
		entry->state = state;
	if (entry->expires != (__u32)(ticks >> bl_tick_shift) + life ||
	    bl_ct_is_older(entry, state, ticks))
		bl_ct_prolong(entry, ticks, life);
}

/* ---- how it begins ------------------------------------------------------------------------------- */

/* Where all are alive, the lowest has to go: what expires first, and of one unit of time what came first. */
static __always_inline __u64 bl_ct_rank(const struct bl_ct_entry *entry)
{
	return (__u64)entry->expires << 16 | entry->ticks;
}

static __always_inline struct bl_ct_entry *bl_ct_lowest(struct bl_ct_set *set)
{
	struct bl_ct_entry *victim = &set->ways[0];

	for (int i = 1; i < BL_CT_WAYS; i++)
		if (bl_ct_rank(&set->ways[i]) < bl_ct_rank(victim))
			victim = &set->ways[i];
	return victim;
}

static __always_inline struct bl_ct_entry *bl_ct_victim(const struct bl_pkt *pkt,
							const struct bl_ct_tuple *tuple)
{
	__u64 hash = bl_ct_hash(tuple);
	struct bl_ct_set *set = bl_ct_set(pkt, hash, 0);
	struct bl_ct_entry *first, *second;

	if (!set)
		return NULL;
	first = bl_ct_lowest(set);
	if (first->expires < bl_ct_now())
		return first;
	set = bl_ct_set(pkt, hash, 1);
	if (!set)
		return first;
	second = bl_ct_lowest(set);
	return bl_ct_rank(second) < bl_ct_rank(first) ? second : first;
}

/* A way for a new entry, claimed until its expiry is written; NULL: another CPU was faster. */
static __always_inline struct bl_ct_entry *bl_ct_claim(const struct bl_pkt *pkt,
						       const struct bl_ct_tuple *tuple)
{
	struct bl_ct_entry *entry = bl_ct_victim(pkt, tuple);
	__u32 before = entry ? entry->expires : BL_CT_CLAIMED;

	if (before == BL_CT_CLAIMED ||
	    __sync_val_compare_and_swap(&entry->expires, before, BL_CT_CLAIMED) != before)
		return NULL;
	if (before >= bl_ct_now())
		bl_count_evicted(pkt);
	return entry;
}

/* Makes an entry for a tuple that has none; the packet opens the connection. epoch and counter are
 * what policy said of it. NULL: there is no room this time. */
static __always_inline struct bl_ct_entry *bl_ct_insert(const struct bl_pkt *pkt,
							const struct bl_ct_tuple *tuple,
							enum bl_ct_owner owner, __u32 epoch,
							__u16 counter)
{
	struct bl_ct_entry *entry = bl_ct_claim(pkt, tuple);
	__u8 state = bl_ct_next_state(pkt, pkt->direction == BL_TO_VM ? 0 : BL_CT_BY_VM);

	if (!entry)
		return NULL;
	entry->remote = tuple->remote;
	entry->remote_port = tuple->remote_port;
	entry->local_port = tuple->local_port;
	entry->protocol = tuple->protocol;
	entry->fragment = tuple->fragment;
	entry->owner = owner;
	entry->state = state;
	entry->epoch = epoch;
	entry->counter = counter;
	entry->syn_time = 0;
	bl_ct_prolong(entry, bpf_jiffies64(), bl_ct_life(tuple, state));
	return entry;
}

/* ---- taking over ---------------------------------------------------------------------------------- */

static __always_inline struct bl_ct_tuple bl_ct_tuple_of(const struct bl_ct_entry *entry)
{
	return (struct bl_ct_tuple){
		.remote = entry->remote,
		.remote_port = entry->remote_port,
		.local_port = entry->local_port,
		.protocol = entry->protocol,
		.fragment = entry->fragment,
	};
}

/* Has BTF describe a type that clang would leave out of it: one that is used at the depth of inner maps
 * only, or by the agent. */
#define BL_KEEP_TYPE(type) asm volatile("" : : "r"(bpf_core_type_id_local(type)))

/* Puts an entry into its place, as it is; one that is there already knows better. */
static __always_inline int bl_ct_put(const struct bl_pkt *pkt, struct bl_ct_order *order)
{
	struct bl_ct_entry *from = &order->entry, *to;
	struct bl_ct_tuple tuple = bl_ct_tuple_of(from);
	__u32 expires = from->expires;

	if (expires < bl_ct_now() || expires == BL_CT_CLAIMED || bl_ct_lookup(pkt, &tuple))
		return BL_CT_DONE;
	to = bl_ct_claim(pkt, &tuple);
	if (!to)
		return BL_CT_BUSY;
	from->expires = BL_CT_CLAIMED;
	*to = *from;
	barrier();
	to->expires = expires;
	return BL_CT_DONE;
}

/* ---- forgetting ----------------------------------------------------------------------------------- */

/* Frees an entry, unless somebody writes it. Races: a CPU that found it before, and notes now that it goes
 * on, brings it back, without its epoch, so that the next packet is judged anew. A way that within the
 * same unit of time became another connection's may be freed in place of the one that was meant; that
 * one's next packet makes it again. */
static __always_inline int bl_ct_free(const struct bl_pkt *pkt, const struct bl_ct_order *order)
{
	struct bl_ct_tuple tuple = bl_ct_tuple_of(&order->entry);
	struct bl_ct_entry *entry = bl_ct_lookup(pkt, &tuple);
	__u32 before = entry ? entry->expires : 0;

	if (!entry)
		return BL_CT_ABSENT;
	if (before == BL_CT_CLAIMED ||
	    __sync_val_compare_and_swap(&entry->expires, before, BL_CT_CLAIMED) != before)
		return BL_CT_BUSY;
	entry->epoch = 0;
	barrier();
	entry->expires = 0;
	return BL_CT_DONE;
}

/* ---- orders of the agent -------------------------------------------------------------------------- */

/* Called with a struct bl_ct_order in the packet's place. Whose endpoint it is has to be alive. */
static __always_inline bool bl_ct_read_order(struct __sk_buff *skb, struct bl_pkt *pkt,
					     struct bl_ct_order *order)
{
	BL_KEEP_TYPE(struct bl_ct_set);
	BL_KEEP_TYPE(struct bl_ct_set_1);
	if (bpf_skb_load_bytes(skb, 0, order, sizeof(*order)))
		return false;
	pkt->endpoint = order->endpoint;
	pkt->ep = bpf_map_lookup_elem(&bl_endpoints, &pkt->endpoint);
	return pkt->ep;
}

static __always_inline int bl_ct_put_back(struct __sk_buff *skb)
{
	struct bl_ct_order order;
	struct bl_pkt pkt = {};

	return bl_ct_read_order(skb, &pkt, &order) ? bl_ct_put(&pkt, &order) : BL_CT_DONE;
}

static __always_inline int bl_ct_take_out(struct __sk_buff *skb)
{
	struct bl_ct_order order;
	struct bl_pkt pkt = {};

	return bl_ct_read_order(skb, &pkt, &order) ? bl_ct_free(&pkt, &order) : BL_CT_ABSENT;
}
