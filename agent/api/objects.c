// SPDX-License-Identifier: Apache-2.0
/* Methods on objects of the store that read and answer at once: get, list. */
#include <errno.h>
#include <string.h>

#include "../agent.h"
#include "../api.h"
#include "../kinds.h"
#include "../objects.h"

int api_find_kind(const char *name, const struct kind **ret_kind, struct bl_err *err)
{
	*ret_kind = kinds_find(name);
	return *ret_kind ? 0 : bl_fail(err, -EINVAL, "kind '%s' is not supported", name);
}

int api_key(const struct api_request *request, struct object_key *ret_key, struct bl_err *err)
{
	const struct kind *kind;
	int r;

	r = api_string(request, "kind", &ret_key->kind, err);
	if (r == 0)
		r = api_find_kind(ret_key->kind, &kind, err);
	if (r == 0)
		r = api_object_name(request, &ret_key->namespace, &ret_key->name, err);
	if (r == 0 && kind->of_cluster)
		ret_key->namespace = "";
	return r;
}

static int method_get(const struct api_request *request, struct cJSON **ret_result,
		      struct bl_err *err)
{
	bl_auto_json struct cJSON *object = NULL;
	struct object_key key;
	int r;

	r = api_key(request, &key, err);
	if (r < 0)
		return r;
	object = objects_read(request->agent->objects, &key);
	if (!object)
		return *key.namespace
			       ? bl_fail(err, -ENOENT, "%s \"%s\" not found in namespace \"%s\"",
					 key.kind, key.name, key.namespace)
			       : bl_fail(err, -ENOENT, "%s \"%s\" not found", key.kind, key.name);
	*ret_result = bl_json_object();
	bl_json_set(*ret_result, "object", bl_take_ptr(object));
	return 0;
}

static void append_copy(const struct cJSON *object, void *data)
{
	bl_json_append(data, bl_json_copy(object));
}

int api_kind_of(const struct api_request *request, const char **ret_kind,
		const char **ret_namespace, struct bl_err *err)
{
	const struct kind *kind;
	int r;

	r = api_string(request, "kind", ret_kind, err);
	if (r == 0)
		r = api_find_kind(*ret_kind, &kind, err);
	if (r < 0)
		return r;
	*ret_namespace = kind->of_cluster ? NULL : bl_json_get_string(request->params, "namespace");
	return 0;
}

static int method_list(const struct api_request *request, struct cJSON **ret_result,
		       struct bl_err *err)
{
	const char *kind, *namespace;
	struct cJSON *items;
	int r;

	r = api_kind_of(request, &kind, &namespace, err);
	if (r < 0)
		return r;
	items = bl_json_array();
	objects_for_each(request->agent->objects, kind, namespace, append_copy, items);
	if (bl_json_size(items) >= API_MANY)
		api_spent(request->agent->api);
	*ret_result = bl_json_object();
	bl_json_set(*ret_result, "items", items);
	return 0;
}

const struct api_method api_object_methods[] = {
	{"get", method_get},
	{"list", method_list},
	{0},
};
