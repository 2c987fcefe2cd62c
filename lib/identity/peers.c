// SPDX-License-Identifier: Apache-2.0
/*
 * Those whose labels make an identity. A peer takes little room, as there may be ten thousand: its labels
 * are its identity's, ports and the names of namespaces and nodes are shared, and its claims in the ipcache
 * stand beside its addresses.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "../atom.h"
#include "peers.h"

static uint64_t hash_of(enum peer_kind kind, const char *namespace, const char *name)
{
	return hash_text(hash_text(hash_bytes(HASH_INIT, &kind, sizeof(kind)), namespace), name);
}

struct peer_key {
	enum peer_kind kind;
	const char *namespace, *name;
};

static bool is_peer(const void *item, const void *key)
{
	const struct peer *peer = item;
	const struct peer_key *like = key;

	return peer->kind == like->kind && strcmp(peer->name, like->name) == 0 &&
	       strcmp(peer_namespace(peer), like->namespace) == 0;
}

struct peer *peers_find(const struct peers *peers, enum peer_kind kind, const char *namespace,
			const char *name)
{
	const struct peer_key like = {kind, namespace, name};

	return hash_find(&peers->items, hash_of(kind, namespace, name), is_peer, &like);
}

static void queue(struct peers *peers, struct peer *peer)
{
	if (peer->is_queued)
		return;
	peer->is_queued = true;
	if ((peers->n_queued & (peers->n_queued - 1)) == 0)
		peers->queued = bl_realloc(peers->queued,
					   (peers->n_queued * 2 + 1) * sizeof(*peers->queued));
	peers->queued[peers->n_queued++] = peer;
}

struct peer *peers_get(struct peers *peers, enum peer_kind kind, const char *namespace,
		       const char *name)
{
	struct peer *peer = peers_find(peers, kind, namespace, name);
	size_t size = strlen(name) + 1;

	if (peer)
		return peer;
	peer = bl_alloc(sizeof(*peer) + size);
	peer->kind = kind;
	peer->in_namespace = atom_get(namespace);
	memcpy(peer->name, name, size);
	hash_add(&peers->items, hash_of(kind, namespace, name), peer);
	return peer;
}

/* ---- what they say ------------------------------------------------------------------------------ */

static void clear_facts(struct peers *peers, struct peer *peer, uint64_t round)
{
	atom_put(peer->node);
	atom_put(peer->in_namespace);
	bl_labels_clear(&peer->labels);
	ports_put(&peers->ports, peer->ports, round);
}

void peer_set(struct peers *peers, struct ipcache *ipcache, struct peer *peer,
	      struct peer_facts *facts, uint64_t round)
{
	struct peer before = *peer;

	peer->node = atom_get(facts->node);
	peer->in_namespace = atom_get(facts->namespace);
	peer->labels = facts->labels;
	peer->ports = ports_get(&peers->ports, facts->ports, facts->n_ports, round);
	places_set(&peer->places, ipcache, facts->addrs, facts->n_addrs);
	/* after the new ones: a port that both have is never nobody's */
	clear_facts(peers, &before, round);
	queue(peers, peer);
}

static void unqueue(struct peers *peers, const struct peer *peer)
{
	size_t i = 0;

	if (!peer->is_queued)
		return;
	while (peers->queued[i] != peer)
		i++;
	peers->queued[i] = peers->queued[--peers->n_queued];
}

void peers_remove(struct peers *peers, struct ipcache *ipcache, struct identities *identities,
		  struct peer *peer, uint64_t round)
{
	hash_remove(&peers->items, hash_of(peer->kind, peer_namespace(peer), peer->name), peer);
	places_leave(&peer->places, ipcache);
	unqueue(peers, peer);
	if (peer->identity)
		identity_put(identities, peer->identity);
	clear_facts(peers, peer, round);
	free(peer);
}

void peers_queue_namespace(struct peers *peers, const char *namespace)
{
	size_t position = 0;

	for (struct peer *peer; (peer = hash_next(&peers->items, &position));)
		if (strcmp(peer->in_namespace, namespace) == 0)
			queue(peers, peer);
}

/* ---- who they are -------------------------------------------------------------------------------- */

static enum claim_rank rank_of(const struct peer *peer)
{
	static const enum claim_rank ranks[] = {
		[PEER_ENDPOINT] = CLAIM_ENDPOINT, [PEER_POD] = CLAIM_POD, [PEER_VMI] = CLAIM_VMI};

	return ranks[peer->kind];
}

static struct identity *identify(const struct peer *peer, struct identities *identities,
				 const struct inventory *inventory)
{
	const struct object *namespace =
		inventory_find(inventory, OBJECT_NAMESPACE, "", peer->in_namespace);
	struct bl_labels labels;
	struct identity *identity;

	bl_labels_copy(peer->labels.n_items ? &peer->labels : &peer->identity->labels, &labels);
	object_drop_namespace(&labels);
	object_add_namespace(&labels, peer->in_namespace, namespace ? &namespace->labels : NULL);
	identity = identity_get(identities, IDENTITY_CLUSTER, &labels, NULL);
	bl_labels_clear(&labels);
	return identity;
}

int peers_update(struct peers *peers, struct identities *identities, struct ipcache *ipcache,
		 const struct inventory *inventory, struct bl_err *err)
{
	while (peers->n_queued > 0) {
		struct peer *peer = peers->queued[peers->n_queued - 1];
		struct identity *identity = identify(peer, identities, inventory);

		if (!identity)
			return bl_fail(
				err, -ENOSPC,
				"no identity is left for %s/%s: %d sets of labels are in use",
				peer_namespace(peer), peer->name,
				BL_IDENTITY_CLUSTER_LAST - BL_IDENTITY_CLUSTER_FIRST + 1);
		peer->is_stale = true;
		if (peer->identity)
			identity_put(identities, peer->identity);
		peer->identity = identity;
		bl_labels_clear(&peer->labels);
		places_claim(&peer->places, ipcache, rank_of(peer), peer, identity->number);
		peer->is_queued = false;
		peers->n_queued--;
	}
	free(peers->queued);
	peers->queued = NULL;
	return 0;
}

void peers_release(struct peers *peers)
{
	size_t position = 0;

	for (struct peer *peer; (peer = hash_next(&peers->items, &position));) {
		free(peer->places.items);
		clear_facts(peers, peer, 0);
		free(peer);
	}
	hash_release(&peers->items);
	port_lists_release(&peers->ports);
	free(peers->queued);
}
