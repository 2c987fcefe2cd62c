// SPDX-License-Identifier: Apache-2.0
/*
 * Rules for people who ask: those of a policy in the order of its document, or all that an endpoint is judged
 * by in the order in which they are asked, down to what holds when none matches.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "room.h"

struct entry {
	const struct bl_policy *policy; /* NULL: the rule stands in none */
	const struct bl_policy_spec *spec;
	const struct bl_policy_rule *rule;
	size_t place; /* in the document */
};

struct entries {
	struct entry *items;
	size_t n_items;
};

static void add(struct entries *entries, const struct entry *entry)
{
	size_t n = entries->n_items;

	if ((n & (n - 1)) == 0)
		entries->items = bl_realloc(entries->items, (n * 2 + 1) * sizeof(*entries->items));
	entries->items[entries->n_items++] = *entry;
}

static void add_rules(const struct bl_policy *policy, const struct bl_policy_spec *spec, void *data)
{
	size_t nth = (size_t)(spec - policy->specs);

	for (size_t i = 0; i < spec->n_rules; i++) {
		const struct entry entry = {policy, spec, &spec->rules[i], nth << 32 | i};

		add(data, &entry);
	}
}

static int order(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	const int orders[] = {
		order(x->rule->direction, y->rule->direction),
		order(x->spec->tier, y->spec->tier),
		order(x->spec->priority, y->spec->priority),
		order(x->rule->verdict, y->rule->verdict),
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		if (orders[i])
			return orders[i];
	if (x->policy != y->policy && x->policy && y->policy)
		return policy_compare(x->policy, y->policy);
	return order(x->place, y->place);
}

/* ---- one rule ----------------------------------------------------------------------------------- */

/* Takes the text. */
static void append(struct cJSON *array, char *text)
{
	bl_json_append(array, bl_json_string(text));
	free(text);
}

static struct cJSON *peers_of(const struct bl_policy_rule *rule)
{
	struct cJSON *array = bl_json_array();

	if (rule->any_peer)
		append(array, bl_strdup("all"));
	for (size_t i = 0; !rule->any_peer && i < rule->n_peers; i++)
		append(array, bl_peer_format(&rule->peers[i]));
	return array;
}

static struct cJSON *layer4_of(const struct bl_policy_rule *rule)
{
	struct cJSON *array = bl_json_array();

	if (rule->any_layer4)
		append(array, bl_strdup("ANY"));
	for (size_t i = 0; !rule->any_layer4 && i < rule->n_layer4; i++)
		append(array, bl_layer4_format(&rule->layer4[i]));
	return array;
}

static struct cJSON *describe(const struct entry *entry)
{
	struct cJSON *json = bl_json_object();

	bl_json_set_string(json, "direction", bl_policy_direction_name(entry->rule->direction));
	bl_json_set_string(json, "tier", bl_tier_name(entry->spec->tier));
	bl_json_set_number(json, "priority", entry->spec->priority);
	bl_json_set_string(json, "policy", bl_rule_verdict_name(entry->rule->verdict));
	bl_json_set(json, "peers", peers_of(entry->rule));
	bl_json_set(json, "ports", layer4_of(entry->rule));
	if (entry->policy)
		bl_json_set(json, "of", policy_reference(entry->policy));
	bl_json_set_string(json, "path", entry->rule->path);
	return json;
}

static void hand_out(const struct entries *entries, const struct policy_items *items)
{
	bool more = true;

	for (size_t i = policy_items_first(items); more && i < entries->n_items; i++)
		more = policy_items_tell(items, describe(&entries->items[i]), i + 1);
}

/* ---- an endpoint's ------------------------------------------------------------------------------ */

/* What stands in no policy, as rules like others: the node may come in, and what holds at last. Their paths
 * are the words for them. */
struct implied {
	struct bl_peer host;
	struct bl_policy_rule node, last[BL_POLICY_DIRECTIONS];
	char *words[BL_POLICY_DIRECTIONS];
};

static const struct bl_policy_spec before_last = {.tier = BL_TIER_DEFAULT};
static const struct bl_policy_spec at_last = {.tier = BL_TIER_DEFAULT, .priority = 1};

static void add_last(const struct policy *policy, const char *endpoint,
		     enum bl_policy_direction direction, struct implied *implied,
		     struct entries *entries)
{
	bool denies = bl_engine_is_default_deny(policy->engine, endpoint, direction);
	struct bl_policy_rule *rule = &implied->last[direction];
	const struct entry entry = {.spec = &at_last, .rule = rule};

	implied->words[direction] =
		denies ? policy_default_deny(policy, endpoint, direction)
		       : bl_strdup(bl_engine_rule(policy->engine, BL_RULE_UNENFORCED));
	*rule = (struct bl_policy_rule){
		.direction = direction,
		.verdict = denies ? BL_RULE_DENY : BL_RULE_ALLOW,
		.any_peer = true,
		.any_layer4 = true,
		.path = implied->words[direction],
	};
	add(entries, &entry);
}

static void add_implied(const struct policy *policy, const char *endpoint, struct implied *implied,
			struct entries *entries)
{
	const struct entry node = {.spec = &before_last, .rule = &implied->node};

	implied->host = (struct bl_peer){.kind = BL_PEER_ENTITY, .entity = BL_ENTITY_HOST};
	implied->node = (struct bl_policy_rule){
		.direction = BL_INGRESS,
		.verdict = BL_RULE_ALLOW,
		.peers = &implied->host,
		.n_peers = 1,
		.any_layer4 = true,
		.path = (char *)bl_engine_rule(policy->engine, BL_RULE_NODE),
	};
	add(entries, &node);
	for (int direction = 0; direction < BL_POLICY_DIRECTIONS; direction++)
		add_last(policy, endpoint, direction, implied, entries);
}

void policy_rules(const struct policy *policy, const char *endpoint,
		  const struct policy_items *items)
{
	struct entries entries = {0};
	struct implied implied;

	bl_engine_specs(policy->engine, endpoint, add_rules, &entries);
	add_implied(policy, endpoint, &implied, &entries);
	qsort(entries.items, entries.n_items, sizeof(*entries.items), compare);
	hand_out(&entries, items);
	free(entries.items);
	for (int direction = 0; direction < BL_POLICY_DIRECTIONS; direction++)
		free(implied.words[direction]);
}

/* ---- a policy's --------------------------------------------------------------------------------- */

struct wanted {
	const struct object_key *key;
	const struct bl_policy *policy; /* the one that was found */
	struct cJSON *subjects;
	struct entries entries;
};

static bool is_wanted(const struct bl_policy *policy, const struct object_key *key)
{
	const struct object_key own = policy_key(policy);

	return object_key_compare(&own, key) == 0;
}

static struct cJSON *describe_subject(const struct bl_policy_spec *spec)
{
	bl_autofree char *subject = bl_subject_format(spec);
	struct cJSON *json = bl_json_object();

	bl_json_set_string(json, "subject", subject);
	bl_json_set_string(json, "tier", bl_tier_name(spec->tier));
	bl_json_set_number(json, "priority", spec->priority);
	bl_json_set_bool(json, "ingressDefaultDeny", spec->default_deny[BL_INGRESS]);
	bl_json_set_bool(json, "egressDefaultDeny", spec->default_deny[BL_EGRESS]);
	return json;
}

static void take_spec(const struct bl_policy *policy, const struct bl_policy_spec *spec, void *data)
{
	struct wanted *wanted = data;

	if (!is_wanted(policy, wanted->key))
		return;
	wanted->policy = policy;
	bl_json_append(wanted->subjects, describe_subject(spec));
	add_rules(policy, spec, &wanted->entries);
}

struct search {
	const struct bl_policy *policy;
	bool found;
};

static void note_policy(const struct bl_policy *policy, const struct bl_policy_spec *spec,
			void *data)
{
	struct search *search = data;

	search->found |= policy == search->policy;
}

static struct cJSON *list_selected(const struct policy *policy, const struct bl_policy *wanted)
{
	struct cJSON *array = bl_json_array();

	for (uint32_t i = 0; i < BL_ENDPOINTS_MAX; i++) {
		const struct member *member = policy->members[i];
		struct search search = {.policy = wanted};

		if (!member)
			continue;
		bl_engine_specs(policy->engine, member->name, note_policy, &search);
		if (search.found)
			bl_json_append(array, bl_json_string(member->name));
	}
	return array;
}

static struct cJSON *sentences(const struct bl_warnings *from)
{
	struct cJSON *array = bl_json_array();

	for (size_t i = 0; i < from->n_items; i++)
		bl_json_append(array, bl_json_string(from->items[i]));
	return array;
}

static struct cJSON *describe_policy(const struct policy *policy, struct wanted *wanted)
{
	bl_auto_json struct cJSON *object = objects_read(policy->config.objects, wanted->key);
	const struct cJSON *conditions = bl_json_get(object, "status/conditions");
	struct cJSON *json = policy_reference(wanted->policy);

	bl_json_set(json, "specs", bl_json_copy(wanted->subjects));
	bl_json_set(json, "endpoints", list_selected(policy, wanted->policy));
	bl_json_set(json, "notEnforced", sentences(&wanted->policy->unenforced));
	bl_json_set(json, "warnings", sentences(&wanted->policy->warnings));
	bl_json_set(json, "conditions", conditions ? bl_json_copy(conditions) : NULL);
	return json;
}

int policy_describe(const struct policy *policy, const struct object_key *key,
		    const struct policy_items *items, struct cJSON **ret_json, struct bl_err *err)
{
	bl_auto_json struct cJSON *subjects = bl_json_array();
	struct wanted wanted = {.key = key, .subjects = subjects};

	bl_engine_specs(policy->engine, NULL, take_spec, &wanted);
	if (!wanted.policy)
		return bl_fail(err, -ENOENT, "%s \"%s\" not found", key->kind, key->name);
	*ret_json = describe_policy(policy, &wanted);
	hand_out(&wanted.entries, items);
	free(wanted.entries.items);
	return 0;
}
