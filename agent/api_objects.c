// SPDX-License-Identifier: Apache-2.0
/* Methods on objects of the store: apply, get, list, watch, delete. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/vmi.h>

#include "agent.h"
#include "api.h"
#include "kinds.h"
#include "objects.h"

#define APPLY_MAX 1000

static void append_warnings(struct cJSON *list, const struct bl_warnings *warnings)
{
	for (size_t i = 0; i < warnings->n_items; i++)
		bl_json_append(list, bl_json_string(warnings->items[i]));
}

static int check_vm(const struct cJSON *document, struct cJSON *warnings, struct bl_err *err)
{
	bl_auto_vm struct bl_vm *vm = NULL;
	int r = bl_vm_new(document, &vm, err);

	if (r == 0)
		append_warnings(warnings, &vm->warnings);
	return r;
}

static int check_vmi(const struct cJSON *document, struct cJSON *warnings, struct bl_err *err)
{
	bl_auto_vmi struct bl_vmi *vmi = NULL;
	int r = bl_vmi_new(document, &vmi, err);

	if (r == 0)
		append_warnings(warnings, &vmi->warnings);
	return r;
}

/* The kinds that may be stored, and how their documents are checked. */
static const struct {
	const char *kind;
	int (*check)(const struct cJSON *document, struct cJSON *warnings, struct bl_err *err);
	bool fixed_spec; /* what it asks for is decided when it is created */
} kinds[] = {
	{KIND_VM, check_vm, false},
	{KIND_VMI, check_vmi, true},
};

static int kind_find(const char *kind, size_t *ret_index, struct bl_err *err)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].kind, kind) == 0) {
			*ret_index = i;
			return 0;
		}
	}
	return bl_fail(err, -EINVAL, "kind '%s' is not supported", kind);
}

static int check_change(const struct agent *agent, const struct cJSON *document, size_t kind,
			struct bl_err *err)
{
	struct object_key key = object_key(document);
	const struct cJSON *old = objects_get(agent->objects, &key);

	if (!old)
		return 0;
	if (object_is_deleting(old))
		return bl_fail(err, -EBUSY, "it is being deleted; apply it again when it is gone");
	if (kinds[kind].fixed_spec &&
	    !bl_json_equal(bl_json_get(old, "spec"), bl_json_get(document, "spec")))
		return bl_fail(err, -EINVAL, "spec: cannot be changed after creation");
	return 0;
}

static int check_object(const struct agent *agent, const struct cJSON *document,
			struct cJSON *warnings, struct bl_err *err)
{
	size_t kind = 0;
	int r;

	r = bl_object_validate(document, err);
	if (r == 0)
		r = kind_find(bl_json_get_string(document, "kind"), &kind, err);
	if (r == 0)
		r = kinds[kind].check(document, warnings, err);
	if (r == 0)
		r = check_change(agent, document, kind, err);
	if (r < 0 && bl_json_get_string(document, "metadata/name"))
		bl_wrap(err, "%s \"%s\"", bl_json_get_string(document, "kind"),
			bl_json_get_string(document, "metadata/name"));
	return r;
}

/* The objects as they are to be stored: with a namespace, and sound. */
static int take_objects(const struct api_request *request, struct cJSON *warnings,
			struct cJSON **ret_objects, struct bl_err *err)
{
	bl_auto_json struct cJSON *objects = NULL;
	const struct cJSON *given = bl_json_get(request->params, "objects");

	if (!bl_json_is_array(given))
		return bl_fail(err, -EINVAL, "missing parameter 'objects'");
	if (bl_json_size(given) > APPLY_MAX)
		return bl_fail(err, -E2BIG, "more than %d objects at once", APPLY_MAX);
	objects = bl_json_copy(given);
	bl_json_for_each (object, objects) {
		struct cJSON *metadata = (struct cJSON *)bl_json_get(object, "metadata");
		int r;

		if (bl_json_is_object(metadata) && !bl_json_get(metadata, "namespace"))
			bl_json_set_string(metadata, "namespace", "default");
		r = check_object(request->agent, object, warnings, err);
		if (r < 0)
			return r;
	}
	*ret_objects = bl_take_ptr(objects);
	return 0;
}

