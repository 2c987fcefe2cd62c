// SPDX-License-Identifier: Apache-2.0
/*
 * Programs: the rules of some specs, compiled once for all endpoints that just these specs select. What
 * differs between such endpoints are the numbers that their own named ports have, so these are part of
 * what a program is known by.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "program.h"

/* ---- rows --------------------------------------------------------------------------------------- */

struct shared_rows *shared_rows_new(void)
{
	struct shared_rows *rows = bl_alloc(sizeof(*rows));

	rows->n_holders = 1;
	rows->rows.default_deny[BL_INGRESS] = rows->rows.default_deny[BL_EGRESS] = true;
	return rows;
}

struct shared_rows *shared_rows_get(struct shared_rows *rows)
{
	rows->n_holders++;
	return rows;
}

void shared_rows_put(struct shared_rows *rows)
{
	if (!rows || --rows->n_holders > 0)
		return;
	free(rows->rows.items);
	free(rows);
}

bool shared_rows_equal(const struct shared_rows *a, const struct shared_rows *b)
{
	const struct bl_policy_rows *x = &a->rows, *y = &b->rows;

	if (a == b)
		return true;
	return x->n_items == y->n_items &&
	       memcmp(x->default_deny, y->default_deny, sizeof(x->default_deny)) == 0 &&
	       (x->n_items == 0 || memcmp(x->items, y->items, x->n_items * sizeof(*x->items)) == 0);
}

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
	program->specs = bl_alloc(rules->n_specs * sizeof(*program->specs));
	for (size_t i = 0; i < rules->n_specs; i++) {
		struct spec *spec = rules->specs[i];

		if ((settled ? !spec->is_gone : spec->is_active) && !spec->spec->of_nodes &&
		    bl_selector_matches(&spec->spec->subject, &peer->identity->labels))
			program->specs[program->n_specs++] = spec;
	}
	program->specs = bl_realloc(program->specs, program->n_specs * sizeof(*program->specs));
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
			peer_port(peer, rule->layer4[i].name, rule->layer4[i].protocol);
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

/* ---- compiling ---------------------------------------------------------------------------------- */

struct build {
	const struct program *program;
	const struct peers *peers;
	const struct program_defaults *defaults;
	enum bl_policy_direction direction;
	struct compile_rule *rules;
	size_t n_rules;
	size_t n_names; /* of ingress rules, met so far */
};

static struct compile_rule *add_rule(struct build *build, uint64_t rank, struct cookie *cookie,
				     size_t n_rows)
{
	struct compile_rule *rule;

	build->rules = bl_realloc(build->rules, (build->n_rules + 1) * sizeof(*build->rules));
	rule = &build->rules[build->n_rules++];
	*rule = (struct compile_rule){
		.rank = rank,
		.cookie = cookie->number,
		.rows = bl_alloc((n_rows ? n_rows : 1) * sizeof(*rule->rows)),
	};
	return rule;
}

static struct compile_rule *add_whole_rule(struct build *build, uint64_t rank,
					   struct cookie *cookie)
{
	struct compile_rule *rule = add_rule(build, rank, cookie, 1);

	rule->rows[rule->n_rows++].any_protocol = true;
	return rule;
}

/* The number of a named port; -1: the row selects nothing. */
static int named_port(struct build *build, const struct bl_layer4 *layer4)
{
	if (build->direction == BL_EGRESS)
		return peers_port(build->peers, layer4->name, layer4->protocol);
	return build->program->own_ports[build->n_names++];
}

static void add_layer4(struct build *build, struct compile_rule *rule,
		       const struct bl_layer4 *layer4)
{
	struct port_row row = {
		.protocol = layer4->protocol, .first = layer4->first, .last = layer4->last};
	int port = layer4->name ? named_port(build, layer4) : 0;

	if (port < 0)
		return;
	if (layer4->name)
		row.first = row.last = (uint16_t)port;
	if (layer4->any_port) {
		row.first = 0;
		row.last = UINT16_MAX;
	}
	rule->rows[rule->n_rows++] = row;
}

