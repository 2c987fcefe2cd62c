// SPDX-License-Identifier: Apache-2.0
/*
 * A policy from its document: chooses the reader of the kind, and owns what all readers build. What a
 * kind means stands in its reader (cilium.c, kubernetes.c, cluster.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/vmi.h>

#include "../atom.h"
#include "../labels/selector.h"
#include "../prefix.h"
#include "decode.h"

struct kind {
	const char *name;
	const char *api_version;
	int (*read)(const struct cJSON *document, struct bl_policy *policy, struct bl_err *err);
	bool namespaced;
};

static const struct kind kinds[] = {
	{"CiliumNetworkPolicy", "cilium.io/v2", cilium_policy_read, true},
	{"CiliumClusterwideNetworkPolicy", "cilium.io/v2", cilium_policy_read, false},
	{"NetworkPolicy", "networking.k8s.io/v1", network_policy_read, true},
	{"ClusterNetworkPolicy", "policy.networking.k8s.io/v1alpha2", cluster_policy_read, false},
};

static const char *const entity_names[] = {
	[BL_ENTITY_ALL] = "all",
	[BL_ENTITY_WORLD] = "world",
	[BL_ENTITY_WORLD_IPV4] = "world-ipv4",
	[BL_ENTITY_WORLD_IPV6] = "world-ipv6",
	[BL_ENTITY_CLUSTER] = "cluster",
	[BL_ENTITY_HOST] = "host",
	[BL_ENTITY_REMOTE_NODE] = "remote-node",
	[BL_ENTITY_KUBE_APISERVER] = "kube-apiserver",
	[BL_ENTITY_INGRESS] = "ingress",
	[BL_ENTITY_INIT] = "init",
	[BL_ENTITY_HEALTH] = "health",
	[BL_ENTITY_UNMANAGED] = "unmanaged",
	[BL_ENTITY_NONE] = "none",
};
_Static_assert(sizeof(entity_names) / sizeof(entity_names[0]) == BL_ENTITIES, "entity_names");

const char *bl_entity_name(enum bl_entity entity)
{
	return entity_names[entity];
}

/* ---- lists ------------------------------------------------------------------------------------- */

/* Room for one zeroed item more at the end of a list. */
static void *grow(void *list, size_t *n, size_t size)
{
	char *grown = bl_realloc(list, (*n + 1) * size);

	memset(grown + *n * size, 0, size);
	(*n)++;
	return grown;
}

struct bl_policy_spec *policy_add_spec(struct bl_policy *policy)
{
	policy->specs = grow(policy->specs, &policy->n_specs, sizeof(*policy->specs));
	return &policy->specs[policy->n_specs - 1];
}

struct bl_policy_rule *policy_add_rule(struct bl_policy_spec *spec,
				       enum bl_policy_direction direction,
				       enum bl_rule_verdict verdict, const char *path)
{
	struct bl_policy_rule *rule;

	spec->rules = grow(spec->rules, &spec->n_rules, sizeof(*spec->rules));
	rule = &spec->rules[spec->n_rules - 1];
	rule->direction = direction;
	rule->verdict = verdict;
	rule->path = atom_get(path);
	return rule;
}

struct bl_peer *policy_add_peer(struct bl_policy_rule *rule, enum bl_peer_kind kind)
{
	rule->peers = grow(rule->peers, &rule->n_peers, sizeof(*rule->peers));
	rule->peers[rule->n_peers - 1].kind = kind;
	return &rule->peers[rule->n_peers - 1];
}

struct bl_layer4 *policy_add_layer4(struct bl_policy_rule *rule, uint8_t protocol)
{
	rule->layer4 = grow(rule->layer4, &rule->n_layer4, sizeof(*rule->layer4));
	rule->layer4[rule->n_layer4 - 1].protocol = protocol;
	return &rule->layer4[rule->n_layer4 - 1];
}

static void clear_peers(struct bl_policy_rule *rule)
{
	for (size_t i = 0; i < rule->n_peers; i++) {
		struct bl_peer *peer = &rule->peers[i];

		bl_selector_clear(&peer->selector);
		free(peer->name);
		free(peer->namespace);
		free(peer->except);
	}
	free(rule->peers);
	rule->peers = NULL;
	rule->n_peers = 0;
}