static struct cJSON *outcome(const struct cJSON *object, enum object_outcome outcome)
{
	struct object_key key = object_key(object);
	struct cJSON *entry = bl_json_object();

	bl_json_set_string(entry, "kind", key.kind);
	bl_json_set_string(entry, "namespace", key.namespace);
	bl_json_set_string(entry, "name", key.name);
	bl_json_set_string(entry, "outcome", object_outcome_name(outcome));
	return entry;
}

static int method_apply(const struct api_request *request, struct cJSON **ret_result,
			struct bl_err *err)
{
	bl_auto_json struct cJSON *objects = NULL;
	bl_auto_json struct cJSON *warnings = bl_json_array();
	bl_autofree const struct cJSON **documents = NULL;
	bl_autofree enum object_outcome *outcomes = NULL;
	struct cJSON *results;
	size_t n = 0;
	int r;

	r = take_objects(request, warnings, &objects, err);
	if (r < 0)
		return r;
	documents = bl_alloc((bl_json_size(objects) + 1) * sizeof(*documents));
	outcomes = bl_alloc((bl_json_size(objects) + 1) * sizeof(*outcomes));
	bl_json_for_each (object, objects)
		documents[n++] = object;
	r = objects_apply_all(request->agent->objects, documents, n, outcomes, err);
	if (r < 0)
		return r;
	results = bl_json_array();
	for (size_t i = 0; i < n; i++)
		bl_json_append(results, outcome(documents[i], outcomes[i]));
	*ret_result = bl_json_object();
	bl_json_set(*ret_result, "results", results);
	bl_json_set(*ret_result, "warnings", bl_take_ptr(warnings));
	return 0;
}

static int take_key(const struct api_request *request, struct object_key *ret_key,
		    struct bl_err *err)
{
	size_t kind = 0;
	int r;

	r = api_string(request, "kind", &ret_key->kind, err);
	if (r == 0)
		r = kind_find(ret_key->kind, &kind, err);
	if (r == 0)
		r = api_object_name(request, &ret_key->namespace, &ret_key->name, err);
	return r;
}

static int method_get(const struct api_request *request, struct cJSON **ret_result,
		      struct bl_err *err)
{
	const struct cJSON *object;
	struct object_key key;
	int r;

	r = take_key(request, &key, err);
	if (r < 0)
		return r;
	object = objects_get(request->agent->objects, &key);
	if (!object)
		return bl_fail(err, -ENOENT, "%s \"%s\" not found in namespace \"%s\"", key.kind,
			       key.name, key.namespace);
	*ret_result = bl_json_object();
	bl_json_set(*ret_result, "object", bl_json_copy(object));
	return 0;
}

static void append_copy(const struct cJSON *object, void *data)
{
	bl_json_append(data, bl_json_copy(object));
}

static int take_kind(const struct api_request *request, const char **ret_kind,
		     const char **ret_namespace, struct bl_err *err)
{
	size_t index;
	int r;

	r = api_string(request, "kind", ret_kind, err);
	if (r == 0)
		r = kind_find(*ret_kind, &index, err);
	*ret_namespace = bl_json_get_string(request->params, "namespace");
	return r;
}

static int method_list(const struct api_request *request, struct cJSON **ret_result,
		       struct bl_err *err)
{
	const char *kind, *namespace;
	struct cJSON *items;
	int r;

	r = take_kind(request, &kind, &namespace, err);
	if (r < 0)
		return r;
	items = bl_json_array();
	objects_for_each(request->agent->objects, kind, namespace, append_copy, items);
	*ret_result = bl_json_object();
	bl_json_set(*ret_result, "items", items);
	return 0;
}

/* A client that watches, or waits for an object to be gone. */
struct watcher {
	struct bl_rpc_call *call;
	struct objects *objects;
	struct object_watch *watch;
	char *namespace; /* NULL: any */
	char *name;      /* NULL: any */
	char *uid;       /* of the object that shall go */
};

