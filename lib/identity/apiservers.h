/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses behind the service default/kubernetes; those that are no node's are marked as prefixes. */
#pragma once

#include "../object/inventory.h"
#include "prefixes.h"

struct apiservers {
	struct bl_addr *addrs;
	size_t n_addrs;
	struct bl_prefix *outside; /* those of them that are no nodes */
	size_t n_outside;
};

void apiservers_read(struct apiservers *apiservers, const struct inventory *inventory);
bool apiservers_has(const struct apiservers *apiservers, const struct bl_addr *addr);
/* These, and no others, are API servers outside the cluster; takes the list over. */
void apiservers_mark(struct apiservers *apiservers, struct prefixes *prefixes,
		     struct bl_prefix *outside, size_t n);
void apiservers_release(struct apiservers *apiservers);
