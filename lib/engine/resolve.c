// SPDX-License-Identifier: Apache-2.0
/*
 * What a peer means: a selector over labels, or a prefix. Entities are selectors over reserved labels;
 * groups and services are looked up in the inventory, and who is not found is nobody.
 */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "../prefix.h"
#include "resolve.h"

#define CLUSTER_LABEL "(cluster)" /* stands for the label of this cluster */

/* The labels that make an entity; alternatives. */
static const char *const entities[BL_ENTITIES][9] = {
	[BL_ENTITY_WORLD] = {"world", "world-ipv4", "world-ipv6"},
	[BL_ENTITY_WORLD_IPV4] = {"world-ipv4"},
	[BL_ENTITY_WORLD_IPV6] = {"world-ipv6"},
	[BL_ENTITY_CLUSTER] = {"host", "remote-node", "init", "ingress", "health", "unmanaged",
			       "kube-apiserver", CLUSTER_LABEL},
	[BL_ENTITY_HOST] = {"host"},
	[BL_ENTITY_REMOTE_NODE] = {"remote-node"},
	[BL_ENTITY_KUBE_APISERVER] = {"kube-apiserver"},
	[BL_ENTITY_INGRESS] = {"ingress"},
	[BL_ENTITY_INIT] = {"init"},
	[BL_ENTITY_HEALTH] = {"health"},
	[BL_ENTITY_UNMANAGED] = {"unmanaged"},
};

static void add(struct rule *rule, struct selection *selection)
{
	rule->selections =
		bl_realloc(rule->selections, (rule->n_selections + 1) * sizeof(*rule->selections));
	rule->selections[rule->n_selections++] = selection;
}

/* Takes the selector. */
static void add_selector(const struct rules_context *context, struct rule *rule,
			 struct bl_selector *selector)
{
	add(rule, selection_of_labels(context->selections, selector));
	bl_selector_clear(selector);
}

static void resolve_entity(const struct rules_context *context, struct rule *rule,
			   enum bl_entity entity)
{
	rule->any_peer |= entity == BL_ENTITY_ALL;
	for (const char *const *name = entities[entity]; *name; name++) {
		struct bl_selector selector = {0};

		if (strcmp(*name, CLUSTER_LABEL) == 0)
			bl_selector_require(&selector, "k8s", BL_LABEL_CLUSTER, context->cluster);
		else
			bl_selector_require(&selector, "reserved", *name, "");
		add_selector(context, rule, &selector);
	}
}

/* The own node is the host, the others are remote nodes. */
static void resolve_nodes(const struct rules_context *context, struct rule *rule,
			  const struct bl_peer *peer, const char *what)
{
	struct bl_selector selector;

	bl_selector_copy(&peer->selector, &selector);
	bl_selector_require(&selector, "reserved", what, NULL);
	add_selector(context, rule, &selector);
}

static void resolve_groups(const struct rules_context *context, struct rule *rule,
			   const struct bl_peer *peer)
{
	size_t position = 0;

	for (const struct object *group;
	     (group = inventory_next(context->inventory, OBJECT_CIDR_GROUP, &position));) {
		if (peer->name ? strcmp(peer->name, group->name) != 0
			       : !bl_selector_matches(&peer->selector, &group->labels))
			continue;
		for (size_t i = 0; i < group->n_prefixes; i++)
			add(rule, selection_of_cidr(context->selections, &group->prefixes[i],
						    peer->except, peer->n_except));
	}
}

/* A service without selector: the addresses of its slices. As prefixes they never mean a pod. */
static void resolve_slices(const struct rules_context *context, struct rule *rule,
			   const struct object *service)
{
	size_t position = 0;

	for (const struct object *slice;
	     (slice = inventory_next(context->inventory, OBJECT_SLICE, &position));) {
		if (!slice->service || strcmp(slice->service, service->name) != 0 ||
		    strcmp(slice->namespace, service->namespace) != 0)
			continue;
		for (size_t i = 0; i < slice->n_addrs; i++) {
			struct bl_prefix prefix = prefix_of_addr(&slice->addrs[i]);

			add(rule, selection_of_cidr(context->selections, &prefix, NULL, 0));
		}
	}
}

static void resolve_service(const struct rules_context *context, struct rule *rule,
			    const struct object *service)
{
	struct bl_selector selector = {0};

	if (service->selector.n_items == 0) {
		resolve_slices(context, rule, service);
		return;
	}
	for (size_t i = 0; i < service->selector.n_items; i++)
		bl_selector_require(&selector, "k8s", service->selector.items[i]->key,
				    service->selector.items[i]->value);
	bl_selector_require(&selector, "k8s", BL_LABEL_NAMESPACE, service->namespace);
	add_selector(context, rule, &selector);
}

static void resolve_services(const struct rules_context *context, struct rule *rule,
			     const struct bl_peer *peer)
{
	size_t position = 0;

	for (const struct object *service;
	     (service = inventory_next(context->inventory, OBJECT_SERVICE, &position));) {
		bool matches = peer->name ? strcmp(peer->name, service->name) == 0
					  : bl_selector_matches(&peer->selector, &service->labels);

		if (peer->namespace && strcmp(peer->namespace, service->namespace) != 0)
			matches = false;
		if (matches)
			resolve_service(context, rule, service);
	}
}

static void resolve_peer(const struct rules_context *context, struct rule *rule,
			 const struct bl_peer *peer)
{
	switch (peer->kind) {
	case BL_PEER_LABELS:
		add(rule, selection_of_labels(context->selections, &peer->selector));
		break;
	case BL_PEER_ENTITY:
		resolve_entity(context, rule, peer->entity);
		break;
	case BL_PEER_CIDR:
		add(rule, selection_of_cidr(context->selections, &peer->cidr, peer->except,
					    peer->n_except));
		break;
	case BL_PEER_CIDR_GROUP:
		resolve_groups(context, rule, peer);
		break;
	case BL_PEER_ALL_NODES:
		resolve_nodes(context, rule, peer, "host");
		/* fall through */
	case BL_PEER_NODES:
		resolve_nodes(context, rule, peer, "remote-node");
		break;
	case BL_PEER_SERVICE:
		resolve_services(context, rule, peer);
		break;
	}
}

/* By address, so that the order in which objects are found does not matter. */
static int compare_pointers(const void *a, const void *b)
{
	const void *const *x = a, *const *y = b;

	return (*x > *y) - (*x < *y);
}

void resolve_peers(const struct rules_context *context, struct rule *rule)
{
	const struct bl_policy_rule *from = rule->rule;

	rule->any_peer = from->any_peer;
	for (size_t i = 0; !from->any_peer && i < from->n_peers; i++)
		resolve_peer(context, rule, &from->peers[i]);
	if (rule->n_selections > 0)
		qsort(rule->selections, rule->n_selections, sizeof(*rule->selections),
		      compare_pointers);
}