static void watcher_free(struct watcher *watcher)
{
	objects_unwatch(watcher->objects, watcher->watch);
	free(watcher->namespace);
	free(watcher->name);
	free(watcher->uid);
	free(watcher);
}

static void watcher_cancelled(struct bl_rpc_call *call, void *data)
{
	watcher_free(data);
}

static struct watcher *watcher_new(const struct api_request *request, const char *kind,
				   object_watch_fn *fn)
{
	struct watcher *watcher = bl_alloc(sizeof(*watcher));
	struct objects *objects = request->agent->objects;

	*watcher = (struct watcher){.call = request->call, .objects = objects};
	watcher->watch = objects_watch(objects, kind, fn, watcher);
	bl_rpc_on_cancel(request->call, watcher_cancelled, watcher);
	return watcher;
}

static void send_event(const struct watcher *watcher, const char *type, const struct cJSON *object)
{
	struct cJSON *event = bl_json_object();

	bl_json_set_string(event, "type", type);
	if (object)
		bl_json_set(event, "object", bl_json_copy(object));
	bl_rpc_progress(watcher->call, event);
}

static bool is_watched(const struct watcher *watcher, const struct cJSON *object)
{
	struct object_key key = object_key(object);

	return (!watcher->namespace || strcmp(watcher->namespace, key.namespace) == 0) &&
	       (!watcher->name || strcmp(watcher->name, key.name) == 0);
}

static void watched_changed(enum object_event event, const struct cJSON *object, void *data)
{
	static const char *const types[] = {
		[OBJECT_ADDED] = "ADDED",
		[OBJECT_MODIFIED] = "MODIFIED",
		[OBJECT_DELETED] = "DELETED",
	};

	if (is_watched(data, object))
		send_event(data, types[event], object);
}

static void watched_exists(const struct cJSON *object, void *data)
{
	if (is_watched(data, object))
		send_event(data, "ADDED", object);
}

static int method_watch(const struct api_request *request, struct cJSON **ret_result,
			struct bl_err *err)
{
	const char *kind, *namespace;
	struct watcher *watcher;
	int r;

	r = take_kind(request, &kind, &namespace, err);
	if (r < 0)
		return r;
	watcher = watcher_new(request, kind, watched_changed);
	watcher->namespace = bl_strdup(namespace);
	watcher->name = bl_strdup(bl_json_get_string(request->params, "name"));
	objects_for_each(watcher->objects, kind, watcher->namespace, watched_exists, watcher);
	send_event(watcher, "SYNCED", NULL);
	return API_LATER;
}

static void awaited_changed(enum object_event event, const struct cJSON *object, void *data)
{
	struct watcher *watcher = data;
	const char *uid = bl_json_get_string(object, "metadata/uid");

	if (event != OBJECT_DELETED || !uid || strcmp(uid, watcher->uid) != 0)
		return;
	bl_rpc_reply(watcher->call, bl_json_object());
	watcher_free(watcher);
}

static int method_delete(const struct api_request *request, struct cJSON **ret_result,
			 struct bl_err *err)
{
	struct objects *objects = request->agent->objects;
	double grace = bl_json_get_number(request->params, "gracePeriodSeconds", -1);
	struct watcher *watcher;
	struct object_key key;
	int r;

	r = take_key(request, &key, err);
	if (r == 0)
		r = objects_mark_deleted(objects, &key, grace, err);
	if (r < 0 || !bl_json_get_bool(request->params, "wait", true))
		return r;
	watcher = watcher_new(request, key.kind, awaited_changed);
	watcher->uid = bl_strdup(bl_json_get_string(objects_get(objects, &key), "metadata/uid"));
	return API_LATER;
}

const struct api_method api_object_methods[] = {
	{"apply", method_apply}, {"get", method_get},       {"list", method_list},
	{"watch", method_watch}, {"delete", method_delete}, {0},
};
