// SPDX-License-Identifier: Apache-2.0
/*
 * The reference evaluator, its people: who a name or an address is, and whether a peer of a rule means
 * them. Everything is looked for where it stands, each time anew.
 */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "../prefix.h"
#include "reference.h"

/* ---- who is there ------------------------------------------------------------------------------- */

static const struct object *find_by_name(const struct bl_reference *reference,
					 enum object_kind kind, const char *namespace,
					 const char *name)
{
	for (size_t i = 0; i < reference->n_objects; i++) {
		const struct object *object = &reference->objects[i];

		if (object->kind == kind && !object->is_over &&
		    strcmp(object->namespace, namespace) == 0 && strcmp(object->name, name) == 0)
			return object;
	}
	return NULL;
}

static const struct object *find_by_addr(const struct bl_reference *reference,
					 enum object_kind kind, const struct bl_addr *addr)
{
	for (size_t i = 0; i < reference->n_objects; i++) {
		const struct object *object = &reference->objects[i];

		if (object->kind == kind && !object->is_over && !object->on_host_network &&
		    bl_addr_is_among(addr, object->addrs, object->n_addrs))
			return object;
	}
	return NULL;
}

const struct object *reference_workload(const struct bl_reference *reference, const char *name)
{
	const char *slash = strchr(name, '/');
	bl_autofree char *namespace = bl_format("%.*s", slash ? (int)(slash - name) : 0, name);
	const struct object *vmi =
		slash ? find_by_name(reference, OBJECT_VMI, namespace, slash + 1) : NULL;

	if (vmi || !slash)
		return vmi;
	return find_by_name(reference, OBJECT_POD, namespace, slash + 1);
}

void reference_labels(const struct bl_reference *reference, const struct object *workload,
		      struct bl_labels *ret_labels)
{
	const struct object *namespace =
		find_by_name(reference, OBJECT_NAMESPACE, "", workload->namespace);

	object_identity_labels(&workload->labels, workload->namespace, reference->cluster,
			       workload->service_account, ret_labels);
	object_add_namespace(ret_labels, workload->namespace,
			     namespace ? &namespace->labels : NULL);
}

/* ---- what they are ------------------------------------------------------------------------------ */

static bool is_slice_of(const struct object *object, const char *namespace, const char *service)
{
	return object->kind == OBJECT_SLICE && object->service &&
	       strcmp(object->namespace, namespace) == 0 && strcmp(object->service, service) == 0;
}

/* Does the service's slice, "default/kubernetes" for an API server, hold one of the addresses? */
static bool is_behind(const struct bl_reference *reference, const char *namespace,
		      const char *service, const struct bl_addr *addrs, size_t n_addrs)
{
	for (size_t i = 0; i < reference->n_objects; i++)
		for (size_t k = 0; k < n_addrs; k++)
			if (is_slice_of(&reference->objects[i], namespace, service) &&
			    bl_addr_is_among(&addrs[k], reference->objects[i].addrs,
					     reference->objects[i].n_addrs))
				return true;
	return false;
}

static void reserve(struct party *party, const char *name)
{
	bl_labels_set(&party->labels, "reserved", name, "");
}

static void be_node(const struct bl_reference *reference, const struct object *node, const char *at,
		    struct party *party)
{
	bool is_own = at && strcmp(node->name, at) == 0;

	party->is_node = true;
	party->node_labels = &node->labels;
	reserve(party, is_own ? "host" : "remote-node");
	if (is_behind(reference, "default", "kubernetes", node->addrs, node->n_addrs))
		reserve(party, "kube-apiserver");
}

static void be_host_pod(const struct bl_reference *reference, const struct object *pod,
			const struct object *node, const char *at, struct party *party)
{
	party->is_node = true;
	if (node)
		be_node(reference, node, at, party);
	else
		reserve(party,
			pod->node && at && strcmp(pod->node, at) == 0 ? "host" : "remote-node");
}

static void be_workload(const struct bl_reference *reference, const struct object *workload,
			const char *at, struct party *party)
{
	const struct object *node =
		workload->node ? find_by_name(reference, OBJECT_NODE, "", workload->node) : NULL;

	if (workload->on_host_network) {
		be_host_pod(reference, workload, node, at, party);
		return;
	}
	party->workload = workload;
	reference_labels(reference, workload, &party->labels);
}

static void be_outside(const struct bl_reference *reference, const struct bl_addr *addr,
		       struct party *party)
{
	party->addr = *addr;
	reserve(party, bl_addr_is_v4(addr) ? "world-ipv4" : "world-ipv6");
	if (is_behind(reference, "default", "kubernetes", addr, 1))
		reserve(party, "kube-apiserver");
}

static void be_addr(const struct bl_reference *reference, const struct bl_addr *addr,
		    const char *at, struct party *party)
{
	const struct object *node = find_by_addr(reference, OBJECT_NODE, addr);
	const struct object *workload = find_by_addr(reference, OBJECT_POD, addr);

	if (!workload)
		workload = find_by_addr(reference, OBJECT_VMI, addr);
	if (node)
		be_node(reference, node, at, party);
	else if (workload)
		be_workload(reference, workload, at, party);
	else
		be_outside(reference, addr, party);
}

