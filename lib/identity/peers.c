// SPDX-License-Identifier: Apache-2.0
/*
 * Those whose labels make an identity. A peer takes little room, as there may be ten thousand: labels and
 * names of ports are shared, and its claims in the ipcache stand beside its addresses.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "../prefix.h"
#include "peers.h"

static uint64_t hash_of(enum peer_kind kind, const char *namespace, const char *name)
{
	return hash_text(hash_text(hash_bytes(HASH_INIT, &kind, sizeof(kind)), namespace), name);
}

static bool is_peer(const void *item, const void *key)
{
	const struct peer *a = item, *b = key;

	return a->kind == b->kind && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->namespace, b->namespace) == 0;
}

struct peer *peers_find(const struct peers *peers, enum peer_kind kind, const char *namespace,
			const char *name)
{
	const struct peer like = {
		.kind = kind, .namespace = (char *)namespace, .name = (char *)name};

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

	if (peer)
		return peer;
	peer = bl_alloc(sizeof(*peer));
	peer->kind = kind;
	peer->namespace = bl_strdup(namespace);
	peer->name = bl_strdup(name);
	hash_add(&peers->items, hash_of(kind, namespace, name), peer);
	return peer;
}

/* ---- their ports -------------------------------------------------------------------------------- */

int peer_port(const struct peer *peer, const char *name, uint8_t protocol)
{
	int found = -1;

	for (size_t i = 0; i < peer->n_ports; i++) {
		const struct peer_port *port = &peer->ports[i];

		if (!port_name_is(port->name, name, protocol))
			continue;
		if (found >= 0 && found != port->port)
			return -1;
		found = port->port;
	}
	return found;
}

static void drop_ports(struct peers *peers, struct peer *peer, uint64_t round)
{
	for (size_t i = 0; i < peer->n_ports; i++)
		port_name_drop(&peers->port_names, peer->ports[i].name, peer->ports[i].port, round);
	free(peer->ports);
	peer->ports = NULL;
	peer->n_ports = 0;
}

/* New ones first, so that a number both have is never nobody's. */
static void set_ports(struct peers *peers, struct peer *peer, const struct bl_named_port *ports,
		      size_t n, uint64_t round)
{
	struct peer_port *items = n ? bl_alloc(n * sizeof(*items)) : NULL;

	for (size_t i = 0; i < n; i++)
		items[i] = (struct peer_port){port_name_hold(&peers->port_names, &ports[i], round),
					      ports[i].port};
	drop_ports(peers, peer, round);
	peer->ports = items;
	peer->n_ports = (uint32_t)n;
}

/* ---- what they say ------------------------------------------------------------------------------ */

void peer_set(struct peers *peers, struct ipcache *ipcache, struct peer *peer,
	      struct peer_facts *facts, uint64_t round)
{
	free(peer->node);
	peer->node = bl_strdup(facts->node);
	bl_labels_clear(&peer->labels);
	peer->labels = facts->labels;
	peer->in_namespace = bl_labels_value(&peer->labels, "k8s", BL_LABEL_NAMESPACE);
	places_set(&peer->places, ipcache, facts->addrs, facts->n_addrs);
	set_ports(peers, peer, facts->ports, facts->n_ports, round);
	queue(peers, peer);
}

static void free_peer(struct peer *peer)
{
	bl_labels_clear(&peer->labels);
	free(peer->places.items);
	free(peer->ports);
	free(peer->node);
	free(peer->namespace);
	free(peer->name);
	free(peer);
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
	places_leave(&peer->places, ipcache);
	drop_ports(peers, peer, round);
	unqueue(peers, peer);
	if (peer->identity)
		identity_put(identities, peer->identity);
	hash_remove(&peers->items, hash_of(peer->kind, peer->namespace, peer->name), peer);
	free_peer(peer);
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

	bl_labels_copy(&peer->labels, &labels);
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
				peer->namespace, peer->name,
				BL_IDENTITY_CLUSTER_LAST - BL_IDENTITY_CLUSTER_FIRST + 1);
		peer->is_stale = true;
		if (peer->identity)
			identity_put(identities, peer->identity);
		peer->identity = identity;
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

	for (struct peer *peer; (peer = hash_next(&peers->items, &position));)
		free_peer(peer);
	hash_release(&peers->items);
	port_names_release(&peers->port_names);
	free(peers->queued);
}
