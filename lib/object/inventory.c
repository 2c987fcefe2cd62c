// SPDX-License-Identifier: Apache-2.0
/* The store of typed objects. What they mean is asked elsewhere. */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "inventory.h"

static uint64_t hash_of(enum object_kind kind, const char *namespace, const char *name)
{
	return hash_text(hash_text(hash_bytes(HASH_INIT, &kind, sizeof(kind)), namespace), name);
}

static bool is_object(const void *item, const void *key)
{
	const struct object *a = item, *b = key;

	return a->kind == b->kind && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->namespace, b->namespace) == 0;
}

static struct object *find(const struct inventory *inventory, enum object_kind kind,
			   const char *namespace, const char *name)
{
	const struct object like = {
		.kind = kind, .namespace = (char *)namespace, .name = (char *)name};

	return hash_find(&inventory->items, hash_of(kind, namespace, name), is_object, &like);
}

const struct object *inventory_find(const struct inventory *inventory, enum object_kind kind,
				    const char *namespace, const char *name)
{
	return find(inventory, kind, namespace, name);
}

void inventory_put(struct inventory *inventory, struct object *object)
{
	struct object *kept = find(inventory, object->kind, object->namespace, object->name);

	if (kept) {
		object_clear(kept);
	} else {
		kept = bl_alloc(sizeof(*kept));
		hash_add(&inventory->items, hash_of(object->kind, object->namespace, object->name),
			 kept);
	}
	*kept = *object;
	*object = (struct object){0};
}

bool inventory_remove(struct inventory *inventory, enum object_kind kind, const char *namespace,
		      const char *name)
{
	struct object *object = find(inventory, kind, namespace, name);

	if (!object)
		return false;
	hash_remove(&inventory->items, hash_of(kind, namespace, name), object);
	object_clear(object);
	free(object);
	return true;
}

const struct object *inventory_next(const struct inventory *inventory, enum object_kind kind,
				    size_t *position)
{
	const struct object *object;

	while ((object = hash_next(&inventory->items, position)) && object->kind != kind)
		;
	return object;
}

void inventory_release(struct inventory *inventory)
{
	size_t position = 0;

	for (struct object *object; (object = hash_next(&inventory->items, &position));) {
		object_clear(object);
		free(object);
	}
	hash_release(&inventory->items);
}
