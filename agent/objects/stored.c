// SPDX-License-Identifier: Apache-2.0
/* One object of the store; see stored.h. */
#include "stored.h"

#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/log.h>

#include "file.h"

int stored_compare(const void *left, const void *right)
{
	return object_key_compare(&((const struct stored *)left)->key,
				  &((const struct stored *)right)->key);
}

void stored_free(void *data)
{
	struct stored *object = data;

	bl_json_free(object->document);
	free(object);
}

static const char *put_text(char **at, const char *text)
{
	size_t size = strlen(text) + 1;
	char *here = memcpy(*at, text, size);

	*at += size;
	return here;
}

struct stored *stored_new(const struct object_key *key)
{
	struct stored *object = bl_alloc(sizeof(*object) + strlen(key->kind) +
					 strlen(key->namespace) + strlen(key->name) + 3);
	char *at = (char *)(object + 1);

	object->key.kind = put_text(&at, key->kind);
	object->key.namespace = put_text(&at, key->namespace);
	object->key.name = put_text(&at, key->name);
	return object;
}

struct cJSON *stored_read(const char *dir, const struct stored *object)
{
	struct bl_err err = BL_ERR_INIT;
	struct cJSON *document = NULL;

	if (object_file_read(dir, &object->key, &document, &err) < 0)
		bl_error("a stored object cannot be read", "kind", object->key.kind, "namespace",
			 object->key.namespace, "name", object->key.name, "error", err.message);
	return document;
}

struct cJSON *stored_last_words(const struct stored *object)
{
	struct cJSON *document = bl_json_object(), *metadata = bl_json_ensure(document, "metadata");

	bl_json_set_string(document, "kind", object->key.kind);
	if (*object->key.namespace)
		bl_json_set_string(metadata, "namespace", object->key.namespace);
	bl_json_set_string(metadata, "name", object->key.name);
	return document;
}
