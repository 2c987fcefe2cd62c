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
static uint64_t mix(uint64_t hash)
{
	hash ^= hash >> 32;
	hash *= 0x9e3779b97f4a7c15ull;
	hash ^= hash >> 29;
	return hash > REMOVED ? hash : hash + 2;
}

void *hash_find(const struct hash_table *table, uint64_t hash, hash_match match, const void *key)
{
	hash = mix(hash);
	for (size_t i = hash; table->n_slots; i++) {
		const struct hash_slot *slot = &table->slots[i & (table->n_slots - 1)];

		if (slot->hash == EMPTY)
			break;
		if (slot->hash == hash && match(slot->item, key))
			return slot->item;
	}
	return NULL;
}

static void insert(struct hash_table *table, uint64_t mixed, void *item)
{
	size_t i = mixed & (table->n_slots - 1);

	while (table->slots[i].hash != EMPTY)
		i = (i + 1) & (table->n_slots - 1);
	table->slots[i] = (struct hash_slot){mixed, item};
	table->n_used++;
}

/* At most three quarters of the slots are in use, and removed ones vanish on the way. */
static void make_room(struct hash_table *table)
{
	struct hash_slot *old = table->slots;
	size_t n_old = table->n_slots, n_slots = SLOTS_MIN;

	if ((table->n_used + 1) * 4 <= n_old * 3)
		return;
	while (n_slots * 2 < (table->n_items + 1) * 3)
		n_slots *= 2;
	table->slots = bl_alloc(n_slots * sizeof(*table->slots));
	table->n_slots = n_slots;
	table->n_used = 0;
	for (size_t i = 0; i < n_old; i++)
		if (old[i].hash > REMOVED)
			insert(table, old[i].hash, old[i].item);
	free(old);
}

void hash_add(struct hash_table *table, uint64_t hash, void *item)
{
	make_room(table);
	insert(table, mix(hash), item);
	table->n_items++;
}

void hash_remove(struct hash_table *table, uint64_t hash, const void *item)
{
	size_t i = mix(hash);

	while (table->slots[i & (table->n_slots - 1)].item != item) {
		assert(table->slots[i & (table->n_slots - 1)].hash != EMPTY);
		i++;
	}
	table->slots[i & (table->n_slots - 1)] = (struct hash_slot){REMOVED, NULL};
	table->n_items--;
}

void hash_release(struct hash_table *table)
{
	free(table->slots);
	*table = (struct hash_table){0};
}

void *hash_next(const struct hash_table *table, size_t *position)
{
	while (*position < table->n_slots) {
		const struct hash_slot *slot = &table->slots[(*position)++];

		if (slot->hash > REMOVED)
			return slot->item;
	}
	return NULL;
}

uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
	for (const uint8_t *byte = bytes, *end = byte + len; byte < end; byte++)
		hash = (hash ^ *byte) * 0x100000001b3ull;
	return hash;
}

uint64_t hash_text(uint64_t hash, const char *text)
{
	return hash_bytes(hash, text, strlen(text) + 1);
}
