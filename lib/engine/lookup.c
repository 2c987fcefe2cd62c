// SPDX-License-Identifier: Apache-2.0
/* What the kernel's policy stage does with the entries of an endpoint, over the sorted rows. */
#include <arpa/inet.h>
#include <string.h>

#include <beeline/engine.h>

/* The order of rows: direction, identity, protocol, port, the shorter prefix first. */
static int compare_keys(const struct bl_policy_key *a, const struct bl_policy_key *b)
{
	if (a->egress != b->egress)
		return a->egress < b->egress ? -1 : 1;
	if (a->identity != b->identity)
		return a->identity < b->identity ? -1 : 1;
	if ((a->prefixlen > BL_POLICY_PREFIX_FIXED) != (b->prefixlen > BL_POLICY_PREFIX_FIXED))
		return a->prefixlen > BL_POLICY_PREFIX_FIXED ? 1 : -1;
	if (a->protocol != b->protocol)
		return a->protocol < b->protocol ? -1 : 1;
	if ((a->prefixlen > BL_POLICY_PREFIX_PROTOCOL) !=
	    (b->prefixlen > BL_POLICY_PREFIX_PROTOCOL))
		return a->prefixlen > BL_POLICY_PREFIX_PROTOCOL ? 1 : -1;
	if (a->dport != b->dport)
		return ntohs(a->dport) < ntohs(b->dport) ? -1 : 1;
	return (int)a->prefixlen - (int)b->prefixlen;
}

/* The first of the items that does not come before the key. */
static size_t position_of(const struct bl_policy_row *items, size_t n,
			  const struct bl_policy_key *key)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare_keys(&items[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct bl_policy_row *find(const struct bl_policy_row *items, size_t n,
					const struct bl_policy_key *key)
{
	size_t at = position_of(items, n, key);

	return at < n && compare_keys(&items[at].key, key) == 0 ? &items[at] : NULL;
}

/* The longest prefix, as an LPM trie finds it. */
static const struct bl_policy_row *longest(const struct bl_policy_rows *rows,
					   const struct bl_policy_key *full)
{
	struct bl_policy_key key = {.prefixlen = BL_POLICY_PREFIX_FIXED,
				    .identity = full->identity,
				    .egress = full->egress};
	size_t first = position_of(rows->items, rows->n_items, &key), n;
	const struct bl_policy_row *items = rows->items + first, *row;

	key.identity++;
	n = position_of(rows->items, rows->n_items, &key) - first;
	key.identity = full->identity;
	key.protocol = full->protocol;
	for (uint32_t bits = BL_POLICY_PREFIX_FULL; n > 0 && bits >= BL_POLICY_PREFIX_PROTOCOL;
	     bits--) {
		key.prefixlen = bits;
		key.dport = htons(
			(uint16_t)(ntohs(full->dport) & ~0u << (BL_POLICY_PREFIX_FULL - bits)));
		row = find(items, n, &key);
		if (row)
			return row;
	}
	return n > 0 && items[0].key.prefixlen == BL_POLICY_PREFIX_FIXED ? items : NULL;
}

const struct bl_policy_row *bl_policy_lookup(const struct bl_policy_rows *rows, uint32_t identity,
					     enum bl_policy_direction direction, uint8_t protocol,
					     uint16_t port)
{
	struct bl_policy_key key = {.identity = identity,
				    .egress = direction == BL_EGRESS,
				    .protocol = protocol,
				    .dport = htons(port)};
	const struct bl_policy_row *special = longest(rows, &key), *general;

	key.identity = BL_IDENTITY_ANY;
	general = longest(rows, &key);
	if (!special || !general)
		return special ? special : general;
	return general->entry.precedence > special->entry.precedence ? general : special;
}
