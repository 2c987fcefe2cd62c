// SPDX-License-Identifier: Apache-2.0
/*
 * The standalone store in memory: a search tree of documents and their watchers, and the one way by
 * which a document becomes the stored one. How the next version of an object follows from the last is
 * objects/version.c's, files are objects/file.c's.
 */
#include "../objects.h"

#include <assert.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/log.h>
#include <beeline/vmi.h>

#include "file.h"
#include "stored.h"
#include "version.h"

struct object_watch {
	struct object_watch *next;
	object_watch_fn *fn; /* NULL: ended while watchers were being told */
	char *kind;
	void *data;
};

struct objects {
	char *dir;
	bool (*rests)(const char *kind);
	void *tree; /* of struct stored, tsearch(3) */
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

int object_key_compare(const struct object_key *a, const struct object_key *b)
{
	int order = strcmp(a->kind, b->kind);

	if (order == 0)
		order = strcmp(a->namespace, b->namespace);
	return order ? order : strcmp(a->name, b->name);
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

/* What is stored: the document that is kept, or what its file says, which the caller owns as *ret_read. NULL: there
 * is no such object, or its file has gone bad, and it is as if it were not there. */
static const struct cJSON *look(const struct objects *objects, const struct stored *object,
				struct cJSON **ret_read)
{
	if (!object)
		return NULL;
	if (object->document)
		return object->document;
	return *ret_read = stored_read(objects->dir, object);
}

static struct stored *object_insert(struct objects *objects, const struct object_key *key)
{
	struct stored *object = object_find(objects, key);

	if (object)
		return object;
	object = stored_new(key);
	if (!tsearch(object, &objects->tree, stored_compare))
		abort();
	return object;
}

/* Takes the document in place of the one before it. */
static void keep(struct stored *object, struct cJSON *document)
{
	bl_json_free(object->document);
	object->document = document;
}

static void load_one(struct cJSON *document, void *data)
{
	struct objects *objects = data;
	bl_auto_json struct cJSON *owned = document;
	const char *revision = bl_json_get_string(document, "metadata/resourceVersion");
	uint64_t number = revision ? strtoull(revision, NULL, 10) : 0;
	const struct object_key key = object_key(document);
	struct stored *object = object_insert(objects, &key);

	if (number > objects->revision)
		objects->revision = number;
	if (!objects->rests(key.kind))
		keep(object, bl_take_ptr(owned));
}

int objects_new(const char *state_dir, bool (*rests)(const char *kind),
		struct objects **ret_objects, struct bl_err *err)
{
	struct objects *objects = bl_alloc(sizeof(*objects));
	int r;

	objects->dir = bl_format("%s/objects", state_dir);
	objects->rests = rests;
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
	const struct stored *object = object_find(objects, key);

	assert(!objects->rests(key->kind));
	return object ? object->document : NULL;
}

struct cJSON *objects_read(const struct objects *objects, const struct object_key *key)
{
	struct cJSON *read = NULL;
	const struct cJSON *document = look(objects, object_find(objects, key), &read);

	return read || !document ? read : bl_json_copy(document);
}

struct walk {
	const struct objects *objects;
	const char *kind, *namespace;
	void (*fn)(const struct cJSON *object, void *data);
	void *data;
};

static void walk_node(const void *node, VISIT visit, void *data)
{
	const struct stored *object = *(struct stored *const *)node;
	const struct walk *walk = data;
	bl_auto_json struct cJSON *read = NULL;
	const struct cJSON *document;

	if (visit != postorder && visit != leaf)
		return;
	if (walk->kind && strcmp(walk->kind, object->key.kind) != 0)
		return;
	if (walk->namespace && strcmp(walk->namespace, object->key.namespace) != 0)
		return;
	document = look(walk->objects, object, &read);
	if (document)
		walk->fn(document, walk->data);
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

/* Makes next (taken) the stored document of key in place of old (NULL: none yet). What cannot be written is
 * no change, except that a status is shown all the same, since a full disk is what it may have to
 * tell of: such a document is kept, whatever its kind. */
static int store(struct objects *objects, struct cJSON *next, const struct cJSON *old,
		 bool show_unwritten, struct bl_err *err)
{
	bl_auto_json struct cJSON *document = next;
	const enum object_event event = old ? OBJECT_MODIFIED : OBJECT_ADDED;
	struct object_key key = object_key(document);
	struct stored *object;
	int r;

	object_version_stamp(document, old, objects->revision + 1);
	r = object_file_write(objects->dir, &key, document, err);
	if (r < 0 && !show_unwritten)
		return r;
	objects->revision++;
	object = object_insert(objects, &key);
	object->unwritten = r < 0;
	if (r == 0 && objects->rests(key.kind)) {
		keep(object, NULL);
		tell(objects, event, document);
	} else {
		keep(object, bl_take_ptr(document));
		tell(objects, event, object->document);
	}
	return r;
}

/* ret_before: the document that was replaced, as text that is the caller's; NULL for an object that is new, and
 * where nothing changed. */
static int apply(struct objects *objects, const struct cJSON *document,
		 enum object_outcome *ret_outcome, char **ret_before, struct bl_err *err)
{
	bl_auto_json struct cJSON *read = NULL;
	bl_auto_json struct cJSON *next = NULL;
	bl_autofree char *before = NULL;
	struct object_key key = object_key(document);
	const struct cJSON *old;
	int r;

	r = bl_object_validate_stored(document, err);
	if (r < 0)
		return r;
	old = look(objects, object_find(objects, &key), &read);
	next = old ? object_version_after(old, document) : object_version_first(document);
	*ret_outcome = OBJECT_UNCHANGED;
	if (old && bl_json_equal(old, next))
		return 0;
	*ret_outcome = old ? OBJECT_CONFIGURED : OBJECT_CREATED;
	if (old && ret_before)
		before = bl_json_print(old);
	r = store(objects, bl_take_ptr(next), old, false, err);
	if (r == 0 && ret_before)
		*ret_before = bl_take_ptr(before);
	return r;
}

int objects_apply(struct objects *objects, const struct cJSON *document,
		  enum object_outcome *ret_outcome, struct bl_err *err)
{
	return apply(objects, document, ret_outcome, NULL, err);
}

static int restore(struct objects *objects, const char *before, struct bl_err *err)
{
	bl_auto_json struct cJSON *document = NULL;
	bl_auto_json struct cJSON *read = NULL;
	struct object_key key;
	int r = bl_json_parse(before, strlen(before), &document, err);

	if (r < 0)
		return r;
	key = object_key(document);
	return store(objects, bl_take_ptr(document),
		     look(objects, object_find(objects, &key), &read), false, err);
}

/* Takes back an apply: the object is again what it was, or absent. */
static void apply_undo(struct objects *objects, const struct cJSON *document, const char *before)
{
	struct object_key key = object_key(document);
	struct bl_err err = BL_ERR_INIT;
	int r = before ? restore(objects, before, &err) : objects_remove(objects, &key, &err);

	if (r < 0)
		bl_error("cannot take back a half-done apply", "object", key.name, "error",
			 err.message);
}

int objects_apply_all(struct objects *objects, const struct cJSON *const *documents, size_t n,
		      enum object_outcome *ret_outcomes, struct bl_err *err)
{
	bl_autofree char **before = bl_alloc(n * sizeof(*before) + 1);
	size_t done;
	int r = 0;

	for (done = 0; done < n; done++) {
		r = apply(objects, documents[done], &ret_outcomes[done], &before[done], err);
		if (r < 0)
			break;
	}
	while (done-- > 0) {
		if (r < 0 && ret_outcomes[done] != OBJECT_UNCHANGED)
			apply_undo(objects, documents[done], before[done]);
		free(before[done]);
	}
	return r;
}

int objects_update(struct objects *objects, const struct object_key *key,
		   void (*fn)(struct cJSON *object, void *data), void *data, struct bl_err *err)
{
	bl_auto_json struct cJSON *read = NULL;
	bl_auto_json struct cJSON *next = NULL;
	const struct cJSON *old = look(objects, object_find(objects, key), &read);

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
	bl_auto_json struct cJSON *read = NULL;
	bl_auto_json struct cJSON *next = NULL;
	const struct stored *object = object_find(objects, key);
	const struct cJSON *old = look(objects, object, &read);

	if (!old)
		return bl_fail(err, -ENOENT, "%s \"%s\" not found", key->kind, key->name);
	next = bl_json_copy(old);
	bl_json_set(next, "status", bl_take_ptr(owned));
	if (!object->unwritten && bl_json_equal(old, next))
		return 0;
	return store(objects, bl_take_ptr(next), old, true, err);
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
	bl_auto_json struct cJSON *read = NULL;
	struct stored *object = object_find(objects, key);
	const struct cJSON *document;
	int r;

	if (!object)
		return 0;
	document = look(objects, object, &read);
	r = object_file_remove(objects->dir, key, err);
	if (r < 0)
		return r;
	tdelete(object, &objects->tree, stored_compare);
	if (!document)
		document = read = stored_last_words(object);
	tell(objects, OBJECT_DELETED, document);
	stored_free(object);
	return 0;
}
