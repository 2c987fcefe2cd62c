// SPDX-License-Identifier: Apache-2.0
/*
 * From ordered rules to entries. The reader asks twice, by the peer's identity and by identity 0 for
 * whoever it is, and takes the greater precedence. So rules about everybody go to identity 0, rules
 * about somebody to each of their identities, and neither knows of the other.
 *
 * A pass breaks that: it skips rules of both sides. A direction that has one gets, for each identity that
 * some rule speaks of, the whole answer of all rules, at a precedence that nothing of identity 0 reaches;
 * and a last rule that says the default aloud, as there an entry must not be missing.
 *
 * Identities that the same rules speak of have the same blocks, which are computed once.
 */
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include <beeline/file.h>

#include "compile.h"

struct rule_list {
	uint32_t *items; /* indices of rules, rising */
	size_t n_items;
};

/* Who is spoken of by the same rules. */
struct group {
	struct rule_list rules;
	struct port_blocks blocks;
};

/* A rule speaks of an identity. */
struct pair {
	uint32_t number, rule;
};

struct job {
	const struct compile_rule *rules;
	size_t n_rules;
	bool has_pass;
	struct rule_list everybody; /* rules about whoever it is */
	struct hash_table groups;
	enum bl_policy_direction direction;
	struct compile_output *output;
};

static int compare_ranks(const void *a, const void *b)
{
	const struct compile_rule *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return (x->cookie > y->cookie) - (x->cookie < y->cookie);
}

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return (x->rule > y->rule) - (x->rule < y->rule);
}

/* ---- blocks of a list of rules ------------------------------------------------------------------- */

static struct port_blocks solve(const struct job *job, const struct rule_list *list)
{
	struct port_blocks blocks;
	struct port_row *rows;
	size_t n = 0;

	for (size_t i = 0; i < list->n_items; i++)
		n += job->rules[list->items[i]].n_rows;
	rows = bl_alloc(n * sizeof(*rows));
	n = 0;
	for (size_t i = 0; i < list->n_items; i++) {
		const struct compile_rule *rule = &job->rules[list->items[i]];

		for (size_t k = 0; k < rule->n_rows; k++) {
			rows[n] = rule->rows[k];
			rows[n].rank = rule->rank;
			rows[n++].rule = list->items[i];
		}
	}
	portspace_solve(rows, n, &blocks);
	free(rows);
	return blocks;
}

static bool is_group(const void *item, const void *key)
{
	const struct rule_list *a = &((const struct group *)item)->rules, *b = key;

	return a->n_items == b->n_items &&
	       memcmp(a->items, b->items, a->n_items * sizeof(*a->items)) == 0;
}

static const struct group *group_of(struct job *job, const struct rule_list *list)
{
	size_t size = list->n_items * sizeof(*list->items);
	uint64_t hash = hash_bytes(HASH_INIT, list->items, size);
	struct group *group = hash_find(&job->groups, hash, is_group, list);

	if (group)
		return group;
	group = bl_alloc(sizeof(*group));
	group->rules.items = bl_alloc(size);
	group->rules.n_items = list->n_items;
	memcpy(group->rules.items, list->items, size);
	group->blocks = solve(job, list);
	hash_add(&job->groups, hash, group);
	return group;
}

static void release_groups(struct job *job)
{
	size_t position = 0;

	for (struct group *group; (group = hash_next(&job->groups, &position));) {
		free(group->rules.items);
		free(group->blocks.items);
		free(group);
	}
	hash_release(&job->groups);
}

/* ---- entries ------------------------------------------------------------------------------------ */

static uint32_t precedence(const struct job *job, uint32_t identity, uint64_t rank)
{
	uint32_t low = RANK_VERDICT(rank) == BL_RULE_DENY ? 255 : 1;
	uint32_t order = RANK_TIER(rank) << 16 | RANK_PRIORITY(rank);

	if (job->has_pass && identity != BL_IDENTITY_ANY)
		return BL_POLICY_PRECEDENCE_WHOLE | low;
	return (0xffffff - order) << 8 | low;
}

static struct bl_policy_row *add_row(struct compile_output *output)
{
	if ((output->n_rows & (output->n_rows - 1)) == 0)
		output->rows =
			bl_realloc(output->rows, (output->n_rows * 2 + 1) * sizeof(*output->rows));
	return &output->rows[output->n_rows++];
}

