// SPDX-License-Identifier: Apache-2.0
/*
 * The policy engine: whatever objects and policies it is given, it computes rows that are in order, and
 * when all is taken away again nothing is left of it.
 */
#include <stdint.h>
#include <stdlib.h>

#include <beeline/engine.h>
#include <beeline/yaml.h>

#define RESERVED 10 /* identities that are always there */

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void update(struct bl_engine *engine, struct bl_engine_changes *ret_changes)
{
	struct bl_err err = BL_ERR_INIT;

	check(bl_engine_update(engine, ret_changes, &err) == 0);
}

static void check_rows(const struct bl_engine *engine, const char *endpoint)
{
	const struct bl_policy_rows *rows = bl_engine_rows(engine, endpoint);

	check(rows && rows->n_items <= BL_POLICY_ROWS_MAX);
	for (size_t i = 0; i < rows->n_items; i++) {
		const struct bl_policy_row *row = &rows->items[i];

		check(row->key.prefixlen >= BL_POLICY_PREFIX_FIXED &&
		      row->key.prefixlen <= BL_POLICY_PREFIX_FULL);
		check(i == 0 || row->key.egress > row[-1].key.egress ||
		      row->key.identity >= row[-1].key.identity);
		check(bl_engine_rule(engine, row->entry.cookie) != NULL);
	}
}

static void take_away(struct bl_engine *engine, const struct cJSON *documents)
{
	bl_json_for_each (document, documents) {
		const char *kind = bl_json_get_string(document, "kind");
		const char *namespace = bl_json_get_string(document, "metadata/namespace");
		const char *name = bl_json_get_string(document, "metadata/name");

		if (!kind || !name)
			continue;
		bl_engine_remove(engine, kind, namespace, name);
		bl_engine_remove(engine, kind, NULL, name);
		bl_engine_remove(engine, kind, "default", name);
	}
}

static void check_empty(struct bl_engine *engine)
{
	const struct bl_ipcache_row *prefixes;
	struct bl_engine_changes changes;
	uint32_t *numbers;
	size_t n;

	do
		update(engine, &changes);
	while (changes.again);
	update(engine, &changes);
	check(changes.n_endpoints == 0 && changes.n_prefixes == 0);
	bl_engine_prefixes(engine, &prefixes, &n);
	check(n == 2);
	bl_engine_identities(engine, &numbers, &n);
	check(n == RESERVED);
	free(numbers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bl_engine_options options = {.node = "n0", .all_are_endpoints = true};
	bl_auto_engine struct bl_engine *engine = bl_engine_new(&options);
	bl_auto_json struct cJSON *documents = NULL;
	struct bl_engine_changes changes;

	if (bl_yaml_parse((const char *)data, size, &documents, NULL) < 0)
		return 0;
	bl_json_for_each (document, documents) {
		struct bl_err err = BL_ERR_INIT;

		if (bl_engine_put(engine, document, &err) < 0)
			check(*err.message);
	}
	update(engine, &changes);
	for (size_t i = 0; i < changes.n_endpoints; i++)
		check_rows(engine, changes.endpoints[i]);
	take_away(engine, documents);
	check_empty(engine);
	return 0;
}