void policy_empty_rule(struct bl_policy_rule *rule)
{
	clear_peers(rule);
	rule->any_peer = false;
}

static void clear_layer4(struct bl_policy_rule *rule)
{
	for (size_t i = 0; i < rule->n_layer4; i++)
		free(rule->layer4[i].name);
	free(rule->layer4);
	rule->layer4 = NULL;
	rule->n_layer4 = 0;
}

static void clear_rule(struct bl_policy_rule *rule)
{
	clear_peers(rule);
	clear_layer4(rule);
	atom_put(rule->path);
}

void policy_cannot_enforce(struct bl_policy *policy, struct bl_policy_rule *rule, const char *path,
			   const char *why)
{
	struct bl_warnings *list = &policy->unenforced;
	bool denies = rule->verdict == BL_RULE_DENY;

	policy_empty_rule(rule);
	rule->any_peer = denies;
	if (list->n_items == BL_WARNINGS_MAX)
		return;
	list->items = grow(list->items, &list->n_items, sizeof(*list->items));
	list->items[list->n_items - 1] = bl_format("%s: %s; %s %s", path, why, rule->path,
						   denies ? "denies every peer" : "allows nothing");
}

void policy_not_understood(struct bl_policy *policy, struct bl_policy_rule *rule, const char *note)
{
	struct bl_warnings *list = &policy->unenforced;
	bool allows = rule->verdict == BL_RULE_ALLOW;

	policy_empty_rule(rule);
	clear_layer4(rule);
	if (!allows) {
		rule->verdict = BL_RULE_DENY;
		rule->any_peer = true;
		rule->any_layer4 = true;
	}
	if (list->n_items == BL_WARNINGS_MAX)
		return;
	list->items = grow(list->items, &list->n_items, sizeof(*list->items));
	list->items[list->n_items - 1] = bl_format("%s; %s %s", note, rule->path,
						   allows ? "allows nothing" : "denies everything");
}

int policy_add_selector(struct bl_selector *selector, const struct cJSON *object, const char *path,
			struct bl_err *err)
{
	struct bl_selector more = {};
	int r = bl_selector_decode(object, "k8s", "", path, &more, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < more.n_items; i++)
		selector_add(selector, more.items[i]);
	free(more.items);
	return 0;
}

static bool is_of_pods(const struct bl_requirement *item)
{
	size_t len = strlen(BL_LABEL_NAMESPACE_LABELS);

	return (item->op == BL_LABEL_IN || item->op == BL_LABEL_EXISTS) &&
	       (!item->source || strcmp(item->source, "k8s") == 0) &&
	       (strcmp(item->key, BL_LABEL_NAMESPACE) == 0 ||
		strcmp(item->key, BL_LABEL_CLUSTER) == 0 ||
		strncmp(item->key, BL_LABEL_NAMESPACE_LABELS, len) == 0);
}

void policy_pods_only(struct bl_selector *selector)
{
	for (size_t i = 0; i < selector->n_items; i++)
		if (is_of_pods(selector->items[i]))
			return;
	bl_selector_require(selector, "k8s", BL_LABEL_NAMESPACE, NULL);
}

/* ---- prefixes ---------------------------------------------------------------------------------- */

int policy_prefix(const char *text, bool bare, const char *path, struct bl_prefix *ret_prefix,
		  struct bl_err *err)
{
	struct bl_prefix prefix;
	int r = prefix_parse(text, bare, &prefix, err);

	if (r == 0 && bl_addr_is_v4(&prefix.addr) && strchr(text, ':'))
		r = bl_fail(err, -EINVAL, "'%.64s' is IPv4 in IPv6's clothes; write it as IPv4",
			    text);
	if (r < 0)
		return bl_wrap(err, "%s", path);
	*ret_prefix = prefix;
	return 0;
}

int policy_add_except(struct bl_peer *peer, const char *text, const char *path, struct bl_err *err)
{
	struct bl_prefix except;
	int r = policy_prefix(text, false, path, &except, err);

	if (r < 0)
		return r;
	if (peer->kind == BL_PEER_CIDR && !prefix_is_within(&except, &peer->cidr))
		return bl_fail(err, -EINVAL, "%s: %.64s does not lie within the cidr", path, text);
	peer->except = grow(peer->except, &peer->n_except, sizeof(*peer->except));
	peer->except[peer->n_except - 1] = except;
	return 0;
}

