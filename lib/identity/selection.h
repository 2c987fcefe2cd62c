/* SPDX-License-Identifier: Apache-2.0 */
/* The selector cache: which identities a selector or a prefix selects, kept up to date. */
#pragma once

#include "identity.h"
#include "prefixes.h"

/* Shared by all rules that select alike. */
struct selection {
	uint32_t *numbers; /* sorted: what rules are compiled from */
	uint32_t n_numbers;
	uint64_t changed; /* the round in which numbers changed last */

	/* the rest is selection.c's */
	uint32_t n_room;
	uint32_t n_users;
	bool is_fresh, is_queued;
	/* what it is known by: */
	uint32_t n_except;
	struct bl_prefix *cidr; /* and behind it its exceptions; NULL: of labels */
	struct bl_selector selector;
};

struct selections {
	struct prefixes *prefixes;
	struct hash_table items;
	/* Selections of labels are filed under a label that all their identities have, if there is
	 * one; so an identity is compared with few. */
	struct hash_table by_label;
	struct selection **general; /* those without */
	size_t n_general;
	struct selection **queued; /* new, or without a user */
	size_t n_queued;
};

/* prefixes get the holds of selections by CIDR. */
void selections_init(struct selections *selections, struct prefixes *prefixes);
void selections_release(struct selections *selections);

/* Each adds a user. A new one is empty until selections_update(). */
struct selection *selection_of_labels(struct selections *selections,
				      const struct bl_selector *selector);
struct selection *selection_of_cidr(struct selections *selections, const struct bl_prefix *cidr,
				    const struct bl_prefix *except, size_t n_except);
void selection_put(struct selections *selections, struct selection *selection);

/* Frees what nobody uses; its prefixes are dropped. */
void selections_sweep(struct selections *selections);
/* Follows identities->changed. An identity that nobody holds any more stays selected until the next
 * update, so that an address that still has it in some ipcache is judged as it was. */
void selections_update(struct selections *selections, const struct identities *identities,
		       uint64_t round);
/* Takes an identity out whose labels are about to change. */
void selections_forget(struct selections *selections, struct identity *identity, uint64_t round);
