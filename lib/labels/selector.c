// SPDX-License-Identifier: Apache-2.0
/* Selectors over labels: requirements that must all hold. Reading one from a document is
 * selector_decode.c's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "selector.h"

void bl_selector_clear(struct bl_selector *selector)
{
	for (size_t i = 0; i < selector->n_items; i++)
		requirement_put(selector->items[i]);
	free(selector->items);
	*selector = (struct bl_selector){0};
}

static int compare_requirements(const void *a, const void *b)
{
	return requirement_compare(*(const struct bl_requirement *const *)a,
				   *(const struct bl_requirement *const *)b);
}

void selector_add(struct bl_selector *selector, const struct bl_requirement *requirement)
{
	selector->items =
		bl_realloc(selector->items, (selector->n_items + 1) * sizeof(*selector->items));
	selector->items[selector->n_items++] = requirement;
	qsort(selector->items, selector->n_items, sizeof(*selector->items), compare_requirements);
}

void bl_selector_require(struct bl_selector *selector, const char *source, const char *key,
			 const char *value)
{
	const struct bl_requirement like = {
		.source = source,
		.key = key,
		.op = value ? BL_LABEL_IN : BL_LABEL_EXISTS,
		.values = &value,
		.n_values = value ? 1 : 0,
	};

	selector_add(selector, requirement_get(&like));
}

void bl_selector_copy(const struct bl_selector *selector, struct bl_selector *ret_copy)
{
	struct bl_selector copy = {.n_items = selector->n_items};

	copy.items = bl_alloc(copy.n_items * sizeof(*copy.items));
	for (size_t i = 0; i < copy.n_items; i++)
		copy.items[i] = requirement_share(selector->items[i]);
	*ret_copy = copy;
}

static bool has_value(const struct bl_requirement *requirement, const char *value)
{
	for (size_t i = 0; i < requirement->n_values; i++)
		if (strcmp(requirement->values[i], value) == 0)
			return true;
	return false;
}

static bool holds(const struct bl_requirement *requirement, const struct bl_labels *labels)
{
	const char *value = bl_labels_value(labels, requirement->source, requirement->key);

	switch (requirement->op) {
	case BL_LABEL_IN:
		return value && has_value(requirement, value);
	case BL_LABEL_NOT_IN:
		return !value || !has_value(requirement, value);
	case BL_LABEL_EXISTS:
		return value;
	case BL_LABEL_DOES_NOT_EXIST:
		return !value;
	}
	return false;
}

bool bl_selector_matches(const struct bl_selector *selector, const struct bl_labels *labels)
{
	for (size_t i = 0; i < selector->n_items; i++)
		if (!holds(selector->items[i], labels))
			return false;
	return true;
}

static bool speaks_of(const struct bl_requirement *requirement, const char *source, const char *key)
{
	size_t len = strlen(key);

	if (len == 0)
		return requirement->source && strcmp(requirement->source, source) == 0;
	if (source && requirement->source && strcmp(source, requirement->source) != 0)
		return false;
	return key[len - 1] == '.' ? strncmp(requirement->key, key, len) == 0
				   : strcmp(requirement->key, key) == 0;
}

bool bl_selector_mentions(const struct bl_selector *selector, const char *source, const char *key)
{
	for (size_t i = 0; i < selector->n_items; i++)
		if (speaks_of(selector->items[i], source, key))
			return true;
	return false;
}

static void write_requirement(FILE *stream, const struct bl_requirement *requirement)
{
	static const char *const ops[] = {
		[BL_LABEL_IN] = " in (",
		[BL_LABEL_NOT_IN] = " notin (",
		[BL_LABEL_EXISTS] = "",
		[BL_LABEL_DOES_NOT_EXIST] = "",
	};

	fprintf(stream, "%s%s:%s%s", requirement->op == BL_LABEL_DOES_NOT_EXIST ? "!" : "",
		requirement->source ? requirement->source : "any", requirement->key,
		ops[requirement->op]);
	for (size_t i = 0; i < requirement->n_values; i++)
		fprintf(stream, "%s%s", i ? "," : "", requirement->values[i]);
	fputs(requirement->n_values ? ")" : "", stream);
}

char *bl_selector_format(const struct bl_selector *selector)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		abort();
	for (size_t i = 0; i < selector->n_items; i++) {
		fputs(i ? ", " : "", stream);
		write_requirement(stream, selector->items[i]);
	}
	if (fclose(stream) != 0)
		abort();
	return text;
}
