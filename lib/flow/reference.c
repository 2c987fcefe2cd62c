// SPDX-License-Identifier: Apache-2.0
/*
 * The reference evaluator:
 *
 *   the rules of the specs that select the endpoint, in the direction,
 *   sorted by tier, priority, and deny before allow before pass;
 *   the first that the flow matches decides; a pass goes on with the next tier;
 *   when none does: the node may come in, and who else wants to gets the direction's default.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "reference.h"

struct flow {
	const struct bl_reference *reference;
	const struct object *at;
	enum bl_policy_direction direction;
	struct party party;
	uint8_t protocol;
	uint16_t port;
};

struct candidate {
	const struct bl_policy *policy;
	const struct bl_policy_spec *spec;
	const struct bl_policy_rule *rule;
};

struct candidates {
	struct candidate *items;
	size_t n_items;
	bool default_deny;
};

/* ---- does a rule match? ------------------------------------------------------------------------- */

/* The number that a name means among the ports of workloads; -1: none, or more than one. */
static int named_port(const struct object *workloads, size_t n, const struct bl_layer4 *layer4)
{
	int found = -1;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < workloads[i].n_ports; k++) {
			const struct bl_named_port *port = &workloads[i].ports[k];

			if (workloads[i].is_over || workloads[i].on_host_network ||
			    port->protocol != layer4->protocol ||
			    strcmp(port->name, layer4->name) != 0)
				continue;
			if (found >= 0 && found != port->port)
				return -1;
			found = port->port;
		}
	}
	return found;
}

static bool is_layer4(const struct flow *flow, const struct bl_layer4 *layer4)
{
	const struct bl_reference *reference = flow->reference;

	if (layer4->protocol != flow->protocol)
		return false;
	if (layer4->any_port)
		return true;
	if (!layer4->name)
		return layer4->first <= flow->port && flow->port <= layer4->last;
	return flow->port ==
	       (flow->direction == BL_INGRESS
			? named_port(flow->at, 1, layer4)
			: named_port(reference->objects, reference->n_objects, layer4));
}

static bool matches(const struct flow *flow, const struct bl_policy_rule *rule)
{
	bool layer4 = rule->any_layer4;

	for (size_t i = 0; !layer4 && i < rule->n_layer4; i++)
		layer4 = is_layer4(flow, &rule->layer4[i]);
	return layer4 && reference_is_peer(flow->reference, rule, &flow->party);
}

/* ---- which rules, in which order? ---------------------------------------------------------------- */

static void add_spec(struct candidates *candidates, const struct bl_policy *policy,
		     const struct bl_policy_spec *spec, enum bl_policy_direction direction)
{
	candidates->default_deny |= spec->default_deny[direction];
	candidates->items = bl_realloc(candidates->items, (candidates->n_items + spec->n_rules) *
								  sizeof(*candidates->items));
	for (size_t i = 0; i < spec->n_rules; i++)
		if (spec->rules[i].direction == direction)
			candidates->items[candidates->n_items++] =
				(struct candidate){policy, spec, &spec->rules[i]};
}

static bool comes_before(const struct candidate *a, const struct candidate *b)
{
	if (a->spec->tier != b->spec->tier)
		return a->spec->tier < b->spec->tier;
	if (a->spec->priority != b->spec->priority)
		return a->spec->priority < b->spec->priority;
	return a->rule->verdict < b->rule->verdict;
}

/* By insertion, so that rules of one rank stay as they were written. */
static void sort(struct candidates *candidates)
{
	for (size_t i = 1; i < candidates->n_items; i++) {
		struct candidate candidate = candidates->items[i];
		size_t k = i;

		for (; k > 0 && comes_before(&candidate, &candidates->items[k - 1]); k--)
			candidates->items[k] = candidates->items[k - 1];
		candidates->items[k] = candidate;
	}
}

static struct candidates collect(const struct flow *flow)
{
	struct candidates candidates = {0};
	struct bl_labels labels;

	reference_labels(flow->reference, flow->at, &labels);
	for (size_t i = 0; i < flow->reference->n_policies; i++) {
		const struct bl_policy *policy = flow->reference->policies[i];

		for (size_t k = 0; k < policy->n_specs; k++)
			if (!policy->specs[k].of_nodes &&
			    bl_selector_matches(&policy->specs[k].subject, &labels))
				add_spec(&candidates, policy, &policy->specs[k], flow->direction);
	}
	bl_labels_clear(&labels);
	sort(&candidates);
	return candidates;
}