static void add_policy_rule(struct build *build, const struct bl_policy_spec *spec,
			    const struct rule *rule)
{
	const struct bl_policy_rule *from = rule->rule;
	uint64_t rank = RANK(spec->tier, spec->priority, from->verdict);
	struct compile_rule *to;

	assert(spec->priority <= UINT16_MAX);
	if (from->any_layer4) {
		to = add_whole_rule(build, rank, rule->cookie);
	} else {
		to = add_rule(build, rank, rule->cookie, from->n_layer4);
		for (size_t i = 0; i < from->n_layer4; i++)
			add_layer4(build, to, &from->layer4[i]);
	}
	to->any_peer = rule->any_peer;
	to->selections = rule->selections;
	to->n_selections = rule->n_selections;
}

static bool is_default_deny(const struct program *program, enum bl_policy_direction direction)
{
	for (size_t i = 0; i < program->n_specs; i++)
		if (program->specs[i]->spec->default_deny[direction])
			return true;
	return false;
}

/* The end of the order: the node may come in, and what nobody spoke of gets the default. */
static void add_defaults(struct build *build, bool deny)
{
	uint64_t host = RANK(BL_TIER_DEFAULT, 0, BL_RULE_ALLOW);
	uint64_t last = RANK(BL_TIER_DEFAULT, UINT16_MAX, deny ? BL_RULE_DENY : BL_RULE_ALLOW);
	bool has_pass = false;

	for (size_t i = 0; i < build->n_rules; i++)
		has_pass |= RANK_VERDICT(build->rules[i].rank) == BL_RULE_PASS;
	if (deny && build->direction == BL_INGRESS) {
		struct compile_rule *rule = add_whole_rule(build, host, build->defaults->host);

		rule->selections = &build->defaults->hosts;
		rule->n_selections = 1;
	}
	/* Without a pass an entry that is not there denies. */
	if (!deny)
		add_whole_rule(build, last, build->defaults->allow)->any_peer = true;
	else if (has_pass)
		add_whole_rule(build, last, build->defaults->deny)->any_peer = true;
}

static bool build_direction(struct build *build, bool deny, struct compile_output *output)
{
	bool fits;

	for (size_t i = 0; i < build->program->n_specs; i++) {
		const struct spec *spec = build->program->specs[i];

		for (size_t k = 0; k < spec->spec->n_rules; k++)
			if (spec->rules[k].rule->direction == build->direction)
				add_policy_rule(build, spec->spec, &spec->rules[k]);
	}
	add_defaults(build, deny);
	fits = compile_direction(build->rules, build->n_rules, build->direction, output);
	for (size_t i = 0; i < build->n_rules; i++)
		free(build->rules[i].rows);
	free(build->rules);
	return fits;
}

static void compile(struct program *program, const struct peers *peers,
		    const struct program_defaults *defaults)
{
	struct compile_output output = {.most = BL_POLICY_ROWS_MAX};
	struct shared_rows *rows = shared_rows_new();
	bool fits = true;

	for (int d = 0; fits && d < BL_POLICY_DIRECTIONS; d++) {
		struct build build = {.program = program,
				      .peers = peers,
				      .defaults = defaults,
				      .direction = (enum bl_policy_direction)d};

		rows->rows.default_deny[d] = is_default_deny(program, build.direction);
		fits = build_direction(&build, rows->rows.default_deny[d], &output);
	}
	rows->rows.items = bl_realloc(output.rows, output.n_rows * sizeof(*output.rows));
	rows->rows.n_items = output.n_rows;
	free(program->error);
	program->error = NULL;
	if (!fits) {
		shared_rows_put(rows);
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
			(spec->uses_names[BL_EGRESS] && peers->names_changed > compiled);
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
