// SPDX-License-Identifier: Apache-2.0
/*
 * Numbers of before, by the text of their labels. Texts are ambiguous where a value holds a comma; then
 * two sets of labels wish for one number, and the allocator gives it once.
 */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "memory.h"

struct wish {
	char *labels;
	uint32_t number;
};

static bool has_labels(const void *item, const void *key)
{
	return strcmp(((const struct wish *)item)->labels, key) == 0;
}

static bool has_number(const void *item, const void *key)
{
	return ((const struct wish *)item)->number == *(const uint32_t *)key;
}

static uint64_t hash_number(uint32_t number)
{
	return hash_bytes(HASH_INIT, &number, sizeof(number));
}

void memory_add(struct memory *memory, const char *labels, uint32_t number)
{
	uint64_t hash = hash_text(HASH_INIT, labels);
	struct wish *wish;

	if (memory_has(memory, number) || hash_find(&memory->by_labels, hash, has_labels, labels))
		return;
	wish = bl_alloc(sizeof(*wish));
	*wish = (struct wish){bl_strdup(labels), number};
	hash_add(&memory->by_labels, hash, wish);
	hash_add(&memory->by_number, hash_number(number), wish);
}

uint32_t memory_number(const struct memory *memory, const struct bl_labels *labels)
{
	bl_autofree char *text = NULL;
	const struct wish *wish;

	if (memory->by_labels.n_items == 0)
		return 0;
	text = bl_labels_format(labels);
	wish = hash_find(&memory->by_labels, hash_text(HASH_INIT, text), has_labels, text);
	return wish ? wish->number : 0;
}

bool memory_has(const struct memory *memory, uint32_t number)
{
	return hash_find(&memory->by_number, hash_number(number), has_number, &number);
}

void memory_release(struct memory *memory)
{
	size_t position = 0;

	for (struct wish *wish; (wish = hash_next(&memory->by_number, &position));) {
		free(wish->labels);
		free(wish);
	}
	hash_release(&memory->by_labels);
	hash_release(&memory->by_number);
	*memory = (struct memory){0};
}