/* ---- the verdict -------------------------------------------------------------------------------- */

/* The first that matches; NULL: none does. */
static const struct candidate *first_match(const struct flow *flow,
					   const struct candidates *candidates)
{
	int passed = 0; /* the tier that was left */

	for (size_t i = 0; i < candidates->n_items; i++) {
		const struct candidate *candidate = &candidates->items[i];

		if ((int)candidate->spec->tier == passed || !matches(flow, candidate->rule))
			continue;
		if (candidate->rule->verdict != BL_RULE_PASS)
			return candidate;
		passed = (int)candidate->spec->tier;
	}
	return NULL;
}

static enum bl_reference_verdict verdict_of(const struct flow *flow,
					    const struct candidates *candidates,
					    const struct candidate *decided)
{
	bool is_host = bl_labels_value(&flow->party.labels, "reserved", "host") != NULL;

	if (decided && decided->rule->verdict == BL_RULE_DENY)
		return BL_REFERENCE_DENIED;
	if (!candidates->default_deny)
		return BL_REFERENCE_UNENFORCED;
	if (decided || (is_host && flow->direction == BL_INGRESS))
		return BL_REFERENCE_ALLOWED;
	return BL_REFERENCE_DENIED;
}

int bl_reference_judge(const struct bl_reference *reference, const char *at,
		       enum bl_policy_direction direction, const char *who, uint8_t protocol,
		       uint16_t port, struct bl_reference_answer *ret_answer, struct bl_err *err)
{
	struct flow flow = {.reference = reference,
			    .at = reference_workload(reference, at),
			    .direction = direction,
			    .protocol = protocol,
			    .port = port};
	struct candidates candidates;
	const struct candidate *decided;

	if (!flow.at || flow.at->on_host_network)
		return bl_fail(err, -ENOENT, "there is no VM or pod '%.200s' with an edge", at);
	if (!reference_find(reference, flow.at, who, &flow.party))
		return bl_fail(err, -ENOENT, "there is no VM or pod '%.200s'", who);
	candidates = collect(&flow);
	decided = first_match(&flow, &candidates);
	*ret_answer = (struct bl_reference_answer){
		.verdict = verdict_of(&flow, &candidates, decided),
		.policy = decided ? decided->policy : NULL,
		.rule = decided ? decided->rule : NULL,
	};
	free(candidates.items);
	bl_labels_clear(&flow.party.labels);
	return 0;
}

/* ---- objects in --------------------------------------------------------------------------------- */

void bl_reference_put_policy(struct bl_reference *reference, struct bl_policy *policy)
{
	reference->policies = bl_realloc(reference->policies, (reference->n_policies + 1) *
								      sizeof(*reference->policies));
	reference->policies[reference->n_policies++] = policy;
}

int bl_reference_put(struct bl_reference *reference, const struct cJSON *document,
		     struct bl_err *err)
{
	struct bl_policy *policy;
	struct object object;
	int r;

	if (bl_policy_is_kind(bl_json_get_string(document, "kind"))) {
		r = bl_policy_new(document, &policy, err);
		if (r == 0)
			bl_reference_put_policy(reference, policy);
		return r;
	}
	r = object_read(document, &object, err);
	if (r < 0)
		return r;
	reference->objects = bl_realloc(reference->objects,
					(reference->n_objects + 1) * sizeof(*reference->objects));
	reference->objects[reference->n_objects++] = object;
	return 0;
}

struct bl_reference *bl_reference_new(const struct bl_engine_options *options)
{
	struct bl_reference *reference = bl_alloc(sizeof(*reference));

	reference->node = bl_strdup(options->node);
	reference->cluster = bl_strdup(options->cluster ? options->cluster : "default");
	return reference;
}

void bl_reference_free(struct bl_reference *reference)
{
	if (!reference)
		return;
	for (size_t i = 0; i < reference->n_objects; i++)
		object_clear(&reference->objects[i]);
	for (size_t i = 0; i < reference->n_policies; i++)
		bl_policy_free(reference->policies[i]);
	free(reference->objects);
	free(reference->policies);
	free(reference->node);
	free(reference->cluster);
	free(reference);
}
