// SPDX-License-Identifier: Apache-2.0
/*
 * The rules of a program as the compiler takes them: in one order, with numbers for the names of ports, and
 * with the defaults that stand in no policy at their end.
 */
#include <assert.h>
#include <stdlib.h>

#include <beeline/file.h>

#include "compile.h"
#include "program_build.h"

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
		return port_names_number(&build->peers->ports.names, layer4->name,
					 layer4->protocol);
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

bool program_build(const struct program *program, const struct peers *peers,
		   const struct program_defaults *defaults, struct shared_rows **ret_rows)
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
	if (fits) {
		shared_rows_set(rows, output.rows, output.n_rows);
		*ret_rows = rows;
	} else {
		shared_rows_put(rows);
	}
	free(output.rows);
	return fits;
}
