/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The standalone store: (kind, namespace, name) -> the user's document with its status. It knows
 * nothing of any kind; typed structs are views of what it holds, so that what comes out is what
 * went in, plus what every Kubernetes object has: uid, generation, resourceVersion,
 * creationTimestamp, deletionTimestamp.
 *
 * One file per object, <state-dir>/objects/<kind>/<namespace>/<name>.json, written whole and
 * atomically before a change counts. A full disk refuses new objects; those that are stored can be
 * changed, stopped and deleted all the same (objects/spare.h). Watchers are told in the order of the changes and
 * may ask for more changes only by way of a queue, never from inside their callback.
 *
 * A tree of JSON takes seven times the room of its text. Of kinds of which there are very many and for which
 * seldom somebody asks only the files are kept: their documents rest there, and are in memory while they
 * change, while watchers are told, and as long as somebody owns what he has read.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <beeline/err.h>
#include <beeline/json.h>

struct objects;

struct object_key {
	const char *kind, *namespace, *name; /* namespace "" for kinds that have none */
};

enum object_outcome { OBJECT_CREATED, OBJECT_CONFIGURED, OBJECT_UNCHANGED };

/* Reads what is stored; a file that is no object is logged and left alone. rests says of which kinds the documents
 * rest in their files. */
int objects_new(const char *state_dir, bool (*rests)(const char *kind),
		struct objects **ret_objects, struct bl_err *err);
void objects_free(struct objects *objects);

/* Of a document, borrowed from it. Members may be NULL when the document is not validated. */
struct object_key object_key(const struct cJSON *document);
/* The order of lists: by kind, namespace, name. 0: one object's. */
int object_key_compare(const struct object_key *a, const struct object_key *b);
const char *object_outcome_name(enum object_outcome outcome);
bool object_is_deleting(const struct cJSON *document);

/* Of a kind that does not rest; borrowed until the object next changes. NULL when there is none. */
const struct cJSON *objects_get(const struct objects *objects, const struct object_key *key);
/* Of any kind; the caller's own. NULL when there is none, or, said in the log, when its file has gone bad. */
struct cJSON *objects_read(const struct objects *objects, const struct object_key *key);
/* In the order of kind, namespace, name. kind or namespace NULL: all of them. fn borrows the document while
 * it runs, and must not change the store. */
void objects_for_each(const struct objects *objects, const char *kind, const char *namespace,
		      void (*fn)(const struct cJSON *object, void *data), void *data);

/* Creates the object, or replaces all of it but the store's own metadata, and its status unless the document
 * brings one. The
 * document is validated as an object, not as one of its kind. */
int objects_apply(struct objects *objects, const struct cJSON *document,
		  enum object_outcome *ret_outcome, struct bl_err *err);
/* Several at once: all, or none. ret_outcomes has n slots. */
int objects_apply_all(struct objects *objects, const struct cJSON *const *documents, size_t n,
		      enum object_outcome *ret_outcomes, struct bl_err *err);
/* Changes a copy by fn and stores it when it differs. -ENOENT when there is no such object. */
int objects_update(struct objects *objects, const struct object_key *key,
		   void (*fn)(struct cJSON *object, void *data), void *data, struct bl_err *err);
/* status is taken. When it cannot be written the call fails, and the status is seen all the same until
 * the agent ends; the next call writes it again. */
int objects_put_status(struct objects *objects, const struct object_key *key, struct cJSON *status,
		       struct bl_err *err);
/* Sets deletionTimestamp, once; grace_s < 0: as the object says itself. A shorter grace wins. */
int objects_mark_deleted(struct objects *objects, const struct object_key *key, int64_t grace_s,
			 struct bl_err *err);
/* A missing one is fine. */
int objects_remove(struct objects *objects, const struct object_key *key, struct bl_err *err);

enum object_event { OBJECT_ADDED, OBJECT_MODIFIED, OBJECT_DELETED };
typedef void object_watch_fn(enum object_event event, const struct cJSON *object, void *data);
struct object_watch;

/* fn is called for each change from now on; kind NULL: of any kind. It may end any watch. */
struct object_watch *objects_watch(struct objects *objects, const char *kind, object_watch_fn *fn,
				   void *data);
void objects_unwatch(struct objects *objects, struct object_watch *watch);
