// SPDX-License-Identifier: Apache-2.0
/* Methods on objects of the store that answer at once: apply, get, list. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/vmi.h>

#include "../agent.h"
#include "../api.h"
#include "../kinds.h"
#include "../objects.h"
#include "../policy.h"

#define APPLY_MAX 1000
#define MANY      64 /* objects whose memory is worth being given back */

static int api_kind(const char *name, const struct kind **ret_kind, struct bl_err *err)
{
	*ret_kind = kinds_find(name);
	return *ret_kind ? 0 : bl_fail(err, -EINVAL, "kind '%s' is not supported", name);
}

static int check_change(const struct agent *agent, const struct cJSON *document,
			const struct kind *kind, struct bl_err *err)
{
	struct object_key key = object_key(document);
	bl_auto_json struct cJSON *old = objects_read(agent->objects, &key);

	if (!old)
		return 0;
	if (object_is_deleting(old))
		return bl_fail(err, -EBUSY, "it is being deleted; apply it again when it is gone");
	if (kind->fixed_spec &&
	    !bl_json_equal(bl_json_get(old, "spec"), bl_json_get(document, "spec")))
		return bl_fail(err, -EINVAL, "spec: cannot be changed after creation");
	return 0;
}

static int check_object(const struct agent *agent, const struct cJSON *document,
			enum bl_unknown unknown, struct cJSON *warnings, struct bl_err *err)
{
	const struct kind *kind = NULL;
	int r;

	r = (unknown == BL_UNKNOWN_REFUSED ? bl_object_validate
					   : bl_object_validate_stored)(document, err);
	if (r == 0)
		r = api_kind(bl_json_get_string(document, "kind"), &kind, err);
	if (r == 0)
		r = kind->check(document, unknown, warnings, err);
	return r < 0 ? r : check_change(agent, document, kind, err);
}

/* What a person calls it: web.yaml: Pod "web". The caller frees. */
static char *label_object(const struct cJSON *document, const char *source)
{
	const char *kind = bl_json_get_string(document, "kind");
	const char *name = bl_json_get_string(document, "metadata/name");

	return bl_format("%s%s%s \"%s\"", source ? source : "", source ? ": " : "",
			 kind ? kind : "object", name ? name : "");
}

static int take_object(const struct agent *agent, const struct cJSON *document, const char *source,
		       enum bl_unknown unknown, struct cJSON *warnings, struct bl_err *err)
{
	bl_autofree char *label = label_object(document, source);
	bl_auto_json struct cJSON *own = bl_json_array();

	if (check_object(agent, document, unknown, own, err) < 0)
		return bl_wrap(err, "%s", label);
	bl_json_for_each (warning, own) {
		bl_autofree char *text = bl_format("%s: %s", label, bl_json_text(warning));

		bl_json_append(warnings, bl_json_string(text));
	}
	return 0;
}

static int compare_objects(const void *a, const void *b)
{
	const struct object_key x = object_key(*(const struct cJSON *const *)a);
	const struct object_key y = object_key(*(const struct cJSON *const *)b);
	int order = strcmp(x.kind, y.kind);

	if (order == 0)
		order = strcmp(x.namespace, y.namespace);
	return order ? order : strcmp(x.name, y.name);
}

/* An object that stands twice leaves open which one is meant. */
static int check_twice(const struct cJSON *objects, struct bl_err *err)
{
	bl_autofree const struct cJSON **sorted =
		bl_alloc((bl_json_size(objects) + 1) * sizeof(*sorted));
	size_t n = 0;

	bl_json_for_each (object, objects)
		sorted[n++] = object;
	qsort(sorted, n, sizeof(*sorted), compare_objects);
	for (size_t i = 1; i < n; i++)
		if (compare_objects(&sorted[i - 1], &sorted[i]) == 0) {
			const struct object_key key = object_key(sorted[i]);

			return bl_fail(err, -EEXIST, "%s \"%s\" stands twice in the manifests",
				       key.kind, key.name);
		}
	return 0;
}

/* "validate", as kubectl has it. */
static int take_unknown(const struct api_request *request, enum bl_unknown *ret_unknown,
			struct bl_err *err)
{
	static const char *const names[] = {
		[BL_UNKNOWN_REFUSED] = "strict",
		[BL_UNKNOWN_WARNED] = "warn",
		[BL_UNKNOWN_IGNORED] = "ignore",
	};
	const char *name = bl_json_get_string(request->params, "validate");

	*ret_unknown = BL_UNKNOWN_REFUSED;
	if (!name)
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i] && strcmp(names[i], name) == 0) {
			*ret_unknown = (enum bl_unknown)i;
			return 0;
		}
	}
	return bl_fail(err, -EINVAL, "validate: '%.32s' is none of strict, warn, ignore", name);
}

/* The objects as they are to be stored: with a namespace, and sound. */
static int take_objects(const struct api_request *request, struct cJSON *warnings,
			struct cJSON **ret_objects, struct bl_err *err)
{
	bl_auto_json struct cJSON *objects = NULL;
	const struct cJSON *given = bl_json_get(request->params, "objects");
	const struct cJSON *source = bl_json_first(bl_json_get(request->params, "sources"));
	enum bl_unknown unknown;
	int r = take_unknown(request, &unknown, err);

	if (r < 0)
		return r;
	if (!bl_json_is_array(given))
		return bl_fail(err, -EINVAL, "missing parameter 'objects'");
	if (bl_json_size(given) > APPLY_MAX)
		return bl_fail(err, -E2BIG, "more than %d objects at once", APPLY_MAX);
	objects = bl_json_copy(given);
	bl_json_for_each (object, objects) {
		kinds_place(object);
		r = take_object(request->agent, object, bl_json_text(source), unknown, warnings,
				err);
		if (r < 0)
			return r;
		source = source ? bl_json_next(source) : NULL;
	}
	r = check_twice(objects, err);
	if (r < 0)
		return r;
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
	policy_flush(request->agent->policy);
	if (n >= MANY)
		api_spent(request->agent->api);
	results = bl_json_array();
	for (size_t i = 0; i < n; i++)
		bl_json_append(results, outcome(documents[i], outcomes[i]));
	*ret_result = bl_json_object();
	bl_json_set(*ret_result, "results", results);
	bl_json_set(*ret_result, "warnings", bl_take_ptr(warnings));
	return 0;
}

int api_key(const struct api_request *request, struct object_key *ret_key, struct bl_err *err)
{
	const struct kind *kind;
	int r;

	r = api_string(request, "kind", &ret_key->kind, err);
	if (r == 0)
		r = api_kind(ret_key->kind, &kind, err);
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
		r = api_kind(*ret_kind, &kind, err);
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
	if (bl_json_size(items) >= MANY)
		api_spent(request->agent->api);
	*ret_result = bl_json_object();
	bl_json_set(*ret_result, "items", items);
	return 0;
}

const struct api_method api_object_methods[] = {
	{"apply", method_apply},
	{"get", method_get},
	{"list", method_list},
	{0},
};
