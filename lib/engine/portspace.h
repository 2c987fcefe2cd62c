/* SPDX-License-Identifier: Apache-2.0 */
/* Protocols and ports: from ordered rows of layer 4 to the prefix blocks of one identity. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <beeline/policy.h>

/* Who is asked first: tier, priority, verdict. Lower comes before higher. */
#define RANK(tier, priority, verdict) \
	((uint64_t)(tier) << 40 | (uint64_t)(priority) << 8 | (uint64_t)(verdict))
#define RANK_TIER(rank)     ((uint32_t)((rank) >> 40))
#define RANK_PRIORITY(rank) ((uint32_t)((rank) >> 8))
#define RANK_VERDICT(rank)  ((enum bl_rule_verdict)((rank)&0xff))

struct port_row {
	uint64_t rank; /* of its rule */
	uint32_t rule; /* what blocks name; of equal ranks the lower first */
	uint16_t first, last;
	uint8_t protocol;
	bool any_protocol;
};

/* A key's end: prefixlen and what it fixes (abi.h). */
struct port_block {
	uint64_t rank;
	uint32_t rule;
	uint16_t port;
	uint8_t protocol;
	uint8_t prefixlen;
};

struct port_blocks {
	struct port_block *items; /* sorted by protocol, port, prefix; the caller frees */
	size_t n_items;
};

/*
 * First match: what each protocol and port gets from the rows, PASS going on with the next tier. The
 * longest block that holds a port is the answer for it; no block: no row matches. Where rows pass there
 * has to be one at the end that matches all, since a block cannot say "none" within another.
 * Sorts the rows.
 */
void portspace_solve(struct port_row *rows, size_t n_rows, struct port_blocks *ret_blocks);
