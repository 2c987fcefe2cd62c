// SPDX-License-Identifier: Apache-2.0
/*
 * Labels, each kept once: thousands of pods carry the same few, and a comparison of two is one of
 * pointers. The table belongs to the process and to one thread, as all programs here have one loop;
 * a label that nobody holds is freed.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "../atom.h"
#include "../hash.h"
#include "label.h"

struct shared_label {
	struct bl_label label; /* first: what the world sees */
	uint64_t hash;         /* of key and value */
	uint32_t n_holders;
	char value[]; /* source and key are atoms, as few of them have many values */
};

static struct hash_table labels;

uint64_t label_hash(const char *key, const char *value)
{
	return hash_text(hash_text(HASH_INIT, key), value);
}

uint64_t label_hash_of(const struct bl_label *label)
{
	return ((const struct shared_label *)label)->hash;
}

static bool is_label(const void *item, const void *key)
{
	const struct bl_label *a = item, *b = key;

	return strcmp(a->key, b->key) == 0 && strcmp(a->value, b->value) == 0 &&
	       strcmp(a->source, b->source) == 0;
}

static struct shared_label *make(const struct bl_label *like, uint64_t hash)
{
	size_t size = strlen(like->value) + 1;
	struct shared_label *shared = bl_alloc(sizeof(*shared) + size);

	shared->hash = hash;
	shared->label.source = atom_get(like->source);
	shared->label.key = atom_get(like->key);
	shared->label.value = memcpy(shared->value, like->value, size);
	return shared;
}

const struct bl_label *label_get(const char *source, const char *key, const char *value)
{
	const struct bl_label like = {source, key, value};
	uint64_t hash = label_hash(key, value);
	struct shared_label *shared = hash_find(&labels, hash, is_label, &like);

	if (!shared) {
		shared = make(&like, hash);
		hash_add(&labels, hash, shared);
	}
	shared->n_holders++;
	return &shared->label;
}

const struct bl_label *label_share(const struct bl_label *label)
{
	((struct shared_label *)label)->n_holders++;
	return label;
}

void label_put(const struct bl_label *label)
{
	struct shared_label *shared = (struct shared_label *)label;

	assert(shared->n_holders > 0);
	if (--shared->n_holders > 0)
		return;
	hash_remove(&labels, shared->hash, shared);
	if (labels.n_items == 0)
		hash_release(&labels);
	atom_put(shared->label.source);
	atom_put(shared->label.key);
	free(shared);
}

int label_compare(const struct bl_label *a, const char *source, const char *key)
{
	int order = strcmp(a->key, key);

	return order ? order : strcmp(a->source, source);
}
