// SPDX-License-Identifier: Apache-2.0
/*
 * The store of policies. Beside each rule stands what its peers mean at this moment, as selections
 * (resolve.c); a replaced policy lives on until all endpoints have left it.
 */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "resolve.h"
#include "rules.h"

struct stored_policy {
	struct bl_policy *policy;
	struct spec *specs;
	bool is_gone;
};

static uint64_t hash_of(const struct bl_policy *policy)
{
	return hash_text(hash_text(hash_text(HASH_INIT, policy->kind), policy->namespace),
			 policy->name);
}

static bool is_policy(const void *item, const void *key)
{
	const struct stored_policy *stored = item;
	const struct bl_policy *a = stored->policy, *b = key;

	return !stored->is_gone && strcmp(a->kind, b->kind) == 0 && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->namespace, b->namespace) == 0;
}

/* ---- one rule ----------------------------------------------------------------------------------- */

static void clear_selections(const struct rules_context *context, struct rule *rule)
{
	for (size_t i = 0; i < rule->n_selections; i++)
		selection_put(context->selections, rule->selections[i]);
	free(rule->selections);
	rule->selections = NULL;
	rule->n_selections = 0;
}

/* Whether the selections became others. */
static bool resolve(const struct rules_context *context, struct rule *rule)
{
	struct rule before = *rule;
	bool same;

	rule->selections = NULL;
	rule->n_selections = 0;
	resolve_peers(context, rule);
	same = rule->n_selections == before.n_selections &&
	       (rule->n_selections == 0 ||
		memcmp(rule->selections, before.selections,
		       rule->n_selections * sizeof(*rule->selections)) == 0);
	clear_selections(context, &before);
	return !same;
}

static void note_peers(struct spec *spec, const struct bl_policy_rule *rule)
{
	for (size_t i = 0; i < rule->n_peers; i++) {
		enum bl_peer_kind kind = rule->peers[i].kind;

		spec->depends_on_objects |= kind == BL_PEER_SERVICE || kind == BL_PEER_CIDR_GROUP;
		spec->selects_nodes |= kind == BL_PEER_NODES || kind == BL_PEER_ALL_NODES;
	}
	for (size_t i = 0; i < rule->n_layer4; i++)
		spec->uses_names[rule->direction] |= rule->layer4[i].name != NULL;
}

char *rule_text(const struct bl_policy *policy, const struct bl_policy_rule *rule)
{
	return bl_format("%s%s%s %s", policy->namespace, *policy->namespace ? "/" : "",
			 policy->name, rule->path);
}

static struct cookie *cookie_of(const struct rules_context *context, const struct bl_policy *policy,
				const struct bl_policy_rule *rule)
{
	bl_autofree char *text = rule_text(policy, rule);

	return cookie_get(context->cookies, policy->kind, text);
}

/* ---- specs -------------------------------------------------------------------------------------- */

static void set_up(struct rules *rules, const struct rules_context *context,
		   const struct bl_policy *policy, const struct bl_policy_spec *from,
		   struct spec *spec)
{
	spec->policy = policy;
	spec->spec = from;
	spec->is_new = true;
	spec->rules = bl_alloc(from->n_rules * sizeof(*spec->rules));
	for (size_t i = 0; i < from->n_rules; i++) {
		spec->rules[i].rule = &from->rules[i];
		spec->rules[i].cookie = cookie_of(context, policy, &from->rules[i]);
		note_peers(spec, &from->rules[i]);
		resolve(context, &spec->rules[i]);
	}
	rules->n_node_selectors += spec->selects_nodes;
	rules->specs = bl_realloc(rules->specs, (rules->n_specs + 1) * sizeof(*rules->specs));
	rules->specs[rules->n_specs++] = spec;
}

static void take_down(struct rules *rules, const struct rules_context *context, struct spec *spec)
{
	for (size_t i = 0; i < spec->spec->n_rules; i++) {
		clear_selections(context, &spec->rules[i]);
		cookie_put(context->cookies, spec->rules[i].cookie);
	}
	rules->n_node_selectors -= spec->selects_nodes;
}

/* ---- policies ----------------------------------------------------------------------------------- */

