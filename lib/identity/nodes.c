// SPDX-License-Identifier: Apache-2.0
/*
 * Who the nodes are. The own node is "host", others are "remote-node", each with a number of its own once
 * a policy tells nodes apart by their labels. Who stands behind the service default/kubernetes is
 * "kube-apiserver" too; one that is no node is also of the world.
 *
 * Nodes are few and change seldom, so a change of one computes all anew.
 */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "../prefix.h"
#include "nodes.h"
#include "places.h"

struct node {
	char *name;
	bool is_seen, is_apiserver;
	struct identity *identity;
	struct identity
		*host; /* where no node is ours: as its own endpoints know it; NULL: "host" */
	struct places places;
};

static bool is_node(const void *item, const void *key)
{
	return strcmp(((const struct node *)item)->name, key) == 0;
}

static struct node *find(const struct nodes *nodes, const char *name)
{
	return name ? hash_find(&nodes->items, hash_text(HASH_INIT, name), is_node, name) : NULL;
}

static struct node *get(struct nodes *nodes, const char *name)
{
	struct node *node = find(nodes, name);

	if (node)
		return node;
	node = bl_alloc(sizeof(*node));
	node->name = bl_strdup(name);
	hash_add(&nodes->items, hash_text(HASH_INIT, name), node);
	return node;
}

static bool is_own(const struct nodes *nodes, const char *name)
{
	return nodes->own && strcmp(nodes->own, name) == 0;
}

/* ---- nodes -------------------------------------------------------------------------------------- */

static void see(struct nodes *nodes, struct ipcache *ipcache, const char *name,
		const struct bl_addr *addrs, size_t n)
{
	struct node *node = get(nodes, name);

	node->is_seen = true;
	places_set(&node->places, ipcache, addrs, n);
}

/* The own node has the addresses that it was given beside those of its object. */
static void see_own(struct nodes *nodes, const struct nodes_context *context)
{
	const struct object *object =
		nodes->own ? inventory_find(context->inventory, OBJECT_NODE, "", nodes->own) : NULL;
	size_t n = (object ? object->n_addrs : 0) + nodes->n_extra;
	bl_autofree struct bl_addr *addrs = bl_alloc(n * sizeof(*addrs));
	size_t n_addrs = 0;

	if (!nodes->own)
		return;
	for (size_t i = 0; object && i < object->n_addrs; i++)
		if (!bl_addr_is_among(&object->addrs[i], addrs, n_addrs))
			addrs[n_addrs++] = object->addrs[i];
	for (size_t i = 0; i < nodes->n_extra; i++)
		if (!bl_addr_is_among(&nodes->extra[i], addrs, n_addrs))
			addrs[n_addrs++] = nodes->extra[i];
	see(nodes, context->ipcache, nodes->own, addrs, n_addrs);
}

static void see_all(struct nodes *nodes, const struct nodes_context *context)
{
	size_t position = 0;

	for (const struct object *object;
	     (object = inventory_next(context->inventory, OBJECT_NODE, &position));)
		if (!is_own(nodes, object->name))
			see(nodes, context->ipcache, object->name, object->addrs, object->n_addrs);
	see_own(nodes, context);
}

/* What a node is, "host" or "remote-node", beside what else is known of it. */
static struct bl_labels labels_of(const struct node *node, const struct nodes_context *context,
				  const char *what)
{
	const struct object *object =
		inventory_find(context->inventory, OBJECT_NODE, "", node->name);
	struct bl_labels labels = {0};

	if (context->by_labels && object)
		bl_labels_copy(&object->labels, &labels);
	bl_labels_set(&labels, "reserved", what, "");
	if (node->is_apiserver)
		bl_labels_set(&labels, "reserved", "kube-apiserver", "");
	return labels;
}

static struct identity *identify_own(const struct node *node, const struct nodes_context *context)
{
	struct identity *host = identity_find(context->identities, BL_IDENTITY_HOST);
	struct bl_labels labels = labels_of(node, context, "host");

	if (!bl_labels_equal(&labels, &host->labels)) {
		selections_forget(context->selections, host, context->round);
		identity_relabel(context->identities, host, &labels);
	}
	bl_labels_clear(&labels);
	host->n_holders++;
	return host;
}

