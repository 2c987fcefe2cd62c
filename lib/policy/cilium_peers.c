// SPDX-License-Identifier: Apache-2.0
/*
 * The peers of one entry of a CiliumNetworkPolicy. Members of layer 3 exclude each other; their
 * selectors gain what the policy's scope implies (facts of pkg/k8s/apis/cilium.io/utils): in a namespaced
 * policy its namespace unless they name one, and always "is a pod", which a selector that only says what
 * a namespace is not would lack; selectors of reserved identities are left alone.
 */
#include <errno.h>
#include <string.h>

#include <beeline/name.h>

#include "cilium.h"

static void scope(const struct cilium_context *context, struct bl_selector *selector)
{
	const char *namespace = context->namespace;

	if (bl_selector_mentions(selector, "reserved", ""))
		return;
	if (*namespace && !bl_selector_mentions(selector, "k8s", BL_LABEL_NAMESPACE) &&
	    !bl_selector_mentions(selector, "k8s", BL_LABEL_NAMESPACE_LABELS))
		bl_selector_require(selector, "k8s", BL_LABEL_NAMESPACE, namespace);
	else
		policy_pods_only(selector);
}

/* ---- selectors --------------------------------------------------------------------------------- */

/* A list of selectors under the member's name; kind LABELS or NODES. */
static int read_selectors(const struct cilium_context *context, const struct cJSON *list,
			  const char *member, enum bl_peer_kind kind, struct bl_err *err)
{
	bl_autofree char *path = bl_format("%s.%s%s", context->path, context->side, member);
	size_t n = 0;

	if (list && !bl_json_is_array(list))
		return bl_fail(err, -EINVAL, "%s: expected array, got %s", path,
			       bl_json_type(list));
	if (bl_json_size(list) > POLICY_PEERS_MAX)
		return bl_fail(err, -EINVAL, "%s: %zu entries are more than %d", path,
			       bl_json_size(list), POLICY_PEERS_MAX);
	bl_json_for_each (item, list) {
		bl_autofree char *at = bl_format("%s[%zu]", path, n++);
		struct bl_peer *peer = policy_add_peer(context->rule, kind);
		int r = bl_selector_decode(item, NULL, "", at, &peer->selector, err);

		if (r < 0)
			return r;
		if (kind == BL_PEER_LABELS)
			scope(context, &peer->selector);
	}
	return 0;
}

/* ---- prefixes ---------------------------------------------------------------------------------- */