static void retire(struct rules *rules, struct stored_policy *stored)
{
	for (size_t i = 0; i < stored->policy->n_specs; i++)
		stored->specs[i].is_gone = true;
	stored->is_gone = true;
	rules->policies_changed = true;
}

void rules_put(struct rules *rules, const struct rules_context *context, struct bl_policy *policy)
{
	uint64_t hash = hash_of(policy);
	struct stored_policy *before = hash_find(&rules->policies, hash, is_policy, policy);
	struct stored_policy *stored = bl_alloc(sizeof(*stored));

	stored->policy = policy;
	stored->specs = bl_alloc(policy->n_specs * sizeof(*stored->specs));
	for (size_t i = 0; i < policy->n_specs; i++)
		set_up(rules, context, policy, &policy->specs[i], &stored->specs[i]);
	if (before)
		retire(rules, before);
	hash_add(&rules->policies, hash, stored);
	rules->policies_changed = true;
}

static struct stored_policy *find(const struct rules *rules, const char *kind,
				  const char *namespace, const char *name)
{
	const struct bl_policy like = {
		.kind = (char *)kind, .namespace = (char *)namespace, .name = (char *)name};

	return hash_find(&rules->policies, hash_of(&like), is_policy, &like);
}

bool rules_is_of(const struct rules *rules, const struct spec *spec, const char *kind,
		 const char *namespace, const char *name)
{
	const struct stored_policy *stored = find(rules, kind, namespace, name);

	return stored && spec >= stored->specs && spec < stored->specs + stored->policy->n_specs;
}

void rules_remove(struct rules *rules, const char *kind, const char *namespace, const char *name)
{
	struct stored_policy *stored = find(rules, kind, namespace, name);

	if (stored)
		retire(rules, stored);
}

void rules_update(struct rules *rules, const struct rules_context *context)
{
	if (!rules->objects_changed)
		return;
	rules->objects_changed = false;
	for (size_t i = 0; i < rules->n_specs; i++) {
		struct spec *spec = rules->specs[i];

		if (!spec->depends_on_objects || spec->is_gone)
			continue;
		for (size_t k = 0; k < spec->spec->n_rules; k++)
			if (resolve(context, &spec->rules[k]))
				spec->changed = context->round;
	}
}

static void free_policy(struct stored_policy *stored)
{
	for (size_t i = 0; i < stored->policy->n_specs; i++) {
		for (size_t k = 0; k < stored->policy->specs[i].n_rules; k++)
			free(stored->specs[i].rules[k].selections);
		free(stored->specs[i].rules);
	}
	free(stored->specs);
	bl_policy_free(stored->policy);
	free(stored);
}

static void settle_specs(struct rules *rules, const struct rules_context *context)
{
	size_t n = 0;

	for (size_t i = 0; i < rules->n_specs; i++) {
		struct spec *spec = rules->specs[i];

		spec->is_new = false;
		spec->is_active = !spec->is_gone;
		if (spec->is_gone)
			take_down(rules, context, spec);
		else
			rules->specs[n++] = spec;
	}
	rules->n_specs = n;
}

void rules_settle(struct rules *rules, const struct rules_context *context)
{
	size_t position = 0;

	rules->policies_changed = false;
	settle_specs(rules, context);
	for (struct stored_policy *stored; (stored = hash_next(&rules->policies, &position));) {
		if (!stored->is_gone)
			continue;
		hash_remove(&rules->policies, hash_of(stored->policy), stored);
		free_policy(stored);
	}
}

void rules_for_each(const struct rules *rules, rules_fn *fn, void *data)
{
	size_t position = 0;

	for (struct stored_policy *stored; (stored = hash_next(&rules->policies, &position));)
		for (size_t i = 0; !stored->is_gone && i < stored->policy->n_specs; i++)
			fn(stored->policy, &stored->policy->specs[i], data);
}

void rules_release(struct rules *rules)
{
	size_t position = 0;

	for (struct stored_policy *stored; (stored = hash_next(&rules->policies, &position));)
		free_policy(stored);
	hash_release(&rules->policies);
	free(rules->specs);
}
