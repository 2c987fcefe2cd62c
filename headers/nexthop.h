/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who is the pod's gateway on the wire: seeded by the agent, learned from ARP and neighbour
 * advertisements that pass, so that it stays true without any process of ours. While it is not
 * known the kernel resolves it (bpf_redirect_neigh), and the answer is learned here.
 */
#pragma once

#include "maps.h"
#include "pkt.h"

static __always_inline struct bl_nexthop *bl_nexthop(const struct bl_pkt *pkt, __u8 family)
{
	__u32 key = pkt->endpoint * BL_FAMILIES + family;

	return bpf_map_lookup_elem(&bl_nexthops, &key);
}

static __always_inline void bl_nexthop_learn(const struct bl_pkt *pkt, __u8 family, const __u8 *mac)
{
	struct bl_nexthop *known = bl_nexthop(pkt, family);
	struct bl_nexthop seen = {};

	bl_mac_copy(seen.mac, mac);
	seen.known = 1;
	if (known && known->word != seen.word)
		known->word = seen.word;
}
