// SPDX-License-Identifier: Apache-2.0
/*
 * The policy engine, its computing: one pass over the stages, each of which does what the marks say.
 * Everything carries the round in which it changed, and what is compiled the round in which it was, so
 * that no stage has to know who depends on it.
 */
#include <errno.h>
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

static bool drop_orphans(struct bl_engine *engine)
{
	for (size_t i = 0; i < engine->identities.n_changed; i++)
		if (engine->identities.changed[i]->n_holders == 0)
			selections_forget(&engine->selections, engine->identities.changed[i],
					  engine->round);
	return identities_drop_orphans(&engine->identities);
}

/* Identities that nobody holds rest until the end of the round, as the next peer may have their labels;
 * when numbers run out they go at once. */
static int update_peers(struct bl_engine *engine, struct bl_err *err)
{
	int r = peers_update(&engine->peers, &engine->identities, &engine->ipcache,
			     &engine->inventory, err);

	if (r == -ENOSPC && drop_orphans(engine))
		r = peers_update(&engine->peers, &engine->identities, &engine->ipcache,
				 &engine->inventory, err);
	return r;
}

static int update_identities(struct bl_engine *engine, struct bl_err *err)
{
	struct rules_context context = engine_rules_context(engine);
	int r = update_peers(engine, err);

	if (r < 0)
		return r;
	rules_update(&engine->rules, &context);
	selections_sweep(&engine->selections);
	update_nodes(engine);
	prefixes_update(&engine->prefixes, &engine->identities, &engine->ipcache);
	selections_update(&engine->selections, &engine->identities, engine->round);
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

	for (size_t i = 0; i < rules->n_specs; i++)
		if (rules->specs[i]->is_new != rules->specs[i]->is_gone)
			changed[n++] = rules->specs[i];
	*ret_n = n;
	return changed;
}

/* settles: policies that came or went take effect. Whoever is new here has what it should have at once. */
static void update_programs(struct bl_engine *engine, bool settles)
{
	size_t n_changed;
	bl_autofree struct spec **changed = list_changed_specs(&engine->rules, &n_changed);

	for (size_t i = 0; i < engine->n_endpoints; i++) {
		struct endpoint *endpoint = engine->endpoints[i];
		struct program *before = endpoint->program;

		if (before && !endpoint->peer->is_stale &&
		    !(settles && is_concerned(endpoint, changed, n_changed)))
			continue;
		endpoint->program = program_get(&engine->programs, &engine->rules, endpoint->peer,
						settles || !before);
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

/* Follows the program; whether anything is to be told. Of a new endpoint it is, as no program is without
 * rows: the node may come in, or everybody may. */
static bool follow(struct endpoint *endpoint)
{
	const struct program *program = endpoint->program;
	bool tell = !same_text(endpoint->error, program->error);

	free(endpoint->error);
	endpoint->error = bl_strdup(program->error);
	if (program->error || endpoint->rows == program->rows)
		return tell;
	tell |= !shared_rows_equal(endpoint->rows, program->rows);
	shared_rows_put(endpoint->rows);
	endpoint->rows = shared_rows_get(program->rows);
	return tell;
}

static void list_changes(struct bl_engine *engine)
{
	engine->changed =
		bl_realloc(engine->changed, engine->n_endpoints * sizeof(*engine->changed));
	engine->n_changed = engine->n_unfit = 0;
	for (size_t i = 0; i < engine->n_endpoints; i++) {
		if (follow(engine->endpoints[i]))
			engine->changed[engine->n_changed++] = engine->endpoints[i]->name;
		engine->n_unfit += engine->endpoints[i]->error != NULL;
	}
	free(engine->changed_prefixes);
	ipcache_take_changes(&engine->ipcache, &engine->changed_prefixes,
			     &engine->n_changed_prefixes);
}

/*
 * A policy that names a prefix gives it an identity, which takes its addresses away from the one that they
 * had. Would its rules act at once, then until the ipcache follows they would judge these addresses by the
 * old identity, which they do not mean. So when prefixes change, policies wait for one update: first the
 * old rules learn the new identities, the ipcache follows, and then the rules change in one swap.
 */
static bool may_settle(const struct bl_engine *engine)
{
	return engine->has_waited || !ipcache_has_changes(&engine->ipcache);
}

static bool is_unfinished(const struct bl_engine *engine)
{
	return engine->has_waited || engine->identities.n_changed > 0 ||
	       engine->selections.n_queued > 0 ||
	       engine->by_node_labels != (engine->rules.n_node_selectors > 0);
}

int bl_engine_update(struct bl_engine *engine, struct bl_engine_changes *ret_changes,
		     struct bl_err *err)
{
	struct rules_context context = engine_rules_context(engine);
	bool settles;
	int r;

	bl_engine_fold_rows(engine);
	r = update_identities(engine, err);
	if (r < 0)
		return r;
	settles = engine->rules.policies_changed && may_settle(engine);
	engine->has_waited = engine->rules.policies_changed && !settles;
	update_programs(engine, settles);
	list_changes(engine);
	if (settles)
		rules_settle(&engine->rules, &context);
	identities_sweep(&engine->identities);
	engine->round++;
	*ret_changes = (struct bl_engine_changes){
		.endpoints = engine->changed,
		.n_endpoints = engine->n_changed,
		.prefixes = engine->changed_prefixes,
		.n_prefixes = engine->n_changed_prefixes,
		.again = is_unfinished(engine),
	};
	return 0;
}
