/* SPDX-License-Identifier: Apache-2.0 */
/* Pods, VMs and endpoints: who they are, where, and by which named ports. */
#pragma once

#include "../object/inventory.h"
#include "identity.h"
#include "places.h"
#include "ports.h"

struct endpoint;

/* An endpoint is known better than a pod, and a pod better than the VM in it. */
enum peer_kind { PEER_ENDPOINT, PEER_POD, PEER_VMI };

struct peer {
	struct identity *identity;
	struct bl_labels
		labels; /* that its identity shall have, but for its namespace's; empty: it has */
	const char *in_namespace; /* whose labels it gets; an atom */
	const char *node;         /* NULL: unknown; an atom */
	struct places places;
	struct ports *ports;
	struct endpoint *endpoint; /* its edge is enforced here */
	uint8_t kind;              /* enum peer_kind */
	bool is_queued;
	bool is_stale; /* of an endpoint: something changed since its rules were collected */
	char name[];
};

/* By which it is known, with its name; that of an endpoint is "". */
static inline const char *peer_namespace(const struct peer *peer)
{
	return peer->kind == PEER_ENDPOINT ? "" : peer->in_namespace;
}

struct peers {
	struct hash_table items;
	struct port_lists ports;
	struct peer **queued;
	size_t n_queued;
};

struct peer *peers_find(const struct peers *peers, enum peer_kind kind, const char *namespace,
			const char *name);
/* Made when missing. */
struct peer *peers_get(struct peers *peers, enum peer_kind kind, const char *namespace,
		       const char *name);
/* Everything but the name, from an object or an endpoint's description; labels are taken over. */
struct peer_facts {
	const char *node, *namespace;
	struct bl_labels labels;
	const struct bl_addr *addrs;
	size_t n_addrs;
	const struct bl_named_port *ports;
	size_t n_ports;
};
void peer_set(struct peers *peers, struct ipcache *ipcache, struct peer *peer,
	      struct peer_facts *facts, uint64_t round);
void peers_remove(struct peers *peers, struct ipcache *ipcache, struct identities *identities,
		  struct peer *peer, uint64_t round);
/* The labels of a namespace changed. */
void peers_queue_namespace(struct peers *peers, const char *namespace);
/* Gives identities to those that changed. -ENOSPC: none is left; whoever has got none is asked again. */
int peers_update(struct peers *peers, struct identities *identities, struct ipcache *ipcache,
		 const struct inventory *inventory, struct bl_err *err);
void peers_release(struct peers *peers);
