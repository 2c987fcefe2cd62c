// SPDX-License-Identifier: Apache-2.0
/*
 * An endpoint's entries as the kernel has them, in Cilium's order: what denies first, then by direction and
 * identity. Behind them stands, for each direction with default deny, what became of packets that no entry
 * allowed.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "room.h"

struct entry {
	struct bl_policy_row row;
	struct bl_counter counter;
};

struct entries {
	struct entry *items;
	size_t n_items;
};

static void add_entry(const struct bl_policy_row *row, const struct bl_counter *counter, void *data)
{
	struct entries *entries = data;
	size_t n = entries->n_items;

	if ((n & (n - 1)) == 0)
		entries->items = bl_realloc(entries->items, (n * 2 + 1) * sizeof(*entries->items));
	entries->items[entries->n_items++] = (struct entry){*row, *counter};
}

static int order(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

/* Entries of one identity from narrow to broad, as they are found. */
static int compare(const void *a, const void *b)
{
	const struct bl_policy_row *x = &((const struct entry *)a)->row;
	const struct bl_policy_row *y = &((const struct entry *)b)->row;
	const int orders[] = {
		order(y->entry.deny, x->entry.deny),
		order(x->key.egress, y->key.egress),
		order(x->key.identity, y->key.identity),
		order(x->key.protocol, y->key.protocol),
		order(y->key.prefixlen, x->key.prefixlen),
		order(ntohs(x->key.dport), ntohs(y->key.dport)),
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		if (orders[i])
			return orders[i];
	return 0;
}

static void set_counter(struct cJSON *json, const struct bl_counter *counter)
{
	bl_json_set_number(json, "bytes", (double)counter->bytes);
	bl_json_set_number(json, "packets", (double)counter->packets);
}

static struct cJSON *describe(const struct policy *policy, const struct entry *entry)
{
	const struct bl_policy_key *key = &entry->row.key;
	const struct bl_policy_entry *value = &entry->row.entry;
	bl_autofree char *layer4 = bl_policy_key_layer4(key);
	struct cJSON *json = bl_json_object();

	bl_json_set_string(json, "policy",
			   bl_rule_verdict_name(value->deny ? BL_RULE_DENY : BL_RULE_ALLOW));
	bl_json_set_string(json, "direction",
			   bl_policy_direction_name(key->egress ? BL_EGRESS : BL_INGRESS));
	bl_json_set_number(json, "identity", key->identity);
	bl_json_set(json, "labels", policy_labels(policy, key->identity));
	bl_json_set_string(json, "portProtocol", layer4);
	if (value->counter)
		set_counter(json, &entry->counter);
	bl_json_set_number(json, "prefix", key->prefixlen - BL_POLICY_PREFIX_FIXED);
	bl_json_set_number(json, "precedence", value->precedence);
	bl_json_set_number(json, "cookie", value->cookie);
	bl_json_set_string(json, "rule", bl_engine_rule(policy->engine, value->cookie));
	return json;
}

/* ---- what no entry allowed ---------------------------------------------------------------------- */

static void add_denied(const struct bl_verdict_key *key, const struct bl_counter *counter,
		       void *data)
{
	struct bl_counter *denied = data;
	enum bl_policy_direction direction = key->direction == BL_TO_VM ? BL_INGRESS : BL_EGRESS;

	if (key->reason != BL_REASON_POLICY)
		return;
	denied[direction].packets += counter->packets;
	denied[direction].bytes += counter->bytes;
}

/* Audited packets are counted without saying why, so then nothing is said of how many there were. */
static struct cJSON *describe_default(const struct policy *policy, const char *endpoint,
				      enum bl_policy_direction direction,
				      const struct bl_counter *denied)
{
	bl_autofree char *rule = policy_default_deny(policy, endpoint, direction);
	struct cJSON *json = bl_json_object();

	bl_json_set_bool(json, "default", true);
	bl_json_set_string(json, "policy", bl_rule_verdict_name(BL_RULE_DENY));
	bl_json_set_string(json, "direction", bl_policy_direction_name(direction));
	bl_json_set_number(json, "identity", BL_IDENTITY_ANY);
	bl_json_set(json, "labels", bl_json_array());
	bl_json_set_string(json, "portProtocol", "ANY");
	if (policy->config.mode != POLICY_AUDIT)
		set_counter(json, denied);
	bl_json_set_number(json, "prefix", 0);
	bl_json_set_number(json, "cookie", 0);
	bl_json_set_string(json, "rule", rule);
	return json;
}

/* The i-th of those that there are; NULL: no more. */
static struct cJSON *next_default(const struct policy *policy, const char *endpoint, size_t i,
				  const struct bl_counter denied[BL_POLICY_DIRECTIONS])
{
	for (int direction = 0; direction < BL_POLICY_DIRECTIONS; direction++)
		if (bl_engine_is_default_deny(policy->engine, endpoint, direction) && i-- == 0)
			return describe_default(policy, endpoint, direction, &denied[direction]);
	return NULL;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static void hand_out(const struct policy *policy, const char *endpoint,
		     const struct entries *entries, const struct bl_counter *denied,
		     const struct policy_items *items)
{
	bool more = true;

	for (size_t i = policy_items_first(items); more; i++) {
		struct cJSON *item =
			i < entries->n_items
				? describe(policy, &entries->items[i])
				: next_default(policy, endpoint, i - entries->n_items, denied);

		more = item && policy_items_tell(items, item, i + 1);
	}
}

int policy_entries(struct policy *policy, const char *endpoint, const struct policy_items *items,
		   struct bl_err *err)
{
	struct bl_counter denied[BL_POLICY_DIRECTIONS] = {0};
	uint32_t index = (uint32_t)policy_find_member(policy, endpoint);
	struct entries entries = {0};
	int r = datapath_policy_rows(policy->config.datapath, index, add_entry, &entries, err);

	if (r == 0)
		r = datapath_verdicts(policy->config.datapath, index, add_denied, denied, err);
	if (r == 0 && entries.n_items)
		qsort(entries.items, entries.n_items, sizeof(*entries.items), compare);
	if (r == 0)
		hand_out(policy, endpoint, &entries, denied, items);
	free(entries.items);
	return r;
}
