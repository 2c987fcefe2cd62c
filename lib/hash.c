// SPDX-License-Identifier: Apache-2.0
/* The hash table of this folder: open addressing, linear probing, removed items leave a mark. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "hash.h"

#define SLOTS_MIN 16
#define EMPTY     0
#define REMOVED   1

/* Spreads the last bytes over all bits, and leaves the two marks alone. */
static uint32_t mark_of(uint64_t hash)
{
	uint32_t mark;

	hash ^= hash >> 32;
	hash *= 0x9e3779b97f4a7c15ull;
	mark = (uint32_t)(hash >> 32);
	return mark > REMOVED ? mark : mark + 2;
}

void *hash_find(const struct hash_table *table, uint64_t hash, hash_match match, const void *key)
{
	uint32_t mark = mark_of(hash);

	for (size_t i = mark; table->n_slots; i++) {
		size_t slot = i & (table->n_slots - 1);

		if (table->marks[slot] == EMPTY)
			break;
		if (table->marks[slot] == mark && match(table->items[slot], key))
			return table->items[slot];
	}
	return NULL;
}

static void insert(struct hash_table *table, uint32_t mark, void *item)
{
	size_t slot = mark & (table->n_slots - 1);

	while (table->marks[slot] != EMPTY)
		slot = (slot + 1) & (table->n_slots - 1);
	table->marks[slot] = mark;
	table->items[slot] = item;
	table->n_used++;
}

static void allocate(struct hash_table *table, size_t n_slots)
{
	table->items = bl_alloc(n_slots * (sizeof(*table->items) + sizeof(*table->marks)));
	table->marks = (uint32_t *)(table->items + n_slots);
	table->n_slots = n_slots;
	table->n_used = 0;
}

/* At most three quarters of the slots are in use, and removed ones vanish on the way. */
static void make_room(struct hash_table *table)
{
	struct hash_table old = *table;
	size_t n_slots = SLOTS_MIN;

	if ((old.n_used + 1) * 4 <= old.n_slots * 3)
		return;
	while (n_slots * 2 < (old.n_items + 1) * 3)
		n_slots *= 2;
	allocate(table, n_slots);
	for (size_t i = 0; i < old.n_slots; i++)
		if (old.marks[i] > REMOVED)
			insert(table, old.marks[i], old.items[i]);
	free(old.items);
}

void hash_add(struct hash_table *table, uint64_t hash, void *item)
{
	make_room(table);
	insert(table, mark_of(hash), item);
	table->n_items++;
}

void hash_remove(struct hash_table *table, uint64_t hash, const void *item)
{
	size_t slot = mark_of(hash) & (table->n_slots - 1);

	while (table->items[slot] != item) {
		assert(table->marks[slot] != EMPTY);
		slot = (slot + 1) & (table->n_slots - 1);
	}
	table->marks[slot] = REMOVED;
	table->items[slot] = NULL;
	table->n_items--;
}

void hash_release(struct hash_table *table)
{
	free(table->items);
	*table = (struct hash_table){0};
}

void *hash_next(const struct hash_table *table, size_t *position)
{
	while (*position < table->n_slots) {
		size_t slot = (*position)++;

		if (table->marks[slot] > REMOVED)
			return table->items[slot];
	}
	return NULL;
}

uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
	const uint8_t *all = bytes;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ all[i]) * 0x100000001b3ull;
	return hash;
}

uint64_t hash_text(uint64_t hash, const char *text)
{
	return hash_bytes(hash, text, strlen(text) + 1);
}