/* What no policy allows is told apart from what one denies. */
static enum bl_policy_deny deny_of(uint64_t rank)
{
	if (RANK_VERDICT(rank) != BL_RULE_DENY)
		return BL_POLICY_ALLOWS;
	return RANK_TIER(rank) == BL_TIER_DEFAULT ? BL_POLICY_DENIES_BY_DEFAULT : BL_POLICY_DENIES;
}

static bool write_rows(const struct job *job, uint32_t identity, const struct port_blocks *blocks)
{
	if (job->output->n_rows + blocks->n_items > job->output->most)
		return false;
	for (size_t i = 0; i < blocks->n_items; i++) {
		const struct port_block *block = &blocks->items[i];
		struct bl_policy_row *row = add_row(job->output);

		*row = (struct bl_policy_row){
			.key.prefixlen = block->prefixlen,
			.key.identity = identity,
			.key.egress = job->direction == BL_EGRESS,
			.key.protocol = block->protocol,
			.key.dport = htons(block->port),
			.entry.deny = deny_of(block->rank),
			.entry.precedence = precedence(job, identity, block->rank),
			.entry.cookie = job->rules[block->rule].cookie,
		};
	}
	return true;
}

/* ---- who is spoken of --------------------------------------------------------------------------- */

static struct pair *list_pairs(const struct job *job, size_t *ret_n)
{
	struct pair *pairs;
	size_t n = 0;

	for (size_t i = 0; i < job->n_rules; i++)
		for (size_t k = 0; !job->rules[i].any_peer && k < job->rules[i].n_selections; k++)
			n += job->rules[i].selections[k]->n_numbers;
	pairs = bl_alloc(n * sizeof(*pairs));
	n = 0;
	for (size_t i = 0; i < job->n_rules; i++) {
		const struct compile_rule *rule = &job->rules[i];

		for (size_t k = 0; !rule->any_peer && k < rule->n_selections; k++)
			for (size_t m = 0; m < rule->selections[k]->n_numbers; m++)
				pairs[n++] =
					(struct pair){rule->selections[k]->numbers[m], (uint32_t)i};
	}
	qsort(pairs, n, sizeof(*pairs), compare_pairs);
	*ret_n = n;
	return pairs;
}

/* The rules of one run of pairs; with pass those about everybody too, in their order. */
static void list_rules(const struct job *job, const struct pair *pairs, size_t n,
		       struct rule_list *list)
{
	size_t everybody = 0;

	list->n_items = 0;
	for (size_t i = 0; i < n; i++) {
		while (job->has_pass && everybody < job->everybody.n_items &&
		       job->everybody.items[everybody] < pairs[i].rule)
			list->items[list->n_items++] = job->everybody.items[everybody++];
		if (list->n_items == 0 || list->items[list->n_items - 1] != pairs[i].rule)
			list->items[list->n_items++] = pairs[i].rule;
	}
	while (job->has_pass && everybody < job->everybody.n_items)
		list->items[list->n_items++] = job->everybody.items[everybody++];
}

static bool write_identities(struct job *job)
{
	size_t n_pairs;
	bl_autofree struct pair *pairs = list_pairs(job, &n_pairs);
	bl_autofree uint32_t *items = bl_alloc(job->n_rules * sizeof(*items));
	struct rule_list list = {.items = items};

	for (size_t i = 0, end; i < n_pairs; i = end) {
		for (end = i + 1; end < n_pairs && pairs[end].number == pairs[i].number;)
			end++;
		list_rules(job, pairs + i, end - i, &list);
		if (!write_rows(job, pairs[i].number, &group_of(job, &list)->blocks))
			return false;
	}
	return true;
}

bool compile_direction(struct compile_rule *rules, size_t n_rules,
		       enum bl_policy_direction direction, struct compile_output *output)
{
	struct job job = {
		.rules = rules, .n_rules = n_rules, .direction = direction, .output = output};
	bl_autofree uint32_t *everybody = bl_alloc(n_rules * sizeof(*everybody));
	bool fits;

	if (n_rules > 0)
		qsort(rules, n_rules, sizeof(*rules), compare_ranks);
	job.everybody.items = everybody;
	for (size_t i = 0; i < n_rules; i++) {
		job.has_pass |= RANK_VERDICT(rules[i].rank) == BL_RULE_PASS;
		if (rules[i].any_peer)
			everybody[job.everybody.n_items++] = (uint32_t)i;
	}
	fits = write_rows(&job, BL_IDENTITY_ANY, &group_of(&job, &job.everybody)->blocks) &&
	       write_identities(&job);
	release_groups(&job);
	return fits;
}
