/* SPDX-License-Identifier: Apache-2.0 */
/* One object of the store: its key, and its document, in memory or in its file. Private to the room. */
#pragma once

#include <stdbool.h>

#include "../objects.h"

struct stored {
	struct object_key key;  /* its texts are behind the object */
	struct cJSON *document; /* NULL: it rests in its file */
	bool unwritten;         /* its last status is only in memory, and so it does not rest */
};

/* Without a document. */
struct stored *stored_new(const struct object_key *key);
void stored_free(void *object);
/* Of two objects, by their keys; for tsearch(3). */
int stored_compare(const void *left, const void *right);
/* What its file says, the caller's; NULL, and said in the log: it cannot be read. */
struct cJSON *stored_read(const char *dir, const struct stored *object);
/* What watchers are told of one whose document is lost; the caller's. */
struct cJSON *stored_last_words(const struct stored *object);
