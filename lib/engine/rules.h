/* SPDX-License-Identifier: Apache-2.0 */
/* The policies and whom their rules speak of at this moment. */
#pragma once

#include <beeline/policy.h>

#include "../identity/selection.h"
#include "../object/inventory.h"
#include "cookies.h"

/* Rules that stand in no policy (enum bl_engine_rule), in words. */
#define RULE_TEXT_NODE       "the node may come in"
#define RULE_TEXT_UNENFORCED "no policy enforces"
#define RULE_TEXT_DEFAULT    "default deny"
/* Others: "default/web spec.ingress[0]"; the caller frees. */
char *rule_text(const struct bl_policy *policy, const struct bl_policy_rule *rule);

/* A rule whose peers have become selections. */
struct rule {
	const struct bl_policy_rule *rule;
	struct cookie *cookie;
	bool any_peer;
	struct selection **selections; /* alternatives */
	size_t n_selections;
};

struct spec {
	const struct bl_policy *policy;
	const struct bl_policy_spec *spec;
	struct rule *rules;                    /* as many as spec->n_rules */
	bool uses_names[BL_POLICY_DIRECTIONS]; /* of ports */
	bool depends_on_objects, selects_nodes;
	bool is_active;       /* endpoints have it */
	bool is_new, is_gone; /* from now on they should, or should not */
	uint64_t changed;     /* the round in which its selections became others */
};

struct rules {
	struct hash_table policies;
	/* All specs, in no order; gone ones stay until rules_settle(). */
	struct spec **specs;
	size_t n_specs;
	size_t n_node_selectors;
	bool objects_changed;  /* groups, services or their slices did */
	bool policies_changed; /* specs are new or gone */
};

struct rules_context {
	const struct inventory *inventory;
	struct selections *selections;
	struct cookies *cookies;
	const char *cluster;
	uint64_t round;
};

/* Takes the policy over, in place of the one of its kind and name. */
void rules_put(struct rules *rules, const struct rules_context *context, struct bl_policy *policy);
void rules_remove(struct rules *rules, const char *kind, const char *namespace, const char *name);
/* Is the spec one of that policy's? */
bool rules_is_of(const struct rules *rules, const struct spec *spec, const char *kind,
		 const char *namespace, const char *name);
/* Looks again who stands behind groups and services. */
void rules_update(struct rules *rules, const struct rules_context *context);
/* Endpoints have what they should have: frees the specs that are gone. */
void rules_settle(struct rules *rules, const struct rules_context *context);
/* Each spec of each policy that is not gone, in no order of policies. */
typedef void rules_fn(const struct bl_policy *policy, const struct bl_policy_spec *spec,
		      void *data);
void rules_for_each(const struct rules *rules, rules_fn *fn, void *data);
void rules_release(struct rules *rules);
