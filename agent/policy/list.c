// SPDX-License-Identifier: Apache-2.0
/* Endpoints, policies, identities and prefixes for people who ask: what the last commit left. */
#include <stdlib.h>
#include <string.h>

#include <beeline/addr.h>
#include <beeline/file.h>
#include <beeline/plan.h>

#include "room.h"

/* ---- labels ------------------------------------------------------------------------------------- */

struct cJSON *policy_labels(const struct policy *policy, uint32_t identity)
{
	const struct bl_labels *labels = bl_engine_identity_labels(policy->engine, identity);
	struct cJSON *array = bl_json_array();

	for (size_t i = 0; labels && i < labels->n_items; i++) {
		const struct bl_label *label = labels->items[i];
		bl_autofree char *text = bl_format("%s:%s%s%s", label->source, label->key,
						   *label->value ? "=" : "", label->value);

		bl_json_append(array, bl_json_string(text));
	}
	return array;
}

/* ---- endpoints ---------------------------------------------------------------------------------- */

struct cJSON *policy_reference(const struct bl_policy *policy)
{
	struct cJSON *json = bl_json_object();

	bl_json_set_string(json, "kind", policy->kind);
	bl_json_set_string(json, "namespace", *policy->namespace ? policy->namespace : NULL);
	bl_json_set_string(json, "name", policy->name);
	return json;
}

static const char *enforcement(const struct policy *policy, const char *name,
			       enum bl_policy_direction direction)
{
	if (bl_engine_n_rows(policy->engine, name) == 0)
		return "unknown";
	if (!bl_engine_is_default_deny(policy->engine, name, direction))
		return "disabled";
	return policy->config.mode == POLICY_AUDIT ? "audit" : "enabled";
}

static struct cJSON *addresses(const struct member *member)
{
	struct cJSON *array = bl_json_array();
	char text[BL_ADDR_TEXT_MAX];

	for (size_t i = 0; i < member->n_addrs; i++)
		bl_json_append(array, bl_json_string(bl_addr_format(&member->addrs[i], text)));
	return array;
}

static struct cJSON *describe(const struct policy *policy, uint32_t index)
{
	const struct member *member = policy->members[index];
	uint32_t identity = bl_engine_endpoint_identity(policy->engine, member->name);
	struct cJSON *json = bl_json_object();

	bl_json_set_string(json, "name", member->name);
	bl_json_set_number(json, "index", index);
	bl_json_set_string(json, "namespace", member->namespace);
	bl_json_set_number(json, "identity", identity);
	bl_json_set(json, "labels", policy_labels(policy, identity));
	bl_json_set_string(json, "ingress", enforcement(policy, member->name, BL_INGRESS));
	bl_json_set_string(json, "egress", enforcement(policy, member->name, BL_EGRESS));
	bl_json_set(json, "addresses", addresses(member));
	bl_json_set_string(json, "error", bl_engine_error(policy->engine, member->name));
	return json;
}

struct cJSON *policy_endpoint(const struct policy *policy, const char *name)
{
	int index = policy_find_member(policy, name);

	return index < 0 ? NULL : describe(policy, (uint32_t)index);
}

/* ---- policies ----------------------------------------------------------------------------------- */

/* A policy, and how many endpoints have rules of it. */
struct tally {
	const struct bl_policy *policy;
	unsigned int n_endpoints;
	const char *last; /* that was counted: several specs may select it */
};

struct tallies {
	struct tally *items;
	size_t n_items;
	const char *endpoint; /* that is being counted */
};

int policy_compare(const struct bl_policy *a, const struct bl_policy *b)
{
	const struct object_key x = policy_key(a), y = policy_key(b);

	return object_key_compare(&x, &y);
}

static int compare_tallies(const void *a, const void *b)
{
	const struct tally *x = a, *y = b;

	return policy_compare(x->policy, y->policy);
}

static void add_policy(const struct bl_policy *policy, const struct bl_policy_spec *spec,
		       void *data)
{
	struct tallies *tallies = data;
	size_t n = tallies->n_items;

	if (n > 0 && tallies->items[n - 1].policy == policy) /* its specs come in a row */
		return;
	if ((n & (n - 1)) == 0)
		tallies->items = bl_realloc(tallies->items, (n * 2 + 1) * sizeof(*tallies->items));
	tallies->items[tallies->n_items++] = (struct tally){.policy = policy};
}

static void count_endpoint(const struct bl_policy *policy, const struct bl_policy_spec *spec,
			   void *data)
{
	struct tallies *tallies = data;
	const struct tally key = {.policy = policy};
	struct tally *tally = tallies->n_items ? bsearch(&key, tallies->items, tallies->n_items,
							 sizeof(key), compare_tallies)
					       : NULL;

	if (!tally || tally->last == tallies->endpoint)
		return;
	tally->n_endpoints++;
	tally->last = tallies->endpoint;
}

static void set_condition(struct cJSON *json, const char *member, const struct cJSON *status,
			  const char *type)
{
	bl_json_set_string(json, member, status ? bl_condition(status, type) : NULL);
}