/* ---- documents ---------------------------------------------------------------------------------- */

struct document {
	const struct cJSON *spec;
};

static const struct bl_field document_rows[] = {
	BL_FIELD_KNOWN("apiVersion"),
	BL_FIELD_KNOWN("kind"),
	BL_FIELD_KNOWN("metadata"),
	BL_FIELD_KNOWN("status"),
	BL_FIELD("spec", BL_FIELD_JSON, struct document, spec, .required = true),
};
static const struct bl_fields document_fields = BL_FIELDS(document_rows, struct document);

int policy_document_spec(const struct cJSON *json, const struct cJSON **ret_spec,
			 struct bl_err *err)
{
	struct document document = {};
	int r = bl_fields_decode(&document_fields, json, "", &document, NULL, err);

	if (r == 0)
		*ret_spec = document.spec;
	return r;
}

/* ---- the whole --------------------------------------------------------------------------------- */

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; name && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

bool bl_policy_is_kind(const char *kind)
{
	return find_kind(kind) != NULL;
}

bool bl_policy_is_clusterwide(const char *name)
{
	const struct kind *kind = find_kind(name);

	return kind && !kind->namespaced;
}

/* The namespace that a document says, and whether it may. */
static int name_policy(const struct cJSON *document, const struct kind *kind,
		       struct bl_policy *policy, struct bl_err *err)
{
	const char *namespace = bl_json_get_string(document, "metadata/namespace");

	if (!kind->namespaced && namespace && *namespace)
		return bl_fail(err, -EINVAL, "metadata.namespace: a %s is of the whole cluster",
			       kind->name);
	policy->kind = kind->name;
	policy->name = bl_strdup(bl_json_get_string(document, "metadata/name"));
	policy->namespace = atom_get(!kind->namespaced         ? ""
				     : namespace && *namespace ? namespace
							       : "default");
	return 0;
}

int bl_policy_new(const struct cJSON *document, struct bl_policy **ret_policy, struct bl_err *err)
{
	return bl_policy_new_lax(document, BL_UNKNOWN_REFUSED, ret_policy, err);
}

int bl_policy_new_lax(const struct cJSON *document, enum bl_unknown unknown,
		      struct bl_policy **ret_policy, struct bl_err *err)
{
	const struct kind *kind;
	bl_auto_policy struct bl_policy *policy = bl_alloc(sizeof(*policy));
	int r = bl_object_validate_stored(document, err);

	if (r < 0)
		return r;
	kind = find_kind(bl_json_get_string(document, "kind"));
	if (!kind)
		return bl_fail(err, -EINVAL, "kind: expected a policy, got '%.64s'",
			       bl_json_get_string(document, "kind"));
	if (strcmp(bl_json_get_string(document, "apiVersion"), kind->api_version) != 0)
		return bl_fail(err, -EINVAL, "apiVersion: a %s is of %s, got '%.64s'", kind->name,
			       kind->api_version, bl_json_get_string(document, "apiVersion"));
	r = name_policy(document, kind, policy, err);
	if (r < 0)
		return r;
	policy->warnings.unknown =
		unknown == BL_UNKNOWN_REFUSED ? BL_UNKNOWN_REFUSED : BL_UNKNOWN_NOTED;
	r = kind->read(document, policy, err);
	if (r < 0)
		return r;
	*ret_policy = bl_take_ptr(policy);
	return 0;
}

void bl_policy_free(struct bl_policy *policy)
{
	if (!policy)
		return;
	for (size_t i = 0; i < policy->n_specs; i++) {
		struct bl_policy_spec *spec = &policy->specs[i];

		bl_selector_clear(&spec->subject);
		for (size_t k = 0; k < spec->n_rules; k++)
			clear_rule(&spec->rules[k]);
		free(spec->rules);
	}
	free(policy->specs);
	bl_warnings_clear(&policy->unenforced);
	bl_warnings_clear(&policy->warnings);
	atom_put(policy->namespace);
	free(policy->name);
	free(policy);
}
