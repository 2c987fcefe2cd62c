/* SPDX-License-Identifier: Apache-2.0 */
/* Identities: sets of labels and their numbers. */
#pragma once

#include <beeline/abi.h>
#include <beeline/labels.h>

#include "../hash.h"
#include "memory.h"

enum identity_scope {
	IDENTITY_RESERVED, /* has its number from abi.h */
	IDENTITY_CLUSTER,
	IDENTITY_LOCAL,
	IDENTITY_NODE,
	IDENTITY_SCOPES
};

struct identity {
	uint32_t number;
	uint32_t n_holders;
	struct bl_labels labels;
	/* What a CIDR is compared with: LOCAL, world-ipv4, world-ipv6; others have none. */
	struct bl_prefix *prefix;
	bool is_selected; /* the selections know it */
	bool is_leaving; /* nobody holds it, but an ipcache may still say it: selected for a round more */
	bool is_queued; /* in changed[] */
};

struct identities {
	struct hash_table by_labels, by_number;
	uint32_t next
		[IDENTITY_SCOPES]; /* goes round, so that a number rests before it is used again */
	/* New ones, and ones that nobody may hold any more. */
	struct identity **changed;
	size_t n_changed;
	struct memory memory; /* numbers that are kept for labels */
};

/* With the reserved ones of abi.h, which are always held. */
void identities_init(struct identities *identities);
void identities_release(struct identities *identities);

/* One more holder of the identity with these labels, which is made when there is none. NULL: no number
 * of that scope is left. */
struct identity *identity_get(struct identities *identities, enum identity_scope scope,
			      const struct bl_labels *labels, const struct bl_prefix *prefix);
/* The last one queues it; identities_sweep() frees. */
void identity_put(struct identities *identities, struct identity *identity);
struct identity *identity_find(const struct identities *identities, uint32_t number);
/* Other labels for a reserved identity. The selections must not know it at this moment. */
void identity_relabel(struct identities *identities, struct identity *identity,
		      const struct bl_labels *labels);
/* Frees what nobody holds and the selections do not know. Whether there was any. */
bool identities_drop_orphans(struct identities *identities);
/* The same, and leaves in changed[] only those that are leaving. */
void identities_sweep(struct identities *identities);
