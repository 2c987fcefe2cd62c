// SPDX-License-Identifier: Apache-2.0
/*
 * The policy engine, its computing: one pass over the stages, each of which does what the marks say.
 * Everything carries the round in which it changed, and what is compiled the round in which it was, so
 * that no stage has to know who depends on it.
 */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "state.h"

/* ---- who is who --------------------------------------------------------------------------------- */

static void update_nodes(struct bl_engine *engine)
{
	bool by_labels = engine->rules.n_node_selectors > 0;
	const struct nodes_context context = {
		.inventory = &engine->inventory,
		.identities = &engine->identities,
		.selections = &engine->selections,
		.prefixes = &engine->prefixes,
		.ipcache = &engine->ipcache,
		.by_labels = by_labels,
		.round = engine->round,
	};

	if (engine->nodes.is_changed || by_labels != engine->by_node_labels)
		nodes_update(&engine->nodes, &context);
	engine->by_node_labels = by_labels;
}

static int update_identities(struct bl_engine *engine, struct bl_err *err)
{
	struct rules_context context = engine_rules_context(engine);
	bool prefixes_changed;
	int r = peers_update(&engine->peers, &engine->identities, &engine->ipcache,
			     &engine->inventory, err);

	if (r < 0)
		return r;
	rules_update(&engine->rules, &context);
	selections_sweep(&engine->selections);
	update_nodes(engine);
	prefixes_changed =
		prefixes_update(&engine->prefixes, &engine->identities, &engine->ipcache);
	selections_update(&engine->selections, &engine->identities, prefixes_changed,
			  engine->round);
	return 0;
}

/* ---- which rules -------------------------------------------------------------------------------- */

static bool uses(const struct program *program, const struct spec *spec)
{
	for (size_t i = 0; i < program->n_specs; i++)
		if (program->specs[i] == spec)
			return true;
	return false;
}

/* Do policies that came or went concern the endpoint? */
static bool is_concerned(const struct endpoint *endpoint, struct spec *const *changed, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (changed[i]->is_gone ? uses(endpoint->program, changed[i])
					: bl_selector_matches(&changed[i]->spec->subject,
							      &endpoint->peer->identity->labels))
			return true;
	}
	return false;
}

static struct spec **list_changed_specs(const struct rules *rules, size_t *ret_n)
{
	struct spec **changed = bl_alloc(rules->n_specs * sizeof(*changed));
	size_t n = 0;

	for (size_t i = 0; rules->policies_changed && i < rules->n_specs; i++)
		if (rules->specs[i]->is_new != rules->specs[i]->is_gone)
			changed[n++] = rules->specs[i];
	*ret_n = n;
	return changed;
}

static void update_programs(struct bl_engine *engine)
{
	size_t n_changed;
	bl_autofree struct spec **changed = list_changed_specs(&engine->rules, &n_changed);

	for (size_t i = 0; i < engine->n_endpoints; i++) {
		struct endpoint *endpoint = engine->endpoints[i];
		struct program *before = endpoint->program;

		if (before && !endpoint->peer->is_stale &&
		    !is_concerned(endpoint, changed, n_changed))
			continue;
		endpoint->program = program_get(&engine->programs, &engine->rules, endpoint->peer);
		endpoint->peer->is_stale = false;
		if (before)
			program_put(&engine->programs, before);
	}
	programs_update(&engine->programs, &engine->peers, &engine->defaults, engine->round);
}

/* ---- what is told ------------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Follows the program; whether anything is to be told. */
static bool follow(struct endpoint *endpoint)
{
	const struct program *program = endpoint->program;
	bool is_new = !same_text(endpoint->error, program->error);

	if (is_new) {
		free(endpoint->error);
		endpoint->error = bl_strdup(program->error);
	}
	if (program->error || endpoint->rows == program->rows)
		return is_new;
	is_new |= !shared_rows_equal(endpoint->rows, program->rows);
	shared_rows_put(endpoint->rows);
	endpoint->rows = shared_rows_get(program->rows);
	return is_new;
}

static void list_changes(struct bl_engine *engine)
{
	engine->changed =
		bl_realloc(engine->changed, engine->n_endpoints * sizeof(*engine->changed));
	engine->n_changed = 0;
	for (size_t i = 0; i < engine->n_endpoints; i++)
		if (follow(engine->endpoints[i]))
			engine->changed[engine->n_changed++] = engine->endpoints[i]->name;
	free(engine->changed_prefixes);
	ipcache_take_changes(&engine->ipcache, &engine->changed_prefixes,
			     &engine->n_changed_prefixes);
}

int bl_engine_update(struct bl_engine *engine, struct bl_engine_changes *ret_changes,
		     struct bl_err *err)
{
	int r = update_identities(engine, err);

	if (r < 0)
		return r;
	update_programs(engine);
	list_changes(engine);
	rules_sweep(&engine->rules);
	identities_sweep(&engine->identities);
	engine->round++;
	*ret_changes = (struct bl_engine_changes){
		.endpoints = engine->changed,
		.n_endpoints = engine->n_changed,
		.prefixes = engine->changed_prefixes,
		.n_prefixes = engine->n_changed_prefixes,
	};
	return 0;
}
