// SPDX-License-Identifier: Apache-2.0
/* Requirements, each kept once, as label.c keeps labels: in a table of the process, for one thread. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "../atom.h"
#include "../hash.h"
#include "requirement.h"

struct shared_requirement {
	struct bl_requirement requirement; /* first: what the world sees */
	uint64_t hash;
	uint32_t n_holders;
	const char *values[]; /* and behind them their texts; source and key are atoms */
};

static struct hash_table requirements;

static int compare_sources(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : !!a - !!b;
}

int requirement_compare(const struct bl_requirement *a, const struct bl_requirement *b)
{
	int order = strcmp(a->key, b->key);

	order = order ? order : compare_sources(a->source, b->source);
	order = order ? order : (int)a->op - (int)b->op;
	for (size_t i = 0; order == 0 && i < a->n_values && i < b->n_values; i++)
		order = strcmp(a->values[i], b->values[i]);
	return order ? order : (a->n_values > b->n_values) - (a->n_values < b->n_values);
}

static bool is_requirement(const void *item, const void *key)
{
	return requirement_compare(item, key) == 0;
}

static uint64_t hash_of(const struct bl_requirement *requirement)
{
	uint64_t hash = hash_text(HASH_INIT, requirement->key);

	if (requirement->source)
		hash = hash_text(hash, requirement->source);
	hash = hash_bytes(hash, &requirement->op, sizeof(requirement->op));
	for (size_t i = 0; i < requirement->n_values; i++)
		hash = hash_text(hash, requirement->values[i]);
	return hash;
}

static const char *place(char **room, const char *text)
{
	size_t size = strlen(text) + 1;
	const char *at = memcpy(*room, text, size);

	*room += size;
	return at;
}

static int compare_values(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct shared_requirement *make(const struct bl_requirement *like)
{
	size_t size = like->n_values * sizeof(char *);
	struct shared_requirement *shared;
	char *room;

	for (size_t i = 0; i < like->n_values; i++)
		size += strlen(like->values[i]) + 1;
	shared = bl_alloc(sizeof(*shared) + size);
	room = (char *)(shared->values + like->n_values);
	shared->requirement = *like;
	shared->requirement.source = atom_get(like->source);
	shared->requirement.key = atom_get(like->key);
	shared->requirement.values = shared->values;
	for (size_t i = 0; i < like->n_values; i++)
		shared->values[i] = place(&room, like->values[i]);
	qsort(shared->values, like->n_values, sizeof(char *), compare_values);
	shared->hash = hash_of(&shared->requirement);
	return shared;
}

static void free_requirement(struct shared_requirement *shared)
{
	atom_put(shared->requirement.source);
	atom_put(shared->requirement.key);
	free(shared);
}

const struct bl_requirement *requirement_get(const struct bl_requirement *like)
{
	struct shared_requirement *made = make(like), *shared;

	shared = hash_find(&requirements, made->hash, is_requirement, &made->requirement);
	if (shared) {
		free_requirement(made);
	} else {
		shared = made;
		hash_add(&requirements, shared->hash, shared);
	}
	shared->n_holders++;
	return &shared->requirement;
}

const struct bl_requirement *requirement_share(const struct bl_requirement *requirement)
{
	((struct shared_requirement *)requirement)->n_holders++;
	return requirement;
}

void requirement_put(const struct bl_requirement *requirement)
{
	struct shared_requirement *shared = (struct shared_requirement *)requirement;

	assert(shared->n_holders > 0);
	if (--shared->n_holders > 0)
		return;
	hash_remove(&requirements, shared->hash, shared);
	if (requirements.n_items == 0)
		hash_release(&requirements);
	free_requirement(shared);
}
