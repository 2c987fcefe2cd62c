// SPDX-License-Identifier: Apache-2.0
/* Methods that wait for objects of the store to change: watch, delete. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "../agent.h"
#include "../api.h"
#include "../kinds.h"
#include "../objects.h"
#include "../policy.h"

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

	r = api_kind_of(request, &kind, &namespace, err);
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

static int remove_now(const struct agent *agent, const struct object_key *key, struct bl_err *err)
{
	bl_auto_json struct cJSON *object = objects_read(agent->objects, key);
	int r;

	if (!object)
		return bl_fail(err, -ENOENT, "%s \"%s\" not found", key->kind, key->name);
	r = objects_remove(agent->objects, key, err);
	policy_flush(agent->policy);
	return r;
}

static int method_delete(const struct api_request *request, struct cJSON **ret_result,
			 struct bl_err *err)
{
	struct objects *objects = request->agent->objects;
	double grace = bl_json_get_number(request->params, "gracePeriodSeconds", -1);
	struct watcher *watcher;
	struct object_key key;
	int r;

	r = api_key(request, &key, err);
	if (r < 0)
		return r;
	if (kinds_find(key.kind)->inert)
		return remove_now(request->agent, &key, err);
	r = objects_mark_deleted(objects, &key, grace, err);
	if (r < 0 || !bl_json_get_bool(request->params, "wait", true))
		return r;
	watcher = watcher_new(request, key.kind, awaited_changed);
	watcher->uid = bl_strdup(bl_json_get_string(objects_get(objects, &key), "metadata/uid"));
	return API_LATER;
}

const struct api_method api_watch_methods[] = {
	{"watch", method_watch},
	{"delete", method_delete},
	{0},
};