static struct cJSON *describe_tally(const struct policy *policy, const struct tally *tally)
{
	const struct object_key key = policy_key(tally->policy);
	bl_auto_json struct cJSON *object = objects_read(policy->config.objects, &key);
	struct cJSON *json = policy_reference(tally->policy);

	bl_json_set_number(json, "endpoints", tally->n_endpoints);
	set_condition(json, "valid", bl_json_get(object, "status"), "Valid");
	set_condition(json, "enforced", bl_json_get(object, "status"), "Enforced");
	return json;
}

static struct cJSON *list_policies(const struct policy *policy)
{
	struct tallies tallies = {0};
	struct cJSON *array = bl_json_array();

	bl_engine_specs(policy->engine, NULL, add_policy, &tallies);
	if (tallies.n_items)
		qsort(tallies.items, tallies.n_items, sizeof(*tallies.items), compare_tallies);
	for (uint32_t i = 0; i < BL_ENDPOINTS_MAX; i++) {
		if (!policy->members[i])
			continue;
		tallies.endpoint = policy->members[i]->name;
		bl_engine_specs(policy->engine, tallies.endpoint, count_endpoint, &tallies);
	}
	for (size_t i = 0; i < tallies.n_items; i++)
		bl_json_append(array, describe_tally(policy, &tallies.items[i]));
	free(tallies.items);
	return array;
}

struct cJSON *policy_list(struct policy *policy)
{
	struct cJSON *json = bl_json_object(), *endpoints = bl_json_array();

	for (uint32_t i = 0; i < BL_ENDPOINTS_MAX; i++)
		if (policy->members[i])
			bl_json_append(endpoints, describe(policy, i));
	bl_json_set(json, "endpoints", endpoints);
	bl_json_set(json, "policies", list_policies(policy));
	return json;
}

/* ---- lists in parts ----------------------------------------------------------------------------- */

size_t policy_items_first(const struct policy_items *items)
{
	return items->after ? strtoull(items->after, NULL, 10) : 0;
}

bool policy_items_tell(const struct policy_items *items, struct cJSON *item, uint64_t place)
{
	bl_autofree char *text = bl_format("%llu", (unsigned long long)place);

	return items->fn(item, text, items->data);
}

/* By number, of which 0 is nobody's. */
void policy_identities(struct policy *policy, const struct policy_items *items)
{
	bl_autofree uint32_t *numbers = NULL;
	size_t after = policy_items_first(items), n;
	bool more = true;

	bl_engine_identities(policy->engine, &numbers, &n);
	for (size_t i = 0; more && i < n; i++) {
		struct cJSON *item;

		if (numbers[i] <= after)
			continue;
		item = bl_json_object();
		bl_json_set_number(item, "id", numbers[i]);
		bl_json_set(item, "labels", policy_labels(policy, numbers[i]));
		more = policy_items_tell(items, item, numbers[i]);
	}
}

/* ---- prefixes ----------------------------------------------------------------------------------- */

static struct bl_prefix prefix_of(const struct bl_ipcache_row *row)
{
	struct bl_prefix prefix = {.bits = (uint8_t)row->key.prefixlen};

	memcpy(prefix.addr.bytes, row->key.addr, sizeof(prefix.addr.bytes));
	return prefix;
}

/* In the order of the engine's rows. */
static bool is_behind(const struct bl_ipcache_row *row, const struct bl_prefix *place)
{
	int order = memcmp(row->key.addr, place->addr.bytes, sizeof(row->key.addr));

	return order > 0 || (order == 0 && row->key.prefixlen > place->bits);
}

/* False: of a place that is none, so all are told. */
static bool read_place(const char *text, struct bl_prefix *ret_place)
{
	uint8_t bits;

	if (!text || bl_prefix_parse(text, true, &ret_place->addr, &bits, NULL) < 0)
		return false;
	ret_place->bits = bl_addr_is_v4(&ret_place->addr) ? bits + 96 : bits;
	return true;
}

static struct cJSON *describe_prefix(struct policy *policy, const struct bl_prefix *prefix,
				     uint32_t identity)
{
	struct cJSON *item = bl_json_object();
	char text[BL_ADDR_TEXT_MAX];

	bl_json_set_string(item, "prefix", bl_prefix_format(prefix, text));
	bl_json_set_number(item, "identity", identity);
	if (prefix->bits == 128)
		bl_json_set_string(item, "name", policy_name(policy, &prefix->addr, identity));
	bl_json_set(item, "labels", policy_labels(policy, identity));
	return item;
}

void policy_prefixes(struct policy *policy, const struct policy_items *items)
{
	const struct bl_ipcache_row *rows;
	struct bl_prefix place;
	bool goes_on = read_place(items->after, &place), more = true;
	size_t n;

	bl_engine_prefixes(policy->engine, &rows, &n);
	for (size_t i = 0; more && i < n; i++) {
		struct bl_prefix prefix = prefix_of(&rows[i]);
		char text[BL_ADDR_TEXT_MAX];

		if (!goes_on || is_behind(&rows[i], &place))
			more = items->fn(describe_prefix(policy, &prefix, rows[i].identity),
					 bl_prefix_format(&prefix, text), items->data);
	}
}
