/* SPDX-License-Identifier: Apache-2.0 */
/* The objects that the engine keeps as they are: by kind, namespace and name. */
#pragma once

#include "../hash.h"
#include "object.h"

struct inventory {
	struct hash_table items;
};

/* Takes over what the object owns, and replaces the one before. */
void inventory_put(struct inventory *inventory, struct object *object);
/* Whether there was one. */
bool inventory_remove(struct inventory *inventory, enum object_kind kind, const char *namespace,
		      const char *name);
const struct object *inventory_find(const struct inventory *inventory, enum object_kind kind,
				    const char *namespace, const char *name);
/* The next one of a kind; *position begins at 0. NULL: no more. */
const struct object *inventory_next(const struct inventory *inventory, enum object_kind kind,
				    size_t *position);
void inventory_release(struct inventory *inventory);
