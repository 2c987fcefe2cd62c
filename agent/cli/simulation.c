// SPDX-License-Identifier: Apache-2.0
/* A cluster on paper; see simulation.h. */
#include "simulation.h"

#include <errno.h>
#include <string.h>

#include <beeline/file.h>

#include "terminal.h"

#define KIND_VM  "VirtualMachine"
#define KIND_VMI "VirtualMachineInstance"

static const char *text_of(const struct cJSON *object, const char *path)
{
	const char *text = bl_json_get_string(object, path);

	return text ? text : "";
}

static bool is_kind(const struct cJSON *object, const char *kind)
{
	return strcmp(text_of(object, "kind"), kind) == 0;
}

/* ---- which objects ------------------------------------------------------------------------------ */

struct listed {
	const struct cJSON *object;
	const char *source, *kind, *namespace, *name;
};

struct list {
	struct listed *items; /* sorted */
	size_t n_items;
};

static int compare_listed(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;
	int order = strcmp(x->kind, y->kind);

	if (order == 0)
		order = strcmp(x->namespace, y->namespace);
	return order ? order : strcmp(x->name, y->name);
}

static struct list make_list(const struct manifests *manifests)
{
	const struct cJSON *source = bl_json_first(manifests->sources);
	struct list list = {
		.items = bl_alloc(bl_json_size(manifests->objects) * sizeof(*list.items))};

	bl_json_for_each (object, manifests->objects) {
		list.items[list.n_items++] = (struct listed){
			.object = object,
			.source = bl_json_text(source),
			.kind = text_of(object, "kind"),
			.namespace = text_of(object, "metadata/namespace"),
			.name = text_of(object, "metadata/name"),
		};
		source = bl_json_next(source);
	}
	qsort(list.items, list.n_items, sizeof(*list.items), compare_listed);
	return list;
}

static bool takes_part(const char *kind)
{
	return bl_engine_is_kind(kind) || strcmp(kind, KIND_VM) == 0;
}

/* An object that stands twice leaves open which one is meant. */
static int check_twice(const struct list *list, struct bl_err *err)
{
	for (size_t i = 1; i < list->n_items; i++) {
		const struct listed *item = &list->items[i];

		if (takes_part(item->kind) && compare_listed(item - 1, item) == 0)
			return bl_fail(err, -EEXIST, "%s: %s %s%s%s stands twice in the manifests",
				       item->source, item->kind, item->namespace,
				       *item->namespace ? "/" : "", item->name);
	}
	return 0;
}

static void warn_of_others(const struct list *list)
{
	for (size_t i = 0, end; i < list->n_items; i = end) {
		const char *kind = list->items[i].kind;

		for (end = i + 1; end < list->n_items && strcmp(list->items[end].kind, kind) == 0;)
			end++;
		if (!takes_part(kind))
			terminal_warn("%s (%zu): policies know nothing of this kind", kind,
				      end - i);
	}
}

/* ---- what they become --------------------------------------------------------------------------- */

/* What the VM would start. */
static struct cJSON *instance_of(const struct cJSON *vm)
{
	struct cJSON *vmi = bl_json_object(), *metadata = bl_json_ensure(vmi, "metadata");

	bl_json_set_string(vmi, "kind", KIND_VMI);
	bl_json_set_string(metadata, "namespace", text_of(vm, "metadata/namespace"));
	bl_json_set_string(metadata, "name", text_of(vm, "metadata/name"));
	bl_json_set(metadata, "labels",
		    bl_json_copy(bl_json_get(vm, "spec/template/metadata/labels")));
	bl_json_set(vmi, "spec", bl_json_copy(bl_json_get(vm, "spec/template/spec")));
	return vmi;
}

static bool has_instance(const struct list *list, const struct listed *vm)
{
	struct listed vmi = *vm;

	vmi.kind = KIND_VMI;
	return bsearch(&vmi, list->items, list->n_items, sizeof(vmi), compare_listed) != NULL;
}

static void warn_of_policy(const struct bl_policy *policy, const struct bl_warnings *warnings)
{
	for (size_t i = 0; i < warnings->n_items; i++)
		terminal_warn("%s %s%s%s: %s", policy->kind, policy->namespace,
			      *policy->namespace ? "/" : "", policy->name, warnings->items[i]);
}

static int put_policy(const struct simulation *simulation, const struct cJSON *object,
		      struct bl_err *err)
{
	struct bl_policy *policy;
	int r = bl_policy_new(object, &policy, err);

