// SPDX-License-Identifier: Apache-2.0
/*
 * The method apply: every object is checked before the first is stored, all are stored or none, and the
 * kernel has what policy makes of them when the answer goes out. Warnings are sentences about what was
 * stored and does not do what it seems to.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/vmi.h>

#include "../agent.h"
#include "../api.h"
#include "../endpoint.h"
#include "../kinds.h"
#include "../objects.h"
#include "../policy.h"

#define APPLY_MAX 1000

/* An object that a person hands in, and where it stood. Both are borrowed. */
struct item {
	const struct cJSON *document;
	const char *source; /* NULL: nobody said */
};

struct batch {
	struct cJSON *objects; /* the documents */
	struct cJSON *warnings;
	struct item *items;
	const struct cJSON **documents; /* the items' */
	size_t n_items;
};

static void batch_release(struct batch *batch)
{
	bl_json_free(batch->objects);
	bl_json_free(batch->warnings);
	free(batch->items);
	free(batch->documents);
}

/* What a person calls it: web.yaml: Pod "web". The caller frees. */
static char *label_item(const struct item *item)
{
	const char *kind = bl_json_get_string(item->document, "kind");
	const char *name = bl_json_get_string(item->document, "metadata/name");

	return bl_format("%s%s%s \"%s\"", item->source ? item->source : "",
			 item->source ? ": " : "", kind ? kind : "object", name ? name : "");
}

static void warn(const struct item *item, const char *sentence, struct cJSON *warnings)
{
	bl_autofree char *label = label_item(item);
	bl_autofree char *text = bl_format("%s: %s", label, sentence);

	bl_json_append(warnings, bl_json_string(text));
}

/* ---- one object --------------------------------------------------------------------------------- */

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
		r = api_find_kind(bl_json_get_string(document, "kind"), &kind, err);
	if (r == 0)
		r = kind->check(document, unknown, warnings, err);
	return r < 0 ? r : check_change(agent, document, kind, err);
}

static int check_item(const struct agent *agent, const struct item *item, enum bl_unknown unknown,
		      struct cJSON *warnings, struct bl_err *err)
{
	bl_auto_json struct cJSON *own = bl_json_array();

	if (check_object(agent, item->document, unknown, own, err) < 0) {
		bl_autofree char *label = label_item(item);

		return bl_wrap(err, "%s", label);
	}
	bl_json_for_each (warning, own)
		warn(item, bl_json_text(warning), warnings);
	return 0;
}

/* ---- all of them -------------------------------------------------------------------------------- */

static int compare_items(const void *a, const void *b)
{
	const struct object_key x = object_key(((const struct item *)a)->document);
	const struct object_key y = object_key(((const struct item *)b)->document);

	return object_key_compare(&x, &y);
}

static int refuse_twice(const struct item *one, const struct item *other, struct bl_err *err)
{
	const struct object_key key = object_key(one->document);

	bl_fail(err, -EEXIST, "%s \"%s\" stands twice in the manifests", key.kind, key.name);
	if (!one->source || !other->source)
		return -EEXIST;
	return strcmp(one->source, other->source) == 0
		       ? bl_wrap(err, "%s", one->source)
		       : bl_wrap(err, "%s and %s", one->source, other->source);
}

/* An object that stands twice leaves open which one is meant. */
static int check_twice(const struct batch *batch, struct bl_err *err)
{
	size_t size = batch->n_items * sizeof(*batch->items);
	bl_autofree struct item *sorted = bl_alloc(size);

	memcpy(sorted, batch->items, size);
	qsort(sorted, batch->n_items, sizeof(*sorted), compare_items);
	for (size_t i = 1; i < batch->n_items; i++)
		if (compare_items(&sorted[i - 1], &sorted[i]) == 0)
			return refuse_twice(&sorted[i - 1], &sorted[i], err);
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
static int take_objects(const struct api_request *request, struct batch *batch, struct bl_err *err)
{
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
	batch->objects = bl_json_copy(given);
	batch->items = bl_alloc((bl_json_size(given) + 1) * sizeof(*batch->items));
	batch->documents = bl_alloc((bl_json_size(given) + 1) * sizeof(*batch->documents));
	bl_json_for_each (object, batch->objects) {
		struct item *item = &batch->items[batch->n_items];

		batch->documents[batch->n_items++] = object;
		kinds_place(object);
		*item = (struct item){object, bl_json_text(source)};
		r = check_item(request->agent, item, unknown, batch->warnings, err);
		if (r < 0)
			return r;
		source = source ? bl_json_next(source) : NULL;
	}
	return check_twice(batch, err);
}

/* ---- storing, and what came of it --------------------------------------------------------------- */

static void note_advice(size_t nth, const char *sentence, void *data)
{
	struct batch *batch = data;

	if (nth < batch->n_items)
		warn(&batch->items[nth], sentence, batch->warnings);
	else
		bl_json_append(batch->warnings, bl_json_string(sentence));
}

/* Commands take the name of an endpoint or of a machine, and the endpoint's comes first. */
static void warn_of_namesake(const struct agent *agent, const struct item *item,
			     struct cJSON *warnings)
{
	const struct object_key key = object_key(item->document);
	bl_autofree char *sentence = NULL;

	if ((strcmp(key.kind, KIND_VM) != 0 && strcmp(key.kind, KIND_VMI) != 0) ||
	    !endpoint_find(agent->endpoints, key.name))
		return;
	sentence = bl_format(
		"an endpoint made by hand has this name too, and is who `beeline policy get %s` "
		"and its like mean; the VM's is %s_%s_INTERFACE",
		key.name, key.namespace, key.name);
	warn(item, sentence, warnings);
}

static void advise(const struct agent *agent, struct batch *batch)
{
	for (size_t i = 0; i < batch->n_items; i++)
		warn_of_namesake(agent, &batch->items[i], batch->warnings);
	policy_advise(agent->policy, batch->documents, batch->n_items, note_advice, batch);
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

static int store(const struct agent *agent, const struct batch *batch, struct cJSON *results,
		 struct bl_err *err)
{
	bl_autofree enum object_outcome *outcomes =
		bl_alloc((batch->n_items + 1) * sizeof(*outcomes));
	int r = objects_apply_all(agent->objects, batch->documents, batch->n_items, outcomes, err);

	for (size_t i = 0; r == 0 && i < batch->n_items; i++)
		bl_json_append(results, outcome(batch->documents[i], outcomes[i]));
	return r;
}

static int method_apply(const struct api_request *request, struct cJSON **ret_result,
			struct bl_err *err)
{
	struct batch batch = {.warnings = bl_json_array()};
	bl_auto_json struct cJSON *results = bl_json_array();
	int r = take_objects(request, &batch, err);

	if (r == 0)
		r = store(request->agent, &batch, results, err);
	if (r == 0) {
		policy_flush(request->agent->policy);
		advise(request->agent, &batch);
		if (batch.n_items >= API_MANY)
			api_spent(request->agent->api);
		*ret_result = bl_json_object();
		bl_json_set(*ret_result, "results", bl_take_ptr(results));
		bl_json_set(*ret_result, "warnings", bl_take_ptr(batch.warnings));
	}
	batch_release(&batch);
	return r;
}

const struct api_method api_apply_methods[] = {
	{"apply", method_apply},
	{0},
};
