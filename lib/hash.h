/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table of items that belong to somebody else: found by hash and a comparison of the caller's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_table {
	void **items; /* one a slot, of which there is a power of two */
	uint32_t
		*marks; /* behind them: of an empty slot 0, of a removed item 1, else of its hash */
	size_t n_slots;
	size_t n_items;
	size_t n_used; /* items and removed ones */
};

typedef bool (*hash_match)(const void *item, const void *key);

void *hash_find(const struct hash_table *table, uint64_t hash, hash_match match, const void *key);
/* The item must not be there yet. */
void hash_add(struct hash_table *table, uint64_t hash, void *item);
/* It must be there. */
void hash_remove(struct hash_table *table, uint64_t hash, const void *item);
/* Of the slots alone: the items are the caller's. */
void hash_release(struct hash_table *table);
/* The item of the first slot from *position on, or NULL; moves *position behind it. */
void *hash_next(const struct hash_table *table, size_t *position);

#define HASH_INIT 0xcbf29ce484222325ull
/* FNV-1a; further parts go on with the result. NULL is fine where there are no bytes. */
uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len);
uint64_t hash_text(uint64_t hash,
		   const char *text); /* with its NUL, so parts do not run together */