bool reference_find(const struct bl_reference *reference, const struct object *at, const char *who,
		    struct party *ret_party)
{
	const char *node_name = at->node ? at->node : reference->node;
	struct party party = {0};
	const struct object *object;
	struct bl_addr addr;

	if (strcmp(who, "host") == 0) {
		object = node_name ? find_by_name(reference, OBJECT_NODE, "", node_name) : NULL;
		party.is_node = true;
		if (object)
			be_node(reference, object, node_name, &party);
		else
			reserve(&party, "host");
	} else if (!strchr(who, '/') && bl_addr_parse(who, &addr, NULL) == 0) {
		be_addr(reference, &addr, node_name, &party);
	} else {
		object = reference_workload(reference, who);
		if (object)
			be_workload(reference, object, node_name, &party);
	}
	*ret_party = party;
	return party.labels.n_items > 0;
}

/* ---- what a peer means -------------------------------------------------------------------------- */

static bool is_reserved(const struct party *party, const char *name)
{
	return bl_labels_value(&party->labels, "reserved", name) != NULL;
}

static bool is_world(const struct party *party)
{
	return is_reserved(party, "world-ipv4") || is_reserved(party, "world-ipv6");
}

static bool is_entity(const struct party *party, enum bl_entity entity)
{
	switch (entity) {
	case BL_ENTITY_ALL:
		return true;
	case BL_ENTITY_NONE:
		return false;
	case BL_ENTITY_WORLD:
		return is_world(party);
	case BL_ENTITY_CLUSTER:
		return !is_world(party) || is_reserved(party, "kube-apiserver");
	default:
		return is_reserved(party, bl_entity_name(entity));
	}
}

/* Prefixes are about the world: never a pod, VM or node. */
static bool is_in(const struct party *party, const struct bl_prefix *prefix,
		  const struct bl_peer *peer)
{
	if (!is_world(party) || !prefix_holds(prefix, &party->addr))
		return false;
	for (size_t i = 0; i < peer->n_except; i++)
		if (prefix_holds(&peer->except[i], &party->addr))
			return false;
	return true;
}

static bool is_in_group(const struct bl_reference *reference, const struct party *party,
			const struct bl_peer *peer)
{
	for (size_t i = 0; i < reference->n_objects; i++) {
		const struct object *group = &reference->objects[i];

		if (group->kind != OBJECT_CIDR_GROUP ||
		    !(peer->name ? strcmp(peer->name, group->name) == 0
				 : bl_selector_matches(&peer->selector, &group->labels)))
			continue;
		for (size_t k = 0; k < group->n_prefixes; k++)
			if (is_in(party, &group->prefixes[k], peer))
				return true;
	}
	return false;
}

static bool is_selected_by(const struct party *party, const struct object *service)
{
	const struct bl_labels *selector = &service->selector;

	if (!party->workload || strcmp(party->workload->namespace, service->namespace) != 0)
		return false;
	for (size_t i = 0; i < selector->n_items; i++) {
		const char *value = bl_labels_value(&party->labels, "k8s", selector->items[i]->key);

		if (!value || strcmp(value, selector->items[i]->value) != 0)
			return false;
	}
	return true;
}

static bool serves(const struct bl_reference *reference, const struct party *party,
		   const struct bl_peer *peer)
{
	for (size_t i = 0; i < reference->n_objects; i++) {
		const struct object *service = &reference->objects[i];

		if (service->kind != OBJECT_SERVICE ||
		    (peer->namespace && strcmp(peer->namespace, service->namespace) != 0) ||
		    !(peer->name ? strcmp(peer->name, service->name) == 0
				 : bl_selector_matches(&peer->selector, &service->labels)))
			continue;
		if (service->selector.n_items > 0
			    ? is_selected_by(party, service)
			    : is_world(party) && is_behind(reference, service->namespace,
							   service->name, &party->addr, 1))
			return true;
	}
	return false;
}

static bool is_node_of(const struct party *party, const struct bl_selector *selector)
{
	static const struct bl_labels none;

	return party->is_node &&
	       bl_selector_matches(selector, party->node_labels ? party->node_labels : &none);
}

static bool is_peer(const struct bl_reference *reference, const struct bl_peer *peer,
		    const struct party *party)
{
	switch (peer->kind) {
	case BL_PEER_LABELS:
		return bl_selector_matches(&peer->selector, &party->labels);
	case BL_PEER_ENTITY:
		return is_entity(party, peer->entity);
	case BL_PEER_CIDR:
		return is_in(party, &peer->cidr, peer);
	case BL_PEER_CIDR_GROUP:
		return is_in_group(reference, party, peer);
	case BL_PEER_NODES:
		return !is_reserved(party, "host") && is_node_of(party, &peer->selector);
	case BL_PEER_ALL_NODES:
		return is_node_of(party, &peer->selector);
	case BL_PEER_SERVICE:
		return serves(reference, party, peer);
	}
	return false;
}

bool reference_is_peer(const struct bl_reference *reference, const struct bl_policy_rule *rule,
		       const struct party *party)
{
	for (size_t i = 0; !rule->any_peer && i < rule->n_peers; i++)
		if (is_peer(reference, &rule->peers[i], party))
			return true;
	return rule->any_peer;
}
