// SPDX-License-Identifier: Apache-2.0
/* The table of shared texts: see the header. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "atom.h"
#include "hash.h"

struct atom {
	uint32_t n_holders;
	char text[]; /* what the world sees */
};

static struct hash_table atoms;

static struct atom *of_text(const char *text)
{
	return (struct atom *)(text - offsetof(struct atom, text));
}

static bool is_atom(const void *item, const void *key)
{
	return strcmp(((const struct atom *)item)->text, key) == 0;
}

static struct atom *make(const char *text)
{
	size_t size = strlen(text) + 1;
	struct atom *atom = bl_alloc(sizeof(*atom) + size);

	memcpy(atom->text, text, size);
	return atom;
}

const char *atom_get(const char *text)
{
	uint64_t hash;
	struct atom *atom;

	if (!text)
		return NULL;
	hash = hash_text(HASH_INIT, text);
	atom = hash_find(&atoms, hash, is_atom, text);
	if (!atom) {
		atom = make(text);
		hash_add(&atoms, hash, atom);
	}
	atom->n_holders++;
	return atom->text;
}

void atom_put(const char *text)
{
	struct atom *atom;

	if (!text)
		return;
	atom = of_text(text);
	assert(atom->n_holders > 0);
	if (--atom->n_holders > 0)
		return;
	hash_remove(&atoms, hash_text(HASH_INIT, text), atom);
	if (atoms.n_items == 0)
		hash_release(&atoms);
	free(atom);
}

size_t atoms_held(void)
{
	return atoms.n_items;
}
