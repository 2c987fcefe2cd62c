// SPDX-License-Identifier: Apache-2.0
/* Addresses and the claims on them: see the header. */
#include "places.h"

#include <stdlib.h>

#include <beeline/file.h>

#include "../prefix.h"

bool places_has(const struct places *places, const struct bl_addr *addr)
{
	for (size_t i = 0; i < places->n_items; i++)
		if (bl_addr_equal(&places->items[i].addr, addr))
			return true;
	return false;
}

static bool are_these(const struct places *places, const struct bl_addr *addrs, size_t n)
{
	if (places->n_items != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!bl_addr_equal(&places->items[i].addr, &addrs[i]))
			return false;
	return true;
}

void places_set(struct places *places, struct ipcache *ipcache, const struct bl_addr *addrs,
		size_t n)
{
	if (are_these(places, addrs, n))
		return;
	places_leave(places, ipcache);
	places->items = n ? bl_alloc(n * sizeof(*places->items)) : NULL;
	for (size_t i = 0; i < n; i++)
		places->items[i].addr = addrs[i];
	places->n_items = (uint32_t)n;
}

void places_claim(struct places *places, struct ipcache *ipcache, enum claim_rank rank,
		  struct peer *peer, uint32_t identity)
{
	for (size_t i = 0; i < places->n_items; i++) {
		struct place *place = &places->items[i];
		struct bl_prefix prefix = prefix_of_addr(&place->addr);

		if (place->claim.identity == 0) {
			place->claim =
				(struct claim){.peer = peer, .rank = rank, .identity = identity};
			ipcache_add(ipcache, &prefix, &place->claim);
		} else if (place->claim.identity != identity) {
			ipcache_change(ipcache, &prefix, &place->claim, identity);
		}
	}
}

void places_leave(struct places *places, struct ipcache *ipcache)
{
	for (size_t i = 0; i < places->n_items; i++) {
		struct bl_prefix prefix = prefix_of_addr(&places->items[i].addr);

		if (places->items[i].claim.identity)
			ipcache_remove(ipcache, &prefix, &places->items[i].claim);
	}
	free(places->items);
	*places = (struct places){0};
}
