/* SPDX-License-Identifier: Apache-2.0 */
/* Prefixes of both families, whose bits count within 128. */
#pragma once

#include <stdbool.h>
#include <string.h>

#include <beeline/abi.h>
#include <beeline/addr.h>
#include <beeline/err.h>

#include "hash.h"

#define PREFIX_TEXT_MAX (BL_ADDR_TEXT_MAX + 8) /* "0", "0", "/128" */

/* IPv4 lies in ::ffff:0:0/96, and nothing of IPv6 holds it: 0.0.0.0/0 is no part of ::/0. */
static inline bool prefix_is_v4(const struct bl_prefix *prefix)
{
	return prefix->bits >= 96 && bl_addr_is_v4(&prefix->addr);
}

static inline bool prefix_holds(const struct bl_prefix *outer, const struct bl_addr *addr)
{
	size_t whole = outer->bits / 8, rest = outer->bits % 8;

	if (prefix_is_v4(outer) != bl_addr_is_v4(addr))
		return false;
	return memcmp(outer->addr.bytes, addr->bytes, whole) == 0 &&
	       (rest == 0 || (outer->addr.bytes[whole] ^ addr->bytes[whole]) >> (8 - rest) == 0);
}

static inline bool prefix_is_within(const struct bl_prefix *inner, const struct bl_prefix *outer)
{
	return inner->bits >= outer->bits && prefix_holds(outer, &inner->addr);
}

static inline bool prefix_equal(const struct bl_prefix *a, const struct bl_prefix *b)
{
	return a->bits == b->bits && bl_addr_equal(&a->addr, &b->addr);
}

static inline uint64_t hash_prefix(uint64_t hash, const struct bl_prefix *prefix)
{
	return hash_bytes(hash_bytes(hash, &prefix->bits, 1), &prefix->addr, sizeof(prefix->addr));
}

static inline uint64_t prefix_hash(const struct bl_prefix *prefix)
{
	return hash_prefix(HASH_INIT, prefix);
}

/* By address, then the shorter first: what lies within a prefix follows it without a gap. */
static inline int prefix_compare(const struct bl_prefix *a, const struct bl_prefix *b)
{
	int order = memcmp(&a->addr, &b->addr, sizeof(a->addr));

	return order ? order : (int)a->bits - (int)b->bits;
}

static inline struct bl_prefix prefix_of_addr(const struct bl_addr *addr)
{
	return (struct bl_prefix){.addr = *addr, .bits = 128};
}

/* "10.0.0.0/8", host bits refused; where a bare address is allowed it is its own prefix. */
int prefix_parse(const char *text, bool bare, struct bl_prefix *ret_prefix, struct bl_err *err);
