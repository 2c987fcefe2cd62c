/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses of somebody who has one identity, a pod or a node, and his claims on them. */
#pragma once

#include "ipcache.h"

struct place {
	struct bl_addr addr;
	struct claim claim; /* stands while its identity is not 0 */
};

struct places {
	struct place *items;
	uint32_t n_items;
};

bool places_has(const struct places *places, const struct bl_addr *addr);
/* Other addresses than before are nobody's until they are claimed. */
void places_set(struct places *places, struct ipcache *ipcache, const struct bl_addr *addrs,
		size_t n);
/* All for an identity; peer NULL: a node's. */
void places_claim(struct places *places, struct ipcache *ipcache, enum claim_rank rank,
		  struct peer *peer, uint32_t identity);
void places_leave(struct places *places, struct ipcache *ipcache);
