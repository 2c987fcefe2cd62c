// SPDX-License-Identifier: Apache-2.0
/*
 * Selections by CIDR: identities whose prefix lies within it and within no exception. Sorted by prefix
 * these stand in one run, so that a CIDR is looked up and not compared with all.
 */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "../prefix.h"
#include "selection_parts.h"

static int compare_prefixes(const void *a, const void *b)
{
	return prefix_compare((*(struct identity *const *)a)->prefix,
			      (*(struct identity *const *)b)->prefix);
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

struct prefixed {
	const struct identity **items; /* selected ones that have a prefix, sorted by it */
	size_t n_items;
};

static struct prefixed list_prefixed(const struct identities *identities)
{
	struct prefixed list = {0};
	size_t position = 0;

	list.items = bl_alloc(identities->by_number.n_items * sizeof(*list.items));
	for (const struct identity *identity;
	     (identity = hash_next(&identities->by_number, &position));)
		if (identity->prefix && identity->is_selected)
			list.items[list.n_items++] = identity;
	qsort(list.items, list.n_items, sizeof(*list.items), compare_prefixes);
	return list;
}

static bool is_excepted(const struct selection *selection, const struct bl_prefix *prefix)
{
	for (uint32_t i = 1; i <= selection->n_except; i++)
		if (prefix_is_within(prefix, &selection->cidr[i]))
			return true;
	return false;
}

/* Where the first prefix stands that is not before the CIDR. */
static size_t first_within(const struct prefixed *list, const struct bl_prefix *cidr)
{
	size_t low = 0, high = list->n_items;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (prefix_compare(list->items[middle]->prefix, cidr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The end of the run. IPv4 lies amid ::/0 without being part of it, and does not end it. */
static size_t end_within(const struct prefixed *list, const struct bl_prefix *cidr, size_t first)
{
	bool is_v4 = prefix_is_v4(cidr);
	size_t end = first;

	while (end < list->n_items && (prefix_is_within(list->items[end]->prefix, cidr) ||
				       (!is_v4 && prefix_is_v4(list->items[end]->prefix))))
		end++;
	return end;
}

/* Takes the numbers over. */
static void set_numbers(struct selection *selection, uint32_t *numbers, size_t n, uint64_t round)
{
	qsort(numbers, n, sizeof(*numbers), compare_numbers);
	if (n != selection->n_numbers ||
	    (n > 0 && memcmp(numbers, selection->numbers, n * sizeof(*numbers)) != 0))
		selection->changed = round;
	free(selection->numbers);
	selection->numbers = numbers;
	selection->n_numbers = selection->n_room = (uint32_t)n;
}

static void select_prefixed(struct selection *selection, const struct prefixed *list,
			    uint64_t round)
{
	size_t first = first_within(list, selection->cidr), n = 0;
	size_t end = end_within(list, selection->cidr, first);
	uint32_t *numbers = bl_alloc((end - first) * sizeof(*numbers));

	for (size_t i = first; i < end; i++)
		if (prefix_is_within(list->items[i]->prefix, selection->cidr) &&
		    !is_excepted(selection, list->items[i]->prefix))
			numbers[n++] = list->items[i]->number;
	set_numbers(selection, numbers, n, round);
}

void selections_update_cidrs(struct selections *selections, const struct identities *identities,
			     bool all, uint64_t round)
{
	struct prefixed list = list_prefixed(identities);
	size_t position = 0;

	for (struct selection *selection; (selection = hash_next(&selections->items, &position));)
		if (selection->cidr && (all || selection->is_fresh))
			select_prefixed(selection, &list, round);
	free(list.items);
}
