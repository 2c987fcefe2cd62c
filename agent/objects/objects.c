// SPDX-License-Identifier: Apache-2.0
/*
 * The standalone store in memory: a search tree of documents and their watchers, and the one way by
 * which a document becomes the stored one. A tree of JSON takes seven times the room of its text, so
 * documents of most kinds rest in their files while nobody asks. How the next version of an object follows from the last
 * is objects/version.c's, files are objects/file.c's.
 */
#include "../objects.h"

#include <errno.h>
#include <malloc.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/log.h>
#include <beeline/vmi.h>

#include "file.h"
#include "stored.h"
#include "version.h"

#define TRIM_MIN 256 /* documents whose memory is worth being given back */

struct object_watch {
	struct object_watch *next;
	object_watch_fn *fn; /* NULL: ended while watchers were being told */
	char *kind;
	void *data;
};

struct objects {
	char *dir;
	void *tree; /* of struct stored, tsearch(3) */
	struct stored *awake;
	struct object_watch *watches;
	unsigned int telling; /* depth of tell() */
	uint64_t revision;    /* the last resourceVersion given out */
};

struct object_key object_key(const struct cJSON *document)
{
	const char *namespace = bl_json_get_string(document, "metadata/namespace");

	return (struct object_key){
		.kind = bl_json_get_string(document, "kind"),
		.namespace = namespace ? namespace : "",
		.name = bl_json_get_string(document, "metadata/name"),
	};
}

const char *object_outcome_name(enum object_outcome outcome)
{
	static const char *const names[] = {
		[OBJECT_CREATED] = "created",
		[OBJECT_CONFIGURED] = "configured",
		[OBJECT_UNCHANGED] = "unchanged",
	};

	return names[outcome];
}

bool object_is_deleting(const struct cJSON *document)
{
	return bl_json_get_string(document, "metadata/deletionTimestamp") != NULL;
}

static struct stored *object_find(const struct objects *objects, const struct object_key *key)
{
	struct stored wanted = {.key = *key};
	struct stored *const *node = tfind(&wanted, (void *const *)&objects->tree, stored_compare);

	return node ? *node : NULL;
}

/* ---- rest ---------------------------------------------------------------------------------------- */

static void wake(struct objects *objects, struct stored *object)
{
	if (object->awake)
		return;
	object->awake = true;
	object->next = objects->awake;
	objects->awake = object;
}

static void forget_awake(struct objects *objects, const struct stored *object)
{
	for (struct stored **slot = &objects->awake; *slot; slot = &(*slot)->next)
		if (*slot == object) {
			*slot = object->next;
			return;
		}
}

static void lay_down(struct stored *object)
{
	bl_json_free(object->document);
	object->document = NULL;
}

/* NULL: its file has gone bad, and it is as if it were not there. */
static const struct cJSON *object_document(const struct objects *objects, struct stored *object)
{
	if (!object->document) {
		object->document = stored_read(objects->dir, object);
		wake((struct objects *)objects,
		     object); /* who looks changes nothing that is seen */
	}
	return object->document;
}

void objects_rest(struct objects *objects, bool (*rests)(const char *kind))
{
	size_t n = 0;

	while (objects->awake) {
		struct stored *object = objects->awake;

		objects->awake = object->next;
		object->awake = false;
		if (!object->document || object->unwritten || !rests(object->key.kind))
			continue;
		lay_down(object);
		n++;
	}
	if (n >= TRIM_MIN)
		malloc_trim(0);
}

/* ---- the tree ------------------------------------------------------------------------------------ */

/* Puts the document (taken) into the tree in place of the one before it. */
static struct stored *object_insert(struct objects *objects, struct cJSON *document)
{
	struct object_key key = object_key(document);
	struct stored *object = object_find(objects, &key);

	if (!object) {
		object = stored_new(&key);
		if (!tsearch(object, &objects->tree, stored_compare))
			abort();
	}
	bl_json_free(object->document);
	object->document = document;
	wake(objects, object);
	return object;
}

static void load_one(struct cJSON *document, void *data)
{
	struct objects *objects = data;
	const char *revision = bl_json_get_string(document, "metadata/resourceVersion");
	uint64_t number = revision ? strtoull(revision, NULL, 10) : 0;

	object_insert(objects, document);
	if (number > objects->revision)
		objects->revision = number;
}

