/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Connections: a set-associative table per endpoint. A look-up reads one set (two cache lines);
 * insertion takes the free, the expired, or the soonest expiring of its four ways. Nothing is scanned
 * and nothing is shared between endpoints.
 *
 * Races. Two CPUs that want the same way decide by compare-and-swap on its expiry: the loser leaves
 * without an entry, and the connection's next packet tries again. A reader may see a way while it is
 * written: its expiry then says "claimed" and it does not match. A reader that began before the claim
 * may compare against a mixture; it would have to equal the whole tuple to do harm, and then one
 * packet goes to the other owner.
 */
#pragma once

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

struct bl_ct_tuple {
	struct bl_addr remote;
	__be16 remote_port, local_port;
	__u8 protocol;
	__u8 fragment;
	__u16 pad;
};

/* Ticks to a unit of time; the loader knows how long a tick is. */
const volatile __u32 bl_tick_shift = 8;

/* Reading the ticks is inlined; a clock costs as much as the look-up itself. */
static __always_inline __u32 bl_ct_now(void)
{
	return bpf_jiffies64() >> bl_tick_shift;
}

static __always_inline __u32 bl_ct_hash(const struct bl_ct_tuple *tuple)
{
	__u64 hash = ((__u64)tuple->fragment << 40) | ((__u64)tuple->protocol << 32) |
		     ((__u64)tuple->remote_port << 16) | tuple->local_port;

	hash = (hash ^ tuple->remote.halves[0]) * 0x9e3779b97f4a7c15ull;
	hash ^= hash >> 32;
	hash = (hash ^ tuple->remote.halves[1]) * 0xff51afd7ed558ccdull;
	hash ^= hash >> 32;
	hash *= 0xc4ceb9fe1a85ec53ull;
	return hash >> 32;
}

static __always_inline struct bl_ct_set *bl_ct_set(const struct bl_pkt *pkt,
						   const struct bl_ct_tuple *tuple)
{
	void *share = bpf_map_lookup_elem(&bl_conntrack, &pkt->endpoint);
	__u32 index = bl_ct_hash(tuple) & (pkt->ep->ct_sets - 1);

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

static __always_inline __u32 bl_ct_life(const struct bl_pkt *pkt, const struct bl_ct_tuple *tuple)
{
	if (tuple->fragment)
		return BL_CT_LIFE_FRAGMENT;
	if (pkt->protocol != IPPROTO_TCP || (pkt->flags & BL_PKT_FRAGMENT))
		return BL_CT_LIFE_OTHER;
	if (pkt->tcp_flags & (BL_TCP_FIN | BL_TCP_RST))
		return BL_CT_LIFE_TCP_FIN;
	return pkt->tcp_flags & BL_TCP_SYN ? BL_CT_LIFE_TCP_SYN : BL_CT_LIFE_TCP;
}

/* The connection's entry, its life prolonged; NULL when there is none. */
static __always_inline struct bl_ct_entry *bl_ct_lookup(const struct bl_pkt *pkt,
							const struct bl_ct_tuple *tuple, __u32 now)
{
	struct bl_ct_set *set = bl_ct_set(pkt, tuple);

	if (!set)
		return NULL;
	for (int i = 0; i < BL_CT_WAYS; i++) {
		struct bl_ct_entry *entry = &set->ways[i];
		__u32 expires;

		if (!bl_ct_match(entry, tuple, now))
			continue;
		expires = now + bl_ct_life(pkt, tuple);
		/* written only when it moves, so that a busy flow does not dirty the line */
		if (entry->expires != expires)
			entry->expires = expires;
		return entry;
	}
	return NULL;
}

static __always_inline struct bl_ct_entry *bl_ct_victim(struct bl_ct_set *set)
{
	struct bl_ct_entry *victim = &set->ways[0];

	for (int i = 1; i < BL_CT_WAYS; i++)
		if (set->ways[i].expires < victim->expires)
			victim = &set->ways[i];
	return victim;
}

/* Makes an entry for a tuple that has none. */
static __always_inline void bl_ct_insert(const struct bl_pkt *pkt, const struct bl_ct_tuple *tuple,
					 enum bl_ct_owner owner, __u32 now)
{
	struct bl_ct_set *set = bl_ct_set(pkt, tuple);
	struct bl_ct_entry *entry;
	__u32 before;

	if (!set)
		return;
	entry = bl_ct_victim(set);
	before = entry->expires;
	if (before == BL_CT_CLAIMED ||
	    __sync_val_compare_and_swap(&entry->expires, before, BL_CT_CLAIMED) != before)
		return;
	entry->remote = tuple->remote;
	entry->remote_port = tuple->remote_port;
	entry->local_port = tuple->local_port;
	entry->protocol = tuple->protocol;
	entry->fragment = tuple->fragment;
	entry->owner = owner;
	entry->expires = now + bl_ct_life(pkt, tuple);
}

/* The same for a tuple that may have one, which then only lives on. */
static __always_inline void bl_ct_remember(const struct bl_pkt *pkt,
					   const struct bl_ct_tuple *tuple, enum bl_ct_owner owner,
					   __u32 now)
{
	if (!bl_ct_lookup(pkt, tuple, now))
		bl_ct_insert(pkt, tuple, owner, now);
}
