/* SPDX-License-Identifier: Apache-2.0 */
/* Who an address is: prefixes, those who claim them, and the identity that holds. */
#pragma once

#include <beeline/engine.h>

#include "../hash.h"

/* The lower rank wins, as more is known by it. */
enum claim_rank { CLAIM_ENDPOINT, CLAIM_NODE, CLAIM_POD, CLAIM_VMI, CLAIM_PREFIX };

/* Embedded in its owner, who keeps it where it is while it stands. */
struct claim {
	struct claim *next;
	struct peer *peer; /* whose it is; NULL: a node's or a prefix's */
	uint32_t identity;
	uint8_t rank; /* enum claim_rank */
};

struct ipcache {
	struct hash_table entries;
	struct ipcache_entry **touched;
	size_t n_touched;
	size_t n_told;           /* entries that the last changes ended with */
	uint32_t n_of_bits[129]; /* entries per prefix length: the lengths that a look-up tries */
	struct bl_ipcache_row *rows; /* of all entries, made when somebody asks */
	size_t n_rows;
};

void ipcache_add(struct ipcache *ipcache, const struct bl_prefix *prefix, struct claim *claim);
void ipcache_remove(struct ipcache *ipcache, const struct bl_prefix *prefix, struct claim *claim);
/* The claim says another identity from now on. */
void ipcache_change(struct ipcache *ipcache, const struct bl_prefix *prefix, struct claim *claim,
		    uint32_t identity);
/* Will there be any? */
bool ipcache_has_changes(const struct ipcache *ipcache);
/* What changed since the last call; the caller frees. Entries that nobody claims go. */
void ipcache_take_changes(struct ipcache *ipcache, struct bl_ipcache_row **ret_rows, size_t *ret_n);
/* The peer that holds just this address; NULL: none does. */
struct peer *ipcache_peer(const struct ipcache *ipcache, const struct bl_addr *addr);
/* Another pod or endpoint than that one that claims just this address, the best known of them; NULL: none. A
 * VMI is no other than its pod. */
struct peer *ipcache_rival(const struct ipcache *ipcache, const struct bl_addr *addr,
			   const struct peer *peer);
/* The longest prefix; 0: none. */
uint32_t ipcache_lookup(const struct ipcache *ipcache, const struct bl_addr *addr);
void ipcache_rows(struct ipcache *ipcache, const struct bl_ipcache_row **ret_rows, size_t *ret_n);
void ipcache_release(struct ipcache *ipcache);
