// SPDX-License-Identifier: Apache-2.0
/*
 * The allocator of identities: a number per set of labels, counted by holders. A number stays while
 * somebody holds it, over any number of updates; a freed one is used again only when the cursor of its
 * scope has gone round, so that rows which still name it in a kernel meet nobody new.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "identity.h"

static const struct {
	uint32_t first, last;
} scopes[IDENTITY_SCOPES] = {
	[IDENTITY_RESERVED] = {BL_IDENTITY_HOST, BL_IDENTITY_WORLD_IPV6},
	[IDENTITY_CLUSTER] = {BL_IDENTITY_CLUSTER_FIRST, BL_IDENTITY_CLUSTER_LAST},
	[IDENTITY_LOCAL] = {BL_IDENTITY_LOCAL + 1, BL_IDENTITY_LOCAL | 0xffffff},
	[IDENTITY_NODE] = {BL_IDENTITY_NODE + 1, BL_IDENTITY_NODE | 0xffffff},
};

static uint64_t hash_labels(const struct bl_labels *labels)
{
	return hash_bytes(HASH_INIT, labels->items, labels->n_items * sizeof(*labels->items));
}

static bool has_labels(const void *item, const void *key)
{
	return bl_labels_equal(&((const struct identity *)item)->labels, key);
}

static bool has_number(const void *item, const void *key)
{
	return ((const struct identity *)item)->number == *(const uint32_t *)key;
}

static uint64_t hash_number(uint32_t number)
{
	return hash_bytes(HASH_INIT, &number, sizeof(number));
}

struct identity *identity_find(const struct identities *identities, uint32_t number)
{
	return hash_find(&identities->by_number, hash_number(number), has_number, &number);
}

static void queue(struct identities *identities, struct identity *identity)
{
	if (identity->is_queued)
		return;
	identity->is_queued = true;
	/* grows by halves: tens of thousands come at once when a cluster is read */
	if ((identities->n_changed & (identities->n_changed - 1)) == 0)
		identities->changed =
			bl_realloc(identities->changed,
				   (identities->n_changed * 2 + 1) * sizeof(*identities->changed));
	identities->changed[identities->n_changed++] = identity;
}

/* The next free number of a scope; 0: none. */
static uint32_t take_number(struct identities *identities, enum identity_scope scope)
{
	uint32_t first = scopes[scope].first, n = scopes[scope].last - first + 1;

	for (uint32_t tried = 0; tried < n; tried++) {
		uint32_t number = first + identities->next[scope];

		identities->next[scope] = (identities->next[scope] + 1) % n;
		if (!identity_find(identities, number) && !memory_has(&identities->memory, number))
			return number;
	}
	return 0;
}

/* The number that these labels had; 0: none that fits. */
static uint32_t recall_number(const struct identities *identities, enum identity_scope scope,
			      const struct bl_labels *labels)
{
	uint32_t number = memory_number(&identities->memory, labels);

	if (number < scopes[scope].first || number > scopes[scope].last ||
	    identity_find(identities, number))
		return 0;
	return number;
}

static struct identity *make(struct identities *identities, uint32_t number,
			     const struct bl_labels *labels, const struct bl_prefix *prefix)
{
	struct identity *identity = bl_alloc(sizeof(*identity));

	identity->number = number;
	bl_labels_copy(labels, &identity->labels);
	if (prefix) {
		identity->prefix = bl_alloc(sizeof(*prefix));
		*identity->prefix = *prefix;
	}
	hash_add(&identities->by_labels, hash_labels(labels), identity);
	hash_add(&identities->by_number, hash_number(number), identity);
	queue(identities, identity);
	return identity;
}

struct identity *identity_get(struct identities *identities, enum identity_scope scope,
			      const struct bl_labels *labels, const struct bl_prefix *prefix)
{
	struct identity *identity =
		hash_find(&identities->by_labels, hash_labels(labels), has_labels, labels);

	if (!identity) {
		uint32_t number = recall_number(identities, scope, labels);

		if (number == 0)
			number = take_number(identities, scope);
		if (number == 0)
			return NULL;
		identity = make(identities, number, labels, prefix);
	}
	identity->n_holders++;
	return identity;
}

void identity_put(struct identities *identities, struct identity *identity)
{
	assert(identity->n_holders > 0);
	if (--identity->n_holders == 0)
		queue(identities, identity);
}

void identity_relabel(struct identities *identities, struct identity *identity,
		      const struct bl_labels *labels)
{
	assert(!identity->is_selected);
	hash_remove(&identities->by_labels, hash_labels(&identity->labels), identity);
	bl_labels_clear(&identity->labels);
	bl_labels_copy(labels, &identity->labels);
	hash_add(&identities->by_labels, hash_labels(labels), identity);
	queue(identities, identity);
}

static void free_identity(struct identity *identity)
{
	bl_labels_clear(&identity->labels);
	free(identity->prefix);
	free(identity);
}

bool identities_drop_orphans(struct identities *identities)
{
	size_t n = 0, n_before = identities->n_changed;

	for (size_t i = 0; i < n_before; i++) {
		struct identity *identity = identities->changed[i];

		if (identity->n_holders > 0 || identity->is_selected) {
			identities->changed[n++] = identity;
			continue;
		}
		hash_remove(&identities->by_labels, hash_labels(&identity->labels), identity);
		hash_remove(&identities->by_number, hash_number(identity->number), identity);
		free_identity(identity);
	}
	identities->n_changed = n;
	return n < n_before;
}

void identities_sweep(struct identities *identities)
{
	size_t n = 0;

	identities_drop_orphans(identities);
	for (size_t i = 0; i < identities->n_changed; i++)
		if (identities->changed[i]->is_leaving)
			identities->changed[n++] = identities->changed[i];
		else
			identities->changed[i]->is_queued = false;
	identities->n_changed = n;
	identities->changed =
		bl_realloc(identities->changed, (n * 2 + 1) * sizeof(*identities->changed));
}

static void add_reserved(struct identities *identities, uint32_t number, const char *name)
{
	static const struct bl_prefix v4 = {.addr.bytes = {[10] = 0xff, [11] = 0xff}, .bits = 96};
	static const struct bl_prefix v6 = {.bits = 0};
	struct bl_labels labels = {0};

	bl_labels_set(&labels, "reserved", name, "");
	if (number == BL_IDENTITY_KUBE_APISERVER)
		bl_labels_set(&labels, "reserved", "remote-node", "");
	make(identities, number, &labels,
	     number == BL_IDENTITY_WORLD_IPV4   ? &v4
	     : number == BL_IDENTITY_WORLD_IPV6 ? &v6
						: NULL)
		->n_holders = 1;
	bl_labels_clear(&labels);
}

void identities_init(struct identities *identities)
{
	*identities = (struct identities){0};
#define X(name, number, text) add_reserved(identities, number, text);
	BL_IDENTITIES(X)
#undef X
}

void identities_release(struct identities *identities)
{
	size_t position = 0;

	for (struct identity *identity; (identity = hash_next(&identities->by_number, &position));)
		free_identity(identity);
	hash_release(&identities->by_labels);
	hash_release(&identities->by_number);
	free(identities->changed);
	memory_release(&identities->memory);
}
