// SPDX-License-Identifier: Apache-2.0
/*
 * The selector cache. Ten thousand identities meet thousands of selectors, so neither side is walked
 * for the other: a selector that wants key=value stands in the file of that label, and an identity asks
 * the files of its own labels. What is found there is compared in full.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "../labels/label.h"
#include "../prefix.h"
#include "selection_parts.h"

#define FEW 8 /* selections: about as many as an identity has labels */

/* ---- the selected ------------------------------------------------------------------------------- */

static size_t position_of(const struct selection *selection, uint32_t number)
{
	size_t low = 0, high = selection->n_numbers;

	if (high > 0 && selection->numbers[high - 1] < number)
		return high;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (selection->numbers[middle] < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void insert(struct selection *selection, uint32_t number, uint64_t round)
{
	size_t at = position_of(selection, number);

	if (at < selection->n_numbers && selection->numbers[at] == number)
		return;
	if (selection->n_numbers == selection->n_room) {
		selection->n_room = selection->n_room + selection->n_room / 2 + 2;
		selection->numbers =
			bl_realloc(selection->numbers, selection->n_room * sizeof(number));
	}
	memmove(selection->numbers + at + 1, selection->numbers + at,
		(selection->n_numbers++ - at) * sizeof(number));
	selection->numbers[at] = number;
	selection->changed = round;
}

static void remove_number(struct selection *selection, uint32_t number, uint64_t round)
{
	size_t at = position_of(selection, number);

	if (at == selection->n_numbers || selection->numbers[at] != number)
		return;
	memmove(selection->numbers + at, selection->numbers + at + 1,
		(--selection->n_numbers - at) * sizeof(number));
	selection->changed = round;
}

struct visit {
	const struct identity *identity;
	bool adds;
	bool fresh; /* only those that are, or only those that are not */
	uint64_t round;
};

static void visit_list(const struct visit *visit, struct selection *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i]->is_fresh != visit->fresh || list[i]->cidr ||
		    !bl_selector_matches(&list[i]->selector, &visit->identity->labels))
			continue;
		if (visit->adds)
			insert(list[i], visit->identity->number, visit->round);
		else
			remove_number(list[i], visit->identity->number, visit->round);
	}
}

static void visit_matching(const struct selections *selections, const struct visit *visit)
{
	const struct bl_labels *labels = &visit->identity->labels;

	for (size_t i = 0; i < labels->n_items; i++) {
		const struct file *file =
			selections_file(selections, label_hash_of(labels->items[i]));

		if (file)
			visit_list(visit, file->items, file->n_items);
	}
	visit_list(visit, selections->general, selections->n_general);
}

void selections_forget(struct selections *selections, struct identity *identity, uint64_t round)
{
	struct visit visit = {.identity = identity, .round = round};

	if (identity->is_selected)
		visit_matching(selections, &visit);
	identity->is_selected = false;
}

/* ---- updates ------------------------------------------------------------------------------------ */

/* Known selections meet what is new among the identities, and part with what was leaving. Whether that
 * were identities with a prefix. */
static bool follow_identities(struct selections *selections, const struct identities *identities,
			      uint64_t round)
{
	bool prefixes_changed = false;

	for (size_t i = 0; i < identities->n_changed; i++) {
		struct identity *identity = identities->changed[i];
		struct visit visit = {.identity = identity, .adds = true, .round = round};
		bool is_held = identity->n_holders > 0, was_leaving = identity->is_leaving;
		bool was_selected = identity->is_selected;

		identity->is_leaving = !is_held && identity->is_selected && !was_leaving;
		if (!is_held && was_leaving)
			selections_forget(selections, identity, round);
		if (is_held && !was_selected)
			visit_matching(selections, &visit);
		identity->is_selected |= is_held;
		prefixes_changed |= identity->prefix && identity->is_selected != was_selected;
	}
	return prefixes_changed;
}

/* New selections meet all identities: a few are compared with each, many are found by their files. */
static void fill_fresh(const struct selections *selections, const struct identities *identities,
		       uint64_t round)
{
	struct visit visit = {.adds = true, .fresh = true, .round = round};
	bool few = selections->n_queued <= FEW;
	size_t position = 0;

	while ((visit.identity = hash_next(&identities->by_number, &position))) {
		if (!visit.identity->is_selected)
			continue;
		if (few)
			visit_list(&visit, selections->queued, selections->n_queued);
		else
			visit_matching(selections, &visit);
	}
}

static bool has_fresh(const struct selections *selections, bool is_cidr)
{
	for (size_t i = 0; i < selections->n_queued; i++)
		if (selections->queued[i]->is_fresh && !!selections->queued[i]->cidr == is_cidr)
			return true;
	return false;
}

