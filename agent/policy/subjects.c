// SPDX-License-Identifier: Apache-2.0
/*
 * Policies that select nobody: of the specs among the documents those that no endpoint has rules of, and that
 * no VM of the store would have. It may be halted, or have come with the same documents.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "../kinds.h"
#include "advice.h"

/* A spec of one of the documents. */
struct subject {
	const struct bl_policy *policy;
	const struct bl_policy_spec *spec;
	size_t nth;
	bool selects;
	char *missed; /* a VM that has the labels where policies do not look; NULL: there is none */
};

struct subjects {
	const struct advice *advice;
	const struct policy *policy;
	struct subject *items; /* sorted by spec */
	size_t n_items;
	size_t n_open; /* that select nobody as far as is known */
};

static int compare_subjects(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)((const struct subject *)a)->spec;
	uintptr_t y = (uintptr_t)((const struct subject *)b)->spec;

	return (x > y) - (x < y);
}

/* By document, then as they stand in it. */
static int compare_places(const void *a, const void *b)
{
	const struct subject *x = a, *y = b;
	int order = (x->nth > y->nth) - (x->nth < y->nth);

	return order ? order : compare_subjects(a, b);
}

static void add_subject(const struct bl_policy *policy, const struct bl_policy_spec *spec,
			void *data)
{
	struct subjects *subjects = data;
	const struct advice *advice = subjects->advice;
	size_t nth = advice_document(advice, policy->kind, policy->namespace, policy->name);
	size_t n = subjects->n_items;

	if (nth == advice->n_documents || spec->of_nodes)
		return;
	if ((n & (n - 1)) == 0)
		subjects->items =
			bl_realloc(subjects->items, (n * 2 + 1) * sizeof(*subjects->items));
	subjects->items[subjects->n_items++] =
		(struct subject){.policy = policy, .spec = spec, .nth = nth};
	subjects->n_open++;
}

static void mark(struct subjects *subjects, struct subject *subject)
{
	subjects->n_open -= !subject->selects;
	subject->selects = true;
}

/* An endpoint has rules of the spec. */
static void mark_spec(const struct bl_policy *policy, const struct bl_policy_spec *spec, void *data)
{
	struct subjects *subjects = data;
	const struct subject key = {.spec = spec};
	struct subject *subject =
		bsearch(&key, subjects->items, subjects->n_items, sizeof(key), compare_subjects);

	if (subject)
		mark(subjects, subject);
}

static void ask_endpoints(struct subjects *subjects)
{
	const struct policy *policy = subjects->policy;

	for (int i = 0; subjects->n_open > 0 && i < BL_ENDPOINTS_MAX; i++)
		if (policy->members[i])
			bl_engine_specs(policy->engine, policy->members[i]->name, mark_spec,
					subjects);
}

typedef void ask_fn(struct subjects *subjects, struct subject *subject,
		    const struct bl_engine_endpoint *endpoint);

/* A machine that would be an endpoint with such labels, by all who are open still. */
static void ask_machine(struct subjects *subjects, const struct cJSON *machine,
			const struct cJSON *template, const struct cJSON *labels, ask_fn *ask)
{
	struct bl_labels own = {0};
	const struct bl_engine_endpoint endpoint = {
		.name = bl_json_get_string(machine, "metadata/name"),
		.namespace = bl_json_get_string(machine, "metadata/namespace"),
		.service_account = policy_service_account(bl_json_get(template, "spec")),
		.labels = &own,
	};

	bl_labels_set_all(&own, "k8s", "", labels);
	for (size_t i = 0; subjects->n_open > 0 && i < subjects->n_items; i++) {
		struct subject *subject = &subjects->items[i];

		if (!subject->selects &&
		    bl_engine_selects(subjects->policy->engine, subject->spec, &endpoint))
			ask(subjects, subject, &endpoint);
	}
	bl_labels_clear(&own);
}

static void found(struct subjects *subjects, struct subject *subject,
		  const struct bl_engine_endpoint *endpoint)
{
	mark(subjects, subject);
}

static void missed(struct subjects *subjects, struct subject *subject,
		   const struct bl_engine_endpoint *endpoint)
{
	if (!subject->missed)
		subject->missed = bl_format("%s/%s", endpoint->namespace, endpoint->name);
}

static void ask_instance(const struct cJSON *vmi, void *data)
{
	ask_machine(data, vmi, vmi, bl_json_get(vmi, "metadata/labels"), found);
}

/* It may be halted, or only about to start. */
static void ask_vm(const struct cJSON *vm, void *data)
{
	const struct cJSON *template = bl_json_get(vm, "spec/template");

	ask_machine(data, vm, template, bl_json_get(template, "metadata/labels"), found);
}

/* Whoever took the labels of the VM for those that policies see. */
static void ask_vm_itself(const struct cJSON *vm, void *data)
{
	ask_machine(data, vm, bl_json_get(vm, "spec/template"), bl_json_get(vm, "metadata/labels"),
		    missed);
}

static void ask_store(struct subjects *subjects)
{
	const struct objects *objects = subjects->policy->config.objects;

	objects_for_each(objects, KIND_VMI, NULL, ask_instance, subjects);
	objects_for_each(objects, KIND_VM, NULL, ask_vm, subjects);
	objects_for_each(objects, KIND_VM, NULL, ask_vm_itself, subjects);
}

static void tell_subject(const struct advice *advice, const struct subject *subject)
{
	bl_autofree char *path = bl_subject_path(subject->policy, subject->spec);
	bl_autofree char *who = bl_subject_format(subject->spec);
	bl_autofree char *hint =
		subject->missed
			? bl_format(" (VM %s has the labels, but not in its template, where "
				    "they would count)",
				    subject->missed)
			: bl_strdup("");

	advice_say(advice, subject->nth,
		   bl_format("%s: selects no VM or endpoint of this node, so that nothing is "
			     "enforced until "
			     "one comes: %s%s",
			     path, who, hint));
}

void advise_subjects(const struct advice *advice)
{
	struct subjects subjects = {.advice = advice, .policy = advice->policy};

	if (advice->n_listed > 0)
		bl_engine_specs(advice->policy->engine, NULL, add_subject, &subjects);
	if (subjects.n_items > 0) {
		qsort(subjects.items, subjects.n_items, sizeof(*subjects.items), compare_subjects);
		ask_endpoints(&subjects);
		ask_store(&subjects);
		qsort(subjects.items, subjects.n_items, sizeof(*subjects.items), compare_places);
	}
	for (size_t i = 0; i < subjects.n_items; i++) {
		if (!subjects.items[i].selects)
			tell_subject(advice, &subjects.items[i]);
		free(subjects.items[i].missed);
	}
	free(subjects.items);
}