int objects_new(const char *state_dir, struct objects **ret_objects, struct bl_err *err)
{
	struct objects *objects = bl_alloc(sizeof(*objects));
	int r;

	objects->dir = bl_format("%s/objects", state_dir);
	r = object_files_load(objects->dir, load_one, objects, err);
	if (r < 0) {
		objects_free(objects);
		return r;
	}
	*ret_objects = objects;
	return 0;
}

void objects_free(struct objects *objects)
{
	if (!objects)
		return;
	tdestroy(objects->tree, stored_free);
	while (objects->watches) {
		struct object_watch *watch = objects->watches;

		objects->watches = watch->next;
		free(watch->kind);
		free(watch);
	}
	free(objects->dir);
	free(objects);
}

const struct cJSON *objects_get(const struct objects *objects, const struct object_key *key)
{
	struct stored *object = object_find(objects, key);

	return object ? object_document(objects, object) : NULL;
}

struct walk {
	const struct objects *objects;
	const char *kind, *namespace;
	void (*fn)(const struct cJSON *object, void *data);
	void *data;
};

static void walk_node(const void *node, VISIT visit, void *data)
{
	struct stored *object = *(struct stored *const *)node;
	const struct walk *walk = data;
	bl_auto_json struct cJSON *read = NULL;

	if (visit != postorder && visit != leaf)
		return;
	if (walk->kind && strcmp(walk->kind, object->key.kind) != 0)
		return;
	if (walk->namespace && strcmp(walk->namespace, object->key.namespace) != 0)
		return;
	if (!object->document)
		read = stored_read(walk->objects->dir, object);
	if (object->document || read)
		walk->fn(object->document ? object->document : read, walk->data);
}

void objects_for_each(const struct objects *objects, const char *kind, const char *namespace,
		      void (*fn)(const struct cJSON *object, void *data), void *data)
{
	struct walk walk = {
		.objects = objects, .kind = kind, .namespace = namespace, .fn = fn, .data = data};

	twalk_r(objects->tree, walk_node, &walk);
}

struct object_watch *objects_watch(struct objects *objects, const char *kind, object_watch_fn *fn,
				   void *data)
{
	struct object_watch *watch = bl_alloc(sizeof(*watch));

	*watch = (struct object_watch){
		.next = objects->watches,
		.fn = fn,
		.kind = bl_strdup(kind),
		.data = data,
	};
	objects->watches = watch;
	return watch;
}

static void sweep_watches(struct objects *objects)
{
	struct object_watch **slot = &objects->watches;

	while (*slot) {
		struct object_watch *watch = *slot;

		if (watch->fn) {
			slot = &watch->next;
			continue;
		}
		*slot = watch->next;
		free(watch->kind);
		free(watch);
	}
}

void objects_unwatch(struct objects *objects, struct object_watch *watch)
{
	if (!watch)
		return;
	watch->fn = NULL;
	if (!objects->telling)
		sweep_watches(objects);
}

static void tell(struct objects *objects, enum object_event event, const struct cJSON *document)
{
	const char *kind = bl_json_get_string(document, "kind");

	objects->telling++;
	for (struct object_watch *watch = objects->watches; watch; watch = watch->next)
		if (watch->fn && (!watch->kind || strcmp(watch->kind, kind) == 0))
			watch->fn(event, document, watch->data);
	if (--objects->telling == 0)
		sweep_watches(objects);
}

/* Makes next (taken) the stored document in place of old (NULL: none yet). What cannot be written is
 * no change, except that a status is shown all the same, since a full disk is what it may have to
 * tell of. */
static int store(struct objects *objects, struct cJSON *next, const struct cJSON *old,
		 bool show_unwritten, struct bl_err *err)
{
	bl_auto_json struct cJSON *document = next;
	struct object_key key = object_key(document);
	struct stored *object;
	int r;

	object_version_stamp(document, old, objects->revision + 1);
	r = object_file_write(objects->dir, &key, document, err);
	if (r < 0 && !show_unwritten)
		return r;
	objects->revision++;
	object = object_insert(objects, bl_take_ptr(document));
	object->unwritten = r < 0;
	tell(objects, old ? OBJECT_MODIFIED : OBJECT_ADDED, object->document);
	return r;
}