void selections_update(struct selections *selections, const struct identities *identities,
		       uint64_t round)
{
	bool prefixes_changed = follow_identities(selections, identities, round);

	if (has_fresh(selections, false))
		fill_fresh(selections, identities, round);
	if (has_fresh(selections, true) || prefixes_changed)
		selections_update_cidrs(selections, identities, prefixes_changed, round);
	for (size_t i = 0; i < selections->n_queued; i++)
		selections->queued[i]->is_fresh = selections->queued[i]->is_queued = false;
	free(selections->queued);
	selections->queued = NULL;
	selections->n_queued = 0;
}

/* ---- users -------------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct selection *selection)
{
	uint64_t hash = hash_bytes(HASH_INIT, selection->selector.items,
				   selection->selector.n_items * sizeof(void *));

	for (uint32_t i = 0; selection->cidr && i <= selection->n_except; i++)
		hash = hash_prefix(hash, &selection->cidr[i]);
	return hash;
}

static bool same_cidrs(const struct selection *a, const struct selection *b)
{
	if (!a->cidr || !b->cidr || a->n_except != b->n_except)
		return a->cidr == b->cidr;
	for (uint32_t i = 0; i <= a->n_except; i++)
		if (!prefix_equal(&a->cidr[i], &b->cidr[i]))
			return false;
	return true;
}

static bool selects_alike(const void *item, const void *key)
{
	const struct selection *a = item, *b = key;

	return a->selector.n_items == b->selector.n_items && same_cidrs(a, b) &&
	       (a->selector.n_items == 0 || memcmp(a->selector.items, b->selector.items,
						   a->selector.n_items * sizeof(void *)) == 0);
}

static void queue(struct selections *selections, struct selection *selection)
{
	if (!selection->is_queued)
		selections_append(&selections->queued, &selections->n_queued, selection);
	selection->is_queued = true;
}

/* One more user of the one that selects alike; NULL: there is none. */
static struct selection *find(const struct selections *selections, const struct selection *like)
{
	struct selection *selection =
		hash_find(&selections->items, hash_of(like), selects_alike, like);

	if (selection)
		selection->n_users++;
	return selection;
}

/* Takes what it shall be known by. */
static struct selection *make(struct selections *selections, const struct selection *like)
{
	struct selection *selection = bl_alloc(sizeof(*selection));

	*selection = *like;
	selection->n_users = 1;
	selection->is_fresh = true;
	hash_add(&selections->items, hash_of(selection), selection);
	queue(selections, selection);
	return selection;
}

struct selection *selection_of_labels(struct selections *selections,
				      const struct bl_selector *selector)
{
	struct selection like = {.selector = *selector}, *selection = find(selections, &like);

	if (selection)
		return selection;
	bl_selector_copy(selector, &like.selector);
	selection = make(selections, &like);
	selections_set_file(selections, selection, true);
	return selection;
}

struct selection *selection_of_cidr(struct selections *selections, const struct bl_prefix *cidr,
				    const struct bl_prefix *except, size_t n_except)
{
	struct selection like = {.n_except = (uint32_t)n_except}, *selection;

	like.cidr = bl_alloc((1 + n_except) * sizeof(*cidr));
	like.cidr[0] = *cidr;
	if (n_except)
		memcpy(like.cidr + 1, except, n_except * sizeof(*except));
	selection = find(selections, &like);
	if (selection) {
		free(like.cidr);
		return selection;
	}
	for (uint32_t i = 0; i <= like.n_except; i++)
		prefixes_hold(selections->prefixes, &like.cidr[i]);
	return make(selections, &like);
}

void selection_put(struct selections *selections, struct selection *selection)
{
	assert(selection->n_users > 0);
	if (--selection->n_users == 0)
		queue(selections, selection);
}

static void free_selection(struct selection *selection)
{
	bl_selector_clear(&selection->selector);
	free(selection->cidr);
	free(selection->numbers);
	free(selection);
}

static void drop(struct selections *selections, struct selection *selection)
{
	hash_remove(&selections->items, hash_of(selection), selection);
	for (uint32_t i = 0; selection->cidr && i <= selection->n_except; i++)
		prefixes_drop(selections->prefixes, &selection->cidr[i]);
	if (!selection->cidr)
		selections_set_file(selections, selection, false);
	free_selection(selection);
}

void selections_sweep(struct selections *selections)
{
	size_t n = 0;

	for (size_t i = 0; i < selections->n_queued; i++) {
		struct selection *selection = selections->queued[i];

		if (selection->n_users == 0)
			drop(selections, selection);
		else if (selection->is_fresh)
			selections->queued[n++] = selection;
		else
			selection->is_queued = false;
	}
	selections->n_queued = n;
}

void selections_init(struct selections *selections, struct prefixes *prefixes)
{
	*selections = (struct selections){.prefixes = prefixes};
}

void selections_release(struct selections *selections)
{
	size_t position = 0;

	for (struct selection *selection; (selection = hash_next(&selections->items, &position));)
		free_selection(selection);
	position = 0;
	for (struct file *file; (file = hash_next(&selections->by_label, &position));) {
		free(file->items);
		free(file);
	}
	hash_release(&selections->items);
	hash_release(&selections->by_label);
	free(selections->general);
	free(selections->queued);
}
