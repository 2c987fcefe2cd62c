/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a directory of its own, and looks at it: for the tests of the standalone store. */
#pragma once

#include "unit.h"

#include <stdlib.h>

#include <beeline/json.h>

#include "../../agent/objects.h"

struct fixture {
	char *dir;
	struct objects *objects;
	char seen[512]; /* "ADDED a", "MODIFIED a", ... */
	struct object_watch *watch;
	bool (*rests)(const char *kind);
	struct cJSON *read; /* by look(), until the next */
};

static const struct object_key key_a = {"VirtualMachine", "default", "a"};

static inline struct cJSON *parse(const char *text)
{
	struct cJSON *json;
	struct bl_err err = BL_ERR_INIT;

	if (bl_json_parse(text, strlen(text), &json, &err) < 0)
		fail_msg("%s", err.message);
	return json;
}

static inline struct cJSON *document(const char *name, const char *rest)
{
	bl_autofree char *text =
		bl_format("{\"apiVersion\": \"kubevirt.io/v1\", \"kind\": \"VirtualMachine\", "
			  "\"metadata\": {\"namespace\": \"default\", \"name\": \"%s\"}%s}",
			  name, rest);

	return parse(text);
}

static inline bool all_rest(const char *kind)
{
	return true;
}

static inline bool none_rests(const char *kind)
{
	return false;
}

static inline enum object_outcome apply(struct fixture *fixture, const char *name, const char *rest)
{
	bl_auto_json struct cJSON *json = document(name, rest);
	enum object_outcome outcome;
	struct bl_err err = BL_ERR_INIT;

	if (objects_apply(fixture->objects, json, &outcome, &err) < 0)
		fail_msg("%s", err.message);
	return outcome;
}

/* Borrowed until the next look. */
static inline const struct cJSON *look(struct fixture *fixture, const struct object_key *key)
{
	bl_json_free(fixture->read);
	fixture->read = objects_read(fixture->objects, key);
	if (!fixture->rests(key->kind))
		assert_true(bl_json_equal(fixture->read, objects_get(fixture->objects, key)));
	return fixture->read;
}

static inline const char *get(struct fixture *fixture, const char *path)
{
	return bl_json_get_string(look(fixture, &key_a), path);
}

static inline void reopen(struct fixture *fixture)
{
	objects_free(fixture->objects);
	fixture->objects = NULL;
	assert_int_equal(objects_new(fixture->dir, fixture->rests, &fixture->objects, NULL), 0);
}

static inline int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->dir = unit_dir();
	fixture->rests = none_rests;
	reopen(fixture);
	*state = fixture;
	return 0;
}

static inline int setup_resting(void **state)
{
	int r = setup(state);
	struct fixture *fixture = *state;

	fixture->rests = all_rest;
	reopen(fixture);
	return r;
}

static inline int teardown(void **state)
{
	struct fixture *fixture = *state;

	bl_json_free(fixture->read);
	objects_free(fixture->objects);
	unit_dir_remove(fixture->dir);
	free(fixture);
	return 0;
}

static inline void saw(enum object_event event, const struct cJSON *object, void *data)
{
	static const char *const names[] = {"ADDED", "MODIFIED", "DELETED"};
	struct fixture *fixture = data;

	strcat(fixture->seen, names[event]);
	strcat(strcat(strcat(fixture->seen, " "), object_key(object).name), " ");
	if (event == OBJECT_DELETED) {
		objects_unwatch(fixture->objects, fixture->watch);
		fixture->watch = NULL;
	}
}

static inline void collect(const struct cJSON *object, void *data)
{
	strcat(strcat(data, object_key(object).name), " ");
}