int objects_apply(struct objects *objects, const struct cJSON *document,
		  enum object_outcome *ret_outcome, struct bl_err *err)
{
	bl_auto_json struct cJSON *next = NULL;
	struct object_key key = object_key(document);
	const struct cJSON *old;
	int r;

	r = bl_object_validate_stored(document, err);
	if (r < 0)
		return r;
	old = objects_get(objects, &key);
	next = old ? object_version_after(old, document) : object_version_first(document);
	if (old && bl_json_equal(old, next)) {
		*ret_outcome = OBJECT_UNCHANGED;
		return 0;
	}
	r = store(objects, bl_take_ptr(next), old, false, err);
	if (r < 0)
		return r;
	*ret_outcome = old ? OBJECT_CONFIGURED : OBJECT_CREATED;
	return 0;
}

/* Takes back an apply: the object is again what it was, or absent. */
static void apply_undo(struct objects *objects, const struct cJSON *document, struct cJSON *before)
{
	struct object_key key = object_key(document);
	struct bl_err err = BL_ERR_INIT;
	int r;

	r = before ? store(objects, before, objects_get(objects, &key), false, &err)
		   : objects_remove(objects, &key, &err);
	if (r < 0)
		bl_error("cannot take back a half-done apply", "object", key.name, "error",
			 err.message);
}

int objects_apply_all(struct objects *objects, const struct cJSON *const *documents, size_t n,
		      enum object_outcome *ret_outcomes, struct bl_err *err)
{
	bl_autofree struct cJSON **before = bl_alloc(n * sizeof(struct cJSON *) + 1);
	size_t done;
	int r = 0;

	for (done = 0; done < n; done++) {
		struct object_key key = object_key(documents[done]);
		const struct cJSON *old = key.kind && key.name ? objects_get(objects, &key) : NULL;

		before[done] = old ? bl_json_copy(old) : NULL;
		r = objects_apply(objects, documents[done], &ret_outcomes[done], err);
		if (r < 0) {
			bl_json_free(before[done]);
			break;
		}
	}
	while (done-- > 0) {
		if (r < 0 && ret_outcomes[done] != OBJECT_UNCHANGED)
			apply_undo(objects, documents[done], before[done]);
		else
			bl_json_free(before[done]);
	}
	return r;
}

int objects_update(struct objects *objects, const struct object_key *key,
		   void (*fn)(struct cJSON *object, void *data), void *data, struct bl_err *err)
{
	const struct cJSON *old = objects_get(objects, key);
	bl_auto_json struct cJSON *next = NULL;

	if (!old)
		return bl_fail(err, -ENOENT, "%s \"%s\" not found", key->kind, key->name);
	next = bl_json_copy(old);
	fn(next, data);
	if (bl_json_equal(old, next))
		return 0;
	return store(objects, bl_take_ptr(next), old, false, err);
}

int objects_put_status(struct objects *objects, const struct object_key *key, struct cJSON *status,
		       struct bl_err *err)
{
	bl_auto_json struct cJSON *owned = status;
	bl_auto_json struct cJSON *next = NULL;
	struct stored *object = object_find(objects, key);

	if (!object || !object_document(objects, object))
		return bl_fail(err, -ENOENT, "%s \"%s\" not found", key->kind, key->name);
	next = bl_json_copy(object->document);
	bl_json_set(next, "status", bl_take_ptr(owned));
	if (!object->unwritten && bl_json_equal(object->document, next))
		return 0;
	return store(objects, bl_take_ptr(next), object->document, true, err);
}

static void set_deleted(struct cJSON *object, void *data)
{
	object_version_delete(object, *(const int64_t *)data);
}

int objects_mark_deleted(struct objects *objects, const struct object_key *key, int64_t grace_s,
			 struct bl_err *err)
{
	return objects_update(objects, key, set_deleted, &grace_s, err);
}

int objects_remove(struct objects *objects, const struct object_key *key, struct bl_err *err)
{
	struct stored *object = object_find(objects, key);
	int r;

	if (!object)
		return 0;
	object_document(objects, object);
	r = object_file_remove(objects->dir, key, err);
	if (r < 0)
		return r;
	tdelete(object, &objects->tree, stored_compare);
	forget_awake(objects, object);
	if (!object->document)
		object->document = stored_last_words(object);
	tell(objects, OBJECT_DELETED, object->document);
	stored_free(object);
	return 0;
}