	if (r < 0)
		return r;
	warn_of_policy(policy, &policy->unenforced);
	warn_of_policy(policy, &policy->warnings);
	if (simulation->engine)
		bl_engine_put_policy(simulation->engine, policy);
	else
		bl_reference_put_policy(simulation->reference, policy);
	return 0;
}

static int put_document(const struct simulation *simulation, const struct cJSON *object,
			struct bl_err *err)
{
	if (bl_policy_is_kind(text_of(object, "kind")))
		return put_policy(simulation, object, err);
	if (simulation->engine)
		return bl_engine_put(simulation->engine, object, err);
	return bl_reference_put(simulation->reference, object, err);
}

static int put(const struct simulation *simulation, const struct list *list,
	       const struct listed *item, struct bl_err *err)
{
	bl_auto_json struct cJSON *vmi = NULL;
	const struct cJSON *object = item->object;

	if (is_kind(object, KIND_VM)) {
		if (has_instance(list, item))
			return 0;
		object = vmi = instance_of(object);
	}
	if (put_document(simulation, object, err) < 0)
		return bl_wrap(err, "%s: %s %s%s%s", item->source, item->kind, item->namespace,
			       *item->namespace ? "/" : "", item->name);
	return 0;
}

static int put_all(const struct simulation *simulation, const struct list *list, struct bl_err *err)
{
	int r = check_twice(list, err);

	if (r == 0)
		warn_of_others(list);
	for (size_t i = 0; r == 0 && i < list->n_items; i++)
		if (takes_part(list->items[i].kind))
			r = put(simulation, list, &list->items[i], err);
	return r;
}

/* ---- compiling and asking ----------------------------------------------------------------------- */

static int compile(struct bl_engine *engine, struct bl_err *err)
{
	struct bl_engine_changes changes = {.again = true};
	int r = 0;

	while (r == 0 && changes.again)
		r = bl_engine_update(engine, &changes, err);
	return r;
}

/* Whose policy has no room gets nothing. */
static void warn_of_errors(const struct bl_engine *engine, const struct list *list)
{
	for (size_t i = 0; i < list->n_items; i++) {
		bl_autofree char *name =
			bl_format("%s/%s", list->items[i].namespace, list->items[i].name);
		const char *error = bl_engine_error(engine, name);

		if (error && !bl_policy_is_kind(list->items[i].kind))
			terminal_warn("%s %s: %s; nothing may pass", list->items[i].kind, name,
				      error);
	}
}

enum simulation_engine simulation_engine(const char *name)
{
	if (strcmp(name, "reference") == 0)
		return SIMULATION_REFERENCE;
	return strcmp(name, "kernel") == 0 ? SIMULATION_KERNEL : SIMULATION_COMPILED;
}

static int load_judge(struct simulation *simulation, struct bl_err *err)
{
	int r = bl_judge_new(simulation->engine, &simulation->judge, err);

	if (r == -EPERM || r == -EACCES)
		return bl_fail(err, r,
			       "the kernel answers who may load BPF programs: run this as root, or "
			       "with --engine=compiled");
	return r;
}

int simulation_init(const struct manifests *manifests, enum simulation_engine engine,
		    struct simulation *ret_simulation, struct bl_err *err)
{
	const struct bl_engine_options options = {.all_are_endpoints = true};
	bool by_reference = engine == SIMULATION_REFERENCE;
	simulation_auto struct simulation simulation = {
		.engine = by_reference ? NULL : bl_engine_new(&options),
		.reference = by_reference ? bl_reference_new(&options) : NULL,
	};
	struct list list = make_list(manifests);
	int r = put_all(&simulation, &list, err);

	if (r == 0 && simulation.engine)
		r = compile(simulation.engine, err);
	if (r == 0 && simulation.engine)
		warn_of_errors(simulation.engine, &list);
	if (r == 0 && engine == SIMULATION_KERNEL)
		r = load_judge(&simulation, err);
	free(list.items);
	if (r < 0)
		return r;
	*ret_simulation = simulation;
	simulation = SIMULATION_INIT;
	return 0;
}

void simulation_release(struct simulation *simulation)
{
	bl_judge_free(simulation->judge);
	bl_engine_free(simulation->engine);
	bl_reference_free(simulation->reference);
}

int simulation_ask(const struct simulation *simulation, const struct bl_flow *flow,
		   struct bl_flow_answer *ret_answer, struct bl_err *err)
{
	if (simulation->reference)
		return bl_flow_judge_by_reference(simulation->reference, flow, ret_answer, err);
	if (simulation->judge)
		return bl_flow_judge_by(simulation->engine, flow, bl_judge_ask, simulation->judge,
					ret_answer, err);
	return bl_flow_judge(simulation->engine, flow, ret_answer, err);
}