static struct identity *identify_as(const struct node *node, const struct nodes_context *context,
				    const char *what)
{
	struct bl_labels labels = labels_of(node, context, what);
	struct identity *identity = identity_get(context->identities, IDENTITY_NODE, &labels, NULL);

	bl_labels_clear(&labels);
	return identity;
}

static void put_identities(const struct nodes_context *context, struct node *node)
{
	if (node->identity)
		identity_put(context->identities, node->identity);
	if (node->host)
		identity_put(context->identities, node->host);
}

static void identify(struct nodes *nodes, const struct nodes_context *context, struct node *node)
{
	struct identity *identity = is_own(nodes, node->name)
					    ? identify_own(node, context)
					    : identify_as(node, context, "remote-node");
	struct identity *host = NULL;

	if (!nodes->own && (node->is_apiserver || context->by_labels))
		host = identify_as(node, context, "host");
	put_identities(context, node);
	node->identity = identity;
	node->host = host;
	places_claim(&node->places, context->ipcache, CLAIM_NODE, NULL, identity->number);
}

static void free_node(struct node *node)
{
	free(node->places.items);
	free(node->name);
	free(node);
}

static void forget(struct nodes *nodes, const struct nodes_context *context, struct node *node)
{
	places_leave(&node->places, context->ipcache);
	put_identities(context, node);
	hash_remove(&nodes->items, hash_text(HASH_INIT, node->name), node);
	free_node(node);
}

static bool is_a_node(const struct nodes *nodes, const struct bl_addr *addr)
{
	size_t position = 0;

	for (const struct node *node; (node = hash_next(&nodes->items, &position));)
		if (places_has(&node->places, addr))
			return true;
	return false;
}

static void mark_outside(struct nodes *nodes, struct prefixes *prefixes)
{
	const struct apiservers *apiservers = &nodes->apiservers;
	struct bl_prefix *outside = bl_alloc(apiservers->n_addrs * sizeof(*outside));
	size_t n = 0;

	for (size_t i = 0; i < apiservers->n_addrs; i++)
		if (!is_a_node(nodes, &apiservers->addrs[i]))
			outside[n++] = prefix_of_addr(&apiservers->addrs[i]);
	apiservers_mark(&nodes->apiservers, prefixes, outside, n);
}

void nodes_update(struct nodes *nodes, const struct nodes_context *context)
{
	size_t position = 0;

	apiservers_read(&nodes->apiservers, context->inventory);
	see_all(nodes, context);
	for (struct node *node; (node = hash_next(&nodes->items, &position));) {
		if (!node->is_seen) {
			forget(nodes, context, node);
			continue;
		}
		node->is_seen = node->is_apiserver = false;
		for (size_t i = 0; i < node->places.n_items; i++)
			node->is_apiserver |=
				apiservers_has(&nodes->apiservers, &node->places.items[i].addr);
		identify(nodes, context, node);
	}
	mark_outside(nodes, context->prefixes);
	nodes->is_changed = false;
}

/* ---- asking ------------------------------------------------------------------------------------- */

bool nodes_has(const struct nodes *nodes, const char *name, const struct bl_addr *addr)
{
	const struct node *node = find(nodes, name);

	return node && places_has(&node->places, addr);
}

uint32_t nodes_host(const struct nodes *nodes, const char *name)
{
	const struct node *node = find(nodes, name);

	return node && node->host ? node->host->number : BL_IDENTITY_HOST;
}

uint32_t nodes_identity(const struct nodes *nodes, const char *name)
{
	const struct node *node = find(nodes, name);

	return node && node->identity ? node->identity->number : 0;
}

void nodes_set_extra(struct nodes *nodes, const struct bl_addr *addrs, size_t n)
{
	free(nodes->extra);
	nodes->extra = bl_alloc(n * sizeof(*addrs));
	for (size_t i = 0; i < n; i++)
		nodes->extra[i] = addrs[i];
	nodes->n_extra = n;
	if (!nodes->own)
		nodes->own = bl_strdup("");
	nodes->is_changed = true;
}

void nodes_init(struct nodes *nodes, const char *own)
{
	*nodes = (struct nodes){.own = bl_strdup(own), .is_changed = true};
}

void nodes_release(struct nodes *nodes)
{
	size_t position = 0;

	for (struct node *node; (node = hash_next(&nodes->items, &position));)
		free_node(node);
	hash_release(&nodes->items);
	free(nodes->own);
	free(nodes->extra);
	apiservers_release(&nodes->apiservers);
}
