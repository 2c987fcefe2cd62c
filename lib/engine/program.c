// SPDX-License-Identifier: Apache-2.0
/*
 * Programs: the rules of some specs, compiled once for all endpoints that just these specs select. What
 * differs between such endpoints are the numbers that their own named ports have, so these are part of
 * what a program is known by.
 */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "program.h"
#include "program_build.h"

/* ---- which program ------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct program *program)
{
	uint64_t hash =
		hash_bytes(HASH_INIT, program->specs, program->n_specs * sizeof(*program->specs));

	return hash_bytes(hash, program->own_ports,
			  program->n_own_ports * sizeof(*program->own_ports));
}

static bool is_program(const void *item, const void *key)
{
	const struct program *a = item, *b = key;

	return a->n_specs == b->n_specs && a->n_own_ports == b->n_own_ports &&
	       memcmp(a->specs, b->specs, a->n_specs * sizeof(*a->specs)) == 0 &&
	       memcmp(a->own_ports, b->own_ports, a->n_own_ports * sizeof(*a->own_ports)) == 0;
}

static void collect_specs(struct program *program, const struct rules *rules,
			  const struct peer *peer, bool settled)
{
	bl_autofree struct spec **specs = bl_alloc(rules->n_specs * sizeof(*specs));

	for (size_t i = 0; i < rules->n_specs; i++) {
		struct spec *spec = rules->specs[i];

		if ((settled ? !spec->is_gone : spec->is_active) && !spec->spec->of_nodes &&
		    bl_selector_matches(&spec->spec->subject, &peer->identity->labels))
			specs[program->n_specs++] = spec;
	}
	program->specs = bl_alloc(program->n_specs * sizeof(*specs));
	memcpy(program->specs, specs, program->n_specs * sizeof(*specs));
}

static void add_own_ports(struct program *program, const struct bl_policy_rule *rule,
			  const struct peer *peer)
{
	for (size_t i = 0; rule->direction == BL_INGRESS && i < rule->n_layer4; i++) {
		if (!rule->layer4[i].name)
			continue;
		program->own_ports =
			bl_realloc(program->own_ports,
				   (program->n_own_ports + 1) * sizeof(*program->own_ports));
		program->own_ports[program->n_own_ports++] =
			ports_number(peer->ports, rule->layer4[i].name, rule->layer4[i].protocol);
	}
}

static void collect_own_ports(struct program *program, const struct peer *peer)
{
	program->own_ports = bl_alloc(sizeof(*program->own_ports));
	for (size_t i = 0; i < program->n_specs; i++) {
		const struct bl_policy_spec *spec = program->specs[i]->spec;

		for (size_t k = 0; program->specs[i]->uses_names[BL_INGRESS] && k < spec->n_rules;
		     k++)
			add_own_ports(program, &spec->rules[k], peer);
	}
}

static void free_program(struct program *program)
{
	shared_rows_put(program->rows);
	free(program->specs);
	free(program->own_ports);
	free(program->error);
	free(program);
}

struct program *program_get(struct programs *programs, const struct rules *rules,
			    const struct peer *peer, bool settled)
{
	struct program *program = bl_alloc(sizeof(*program)), *known;

	collect_specs(program, rules, peer, settled);
	collect_own_ports(program, peer);
	known = hash_find(&programs->items, hash_of(program), is_program, program);
	if (known) {
		free_program(program);
		program = known;
	} else {
		hash_add(&programs->items, hash_of(program), program);
	}
	program->n_endpoints++;
	return program;
}

void program_put(struct programs *programs, struct program *program)
{
	if (--program->n_endpoints > 0)
		return;
	hash_remove(&programs->items, hash_of(program), program);
	free_program(program);
}

bool program_has_policy(const struct program *program, const struct rules *rules, const char *kind,
			const char *namespace, const char *name)
{
	for (size_t i = 0; i < program->n_specs; i++)
		if (rules_is_of(rules, program->specs[i], kind, namespace, name))
			return true;
	return false;
}

/* ---- compiling ---------------------------------------------------------------------------------- */

static void compile(struct program *program, const struct peers *peers,
		    const struct program_defaults *defaults)
{
	struct shared_rows *rows = NULL;

	free(program->error);
	program->error = NULL;
	if (!program_build(program, peers, defaults, &rows)) {
		program->error =
			bl_format("the policy needs more than %d entries", BL_POLICY_ROWS_MAX);
	} else if (program->rows && shared_rows_equal(program->rows, rows)) {
		shared_rows_put(rows);
	} else {
		shared_rows_put(program->rows);
		program->rows = rows;
	}
}

static bool is_stale(const struct program *program, const struct peers *peers,
		     const struct program_defaults *defaults)
{
	uint64_t compiled = program->compiled;
	bool stale = compiled == 0 || defaults->hosts->changed > compiled;

	for (size_t i = 0; !stale && i < program->n_specs; i++) {
		const struct spec *spec = program->specs[i];

		stale = spec->changed > compiled ||
			(spec->uses_names[BL_EGRESS] && peers->ports.names.changed > compiled);
		for (size_t k = 0; !stale && k < spec->spec->n_rules; k++)
			for (size_t m = 0; !stale && m < spec->rules[k].n_selections; m++)
				stale = spec->rules[k].selections[m]->changed > compiled;
	}
	return stale;
}

void programs_update(struct programs *programs, const struct peers *peers,
		     const struct program_defaults *defaults, uint64_t round)
{
	size_t position = 0;

	for (struct program *program; (program = hash_next(&programs->items, &position));) {
		if (!is_stale(program, peers, defaults))
			continue;
		compile(program, peers, defaults);
		program->compiled = round;
	}
}

void programs_release(struct programs *programs)
{
	size_t position = 0;

	for (struct program *program; (program = hash_next(&programs->items, &position));)
		free_program(program);
	hash_release(&programs->items);
}