static int read_cidrs(const struct cilium_context *context, const struct cilium_entry *entry,
		      struct bl_err *err)
{
	for (size_t i = 0; i < entry->n_cidrs; i++) {
		bl_autofree char *path =
			bl_format("%s.%sCIDR[%zu]", context->path, context->side, i);
		struct bl_peer *peer = policy_add_peer(context->rule, BL_PEER_CIDR);
		int r = policy_prefix(entry->cidrs[i], true, path, &peer->cidr, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_cidr_source(const struct cilium_cidr *set, struct bl_peer *peer, const char *path,
			    struct bl_err *err)
{
	bl_autofree char *cidr = bl_format("%s.cidr", path);
	bl_autofree char *selector = bl_format("%s.cidrGroupSelector", path);

	if (set->cidr)
		return policy_prefix(set->cidr, true, cidr, &peer->cidr, err);
	if (set->group && !bl_name_is_dns_subdomain(set->group, strlen(set->group)))
		return bl_fail(err, -EINVAL, "%s.cidrGroupRef: '%.64s' is not the name of a group",
			       path, set->group);
	peer->kind = BL_PEER_CIDR_GROUP;
	peer->name = bl_strdup(set->group);
	if (set->group_selector)
		return bl_selector_decode(set->group_selector, NULL, "", selector, &peer->selector,
					  err);
	return 0;
}

static int read_cidr_set(const struct cilium_context *context, const struct cilium_entry *entry,
			 struct bl_err *err)
{
	for (size_t i = 0; i < entry->n_cidr_set; i++) {
		const struct cilium_cidr *set = &entry->cidr_set[i];
		bl_autofree char *path =
			bl_format("%s.%sCIDRSet[%zu]", context->path, context->side, i);
		struct bl_peer *peer = policy_add_peer(context->rule, BL_PEER_CIDR);
		int r = read_cidr_source(set, peer, path, err);

		for (size_t k = 0; r == 0 && k < set->n_except; k++) {
			bl_autofree char *except = bl_format("%s.except[%zu]", path, k);

			r = policy_add_except(peer, set->except[k], except, err);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- entities and services ----------------------------------------------------------------------- */

static int read_entities(const struct cilium_context *context, const struct cilium_entry *entry,
			 struct bl_err *err)
{
	for (size_t i = 0; i < entry->n_entities; i++) {
		enum bl_entity entity = BL_ENTITY_ALL;

		while (entity < BL_ENTITIES &&
		       strcmp(bl_entity_name(entity), entry->entities[i]) != 0)
			entity++;
		if (entity == BL_ENTITIES)
			return bl_fail(err, -EINVAL, "%s.%sEntities[%zu]: no entity '%.48s'",
				       context->path, context->side, i, entry->entities[i]);
		policy_add_peer(context->rule, BL_PEER_ENTITY)->entity = entity;
	}
	return 0;
}

static int read_services(const struct cilium_context *context, const struct cilium_entry *entry,
			 struct bl_err *err)
{
	for (size_t i = 0; i < entry->n_services; i++) {
		const struct cilium_service *service = &entry->services[i];
		struct bl_peer *peer = policy_add_peer(context->rule, BL_PEER_SERVICE);
		bl_autofree char *path = bl_format("%s.toServices[%zu].k8sServiceSelector.selector",
						   context->path, i);
		int r = 0;

		peer->name = bl_strdup(service->name);
		peer->namespace =
			bl_strdup(service->name ? service->namespace : service->selector_namespace);
		if (service->selector)
			r = bl_selector_decode(service->selector, NULL, "", path, &peer->selector,
					       err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the whole --------------------------------------------------------------------------------- */

struct layer3 {
	const char *side; /* "": the name is whole */
	const char *name;
	bool is_there; /* nil and empty differ ... */
	size_t n;      /* ... but only members that hold something exclude each other */
};

/* Writes the members into ret_members; returns how many there can be. */
static size_t list_layer3(const struct cilium_context *context, const struct cilium_entry *entry,
			  struct layer3 ret_members[8])
{
	const char *side = context->side;
	const struct layer3 members[] = {
		{side, "Endpoints", entry->endpoints, bl_json_size(entry->endpoints)},
		{side, "CIDR", entry->cidrs, entry->n_cidrs},
		{side, "CIDRSet", entry->cidr_set, entry->n_cidr_set},
		{side, "Entities", entry->entities, entry->n_entities},
		{side, "Nodes", entry->nodes, bl_json_size(entry->nodes)},
		{side, "Groups", entry->groups, bl_json_size(entry->groups)},
		{"", "toServices", entry->services, entry->n_services},
		{"", "toFQDNs", entry->fqdns, bl_json_size(entry->fqdns)},
	};

	memcpy(ret_members, members, sizeof(members));
	return sizeof(members) / sizeof(members[0]);
}

static int check_layer3(const struct cilium_context *context, const struct cilium_entry *entry,
			bool *ret_wildcard, struct bl_err *err)
{
	struct layer3 members[8];
	const struct layer3 *first = NULL;
	size_t n = list_layer3(context, entry, members);

	*ret_wildcard = true;
	for (size_t i = 0; i < n; i++) {
		if (members[i].is_there)
			*ret_wildcard = false;
		if (members[i].n == 0)
			continue;
		if (first)
			return bl_fail(err, -EINVAL,
				       "%s: %s%s and %s%s exclude each other; write an entry for "
				       "each",
				       context->path, first->side, first->name, members[i].side,
				       members[i].name);
		first = &members[i];
	}
	return 0;
}

int cilium_peers_read(const struct cilium_context *context, const struct cilium_entry *entry,
		      bool *ret_wildcard, struct bl_err *err)
{
	int r = check_layer3(context, entry, ret_wildcard, err);

	if (r < 0)
		return r;
	r = read_selectors(context, entry->endpoints, "Endpoints", BL_PEER_LABELS, err);
	if (r < 0)
		return r;
	r = read_selectors(context, entry->nodes, "Nodes", BL_PEER_NODES, err);
	if (r < 0)
		return r;
	r = read_cidrs(context, entry, err);
	if (r < 0)
		return r;
	r = read_cidr_set(context, entry, err);
	if (r < 0)
		return r;
	r = read_entities(context, entry, err);
	if (r < 0)
		return r;
	return read_services(context, entry, err);
}
