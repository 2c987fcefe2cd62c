/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes and API servers: their addresses and identities. */
#pragma once

#include "apiservers.h"
#include "selection.h"

struct nodes {
	struct hash_table items;
	char *own;             /* the node that this is; NULL: none */
	struct bl_addr *extra; /* addresses of the own node that no Node object says */
	size_t n_extra;
	struct apiservers apiservers;
	bool is_changed;
};

struct nodes_context {
	const struct inventory *inventory;
	struct identities *identities;
	struct selections *selections;
	struct prefixes *prefixes;
	struct ipcache *ipcache;
	bool by_labels; /* some policy selects nodes by labels */
	uint64_t round;
};

void nodes_init(struct nodes *nodes, const char *own);
void nodes_set_extra(struct nodes *nodes, const struct bl_addr *addrs, size_t n);
void nodes_update(struct nodes *nodes, const struct nodes_context *context);
/* Is this an address of that node? */
bool nodes_has(const struct nodes *nodes, const char *name, const struct bl_addr *addr);
/* The identity by which a node's endpoints know it. */
uint32_t nodes_host(const struct nodes *nodes, const char *name);
/* The identity by which others know it; 0: there is no such node. */
uint32_t nodes_identity(const struct nodes *nodes, const char *name);
void nodes_release(struct nodes *nodes);
