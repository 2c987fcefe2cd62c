// SPDX-License-Identifier: Apache-2.0
/* In which file a selection of labels stands; see selection.c. */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "../labels/label.h"
#include "selection_parts.h"

static bool is_file(const void *item, const void *key)
{
	return ((const struct file *)item)->hash == *(const uint64_t *)key;
}

void selections_append(struct selection ***list, size_t *n, struct selection *selection)
{
	if ((*n & (*n - 1)) == 0)
		*list = bl_realloc(*list, (*n * 2 + 1) * sizeof(**list));
	(*list)[(*n)++] = selection;
}

static void take_out(struct selection **list, size_t *n, const struct selection *selection)
{
	size_t i = 0;

	while (list[i] != selection)
		i++;
	list[i] = list[--*n];
	/* selections_append() grows at powers of two only, and there is room enough */
}

/* The requirement to file under: one that wants values; of those a key that is not each pod's. */
static const struct bl_requirement *telling(const struct bl_selector *selector)
{
	const struct bl_requirement *best = NULL;

	for (size_t i = 0; i < selector->n_items; i++) {
		const struct bl_requirement *item = selector->items[i];

		if (item->op == BL_LABEL_IN &&
		    (!best || strcmp(best->key, BL_LABEL_NAMESPACE) == 0 ||
		     strcmp(best->key, BL_LABEL_CLUSTER) == 0))
			best = item;
	}
	return best;
}

struct file *selections_file(const struct selections *selections, uint64_t hash)
{
	return hash_find(&selections->by_label, hash, is_file, &hash);
}

static void file_under(struct selections *selections, uint64_t hash, struct selection *selection)
{
	struct file *file = selections_file(selections, hash);

	if (!file) {
		file = bl_alloc(sizeof(*file));
		file->hash = hash;
		hash_add(&selections->by_label, hash, file);
	}
	selections_append(&file->items, &file->n_items, selection);
}

static void unfile(struct selections *selections, uint64_t hash, const struct selection *selection)
{
	struct file *file = selections_file(selections, hash);

	take_out(file->items, &file->n_items, selection);
	if (file->n_items > 0)
		return;
	hash_remove(&selections->by_label, hash, file);
	free(file->items);
	free(file);
}

void selections_set_file(struct selections *selections, struct selection *selection, bool in)
{
	const struct bl_requirement *under = telling(&selection->selector);

	for (size_t i = 0; under && i < under->n_values; i++) {
		uint64_t hash = label_hash(under->key, under->values[i]);

		if (in)
			file_under(selections, hash, selection);
		else
			unfile(selections, hash, selection);
	}
	if (!under && in)
		selections_append(&selections->general, &selections->n_general, selection);
	else if (!under)
		take_out(selections->general, &selections->n_general, selection);
}
