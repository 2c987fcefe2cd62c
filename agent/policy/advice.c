// SPDX-License-Identifier: Apache-2.0
/*
 * What people should hear who have just changed the store, beside what is wrong with a document by itself:
 *
 *   a change that the kernel has not taken
 *   a policy whose selector finds no endpoint of this node, and no VM that will have one (subjects.c)
 *   a policy that is not in force as it stands, be it an older one that a new pod made too large
 *   a pod's address that another pod or an endpoint has too
 *
 * Peers that nobody is today are not told of: rules are written for those who come.
 */
#include <stdlib.h>
#include <string.h>

#include <beeline/addr.h>
#include <beeline/file.h>

#include "advice.h"

void advice_say(const struct advice *advice, size_t nth, char *sentence)
{
	advice->fn(nth, sentence, advice->data);
	free(sentence);
}

/* ---- which policies are meant -------------------------------------------------------------------- */

static int compare_listed(const void *a, const void *b)
{
	return object_key_compare(&((const struct listed *)a)->key,
				  &((const struct listed *)b)->key);
}

static void list_policies(struct advice *advice)
{
	advice->listed = bl_alloc((advice->n_documents + 1) * sizeof(*advice->listed));
	for (size_t i = 0; i < advice->n_documents; i++) {
		struct object_key key = object_key(advice->documents[i]);

		if (bl_policy_is_kind(key.kind))
			advice->listed[advice->n_listed++] = (struct listed){key, i};
	}
	qsort(advice->listed, advice->n_listed, sizeof(*advice->listed), compare_listed);
}

size_t advice_document(const struct advice *advice, const char *kind, const char *namespace,
		       const char *name)
{
	const struct listed key = {{kind, namespace, name}, 0};
	const struct listed *listed =
		bsearch(&key, advice->listed, advice->n_listed, sizeof(key), compare_listed);

	return listed ? listed->nth : advice->n_documents;
}

/* ---- policies that are not in force ------------------------------------------------------------- */

/* What a rule asks for in vain is told with the document, and a failure once for all. */
static bool is_told_elsewhere(const char *reason)
{
	return strcmp(reason, "NotSupported") == 0 || strcmp(reason, "UpdateFailed") == 0;
}

static void advise_policy(const struct advice *advice, const struct told *told, size_t nth)
{
	const struct shortfall shortfall = policy_shortfall(advice->policy, told);

	if (shortfall.reason && !is_told_elsewhere(shortfall.reason))
		advice_say(advice, nth,
			   bl_format("is not enforced as it stands: %s", shortfall.message));
}

/* For a policy of before the change has made an endpoint too small. */
static void advise_elder(const struct advice *advice, const struct told *told)
{
	if (told->unfit && told->unfit_now)
		advice_say(advice, advice->n_documents,
			   bl_format("%s \"%s\": is not enforced as it stands any more: %s",
				     told->kind, told->name, told->unfit));
}

/* Those of the documents in the order in which they stand there. */
static void advise_policies(const struct advice *advice)
{
	bl_autofree const struct told **by_document =
		bl_alloc((advice->n_documents + 1) * sizeof(struct told *));

	for (const struct told *told = advice->policy->told; told; told = told->next) {
		size_t nth = advice_document(advice, told->kind, told->namespace, told->name);

		if (nth < advice->n_documents)
			by_document[nth] = told;
		else
			advise_elder(advice, told);
	}
	for (size_t i = 0; i < advice->n_documents; i++)
		if (by_document[i])
			advise_policy(advice, by_document[i], i);
}

/* ---- addresses that two have -------------------------------------------------------------------- */

static void advise_address(const struct advice *advice, size_t nth, const char *path,
			   const char *text)
{
	const struct object_key key = object_key(advice->documents[nth]);
	struct bl_engine_rival rival;
	struct bl_addr addr;

	if (!text || bl_addr_parse(text, &addr, NULL) < 0 ||
	    !bl_engine_rival(advice->policy->engine, &addr, key.namespace, key.name, &rival))
		return;
	advice_say(advice, nth,
		   bl_format("%s: %s is also the address of %s %s%s%s; policies take it for %s",
			     path, text, *rival.namespace ? "pod" : "endpoint", rival.namespace,
			     *rival.namespace ? "/" : "", rival.name,
			     rival.holds ? "that one" : "this pod"));
}

static void advise_pod(const struct advice *advice, size_t nth)
{
	const struct cJSON *document = advice->documents[nth];
	const struct cJSON *list = bl_json_get(document, "status/podIPs");
	size_t i = 0;

	bl_json_for_each (item, list) {
		bl_autofree char *path = bl_format("status.podIPs[%zu].ip", i++);

		advise_address(advice, nth, path, bl_json_get_string(item, "ip"));
	}
	if (i == 0)
		advise_address(advice, nth, "status.podIP",
			       bl_json_get_string(document, "status/podIP"));
}

/* ------------------------------------------------------------------------------------------------- */

void policy_advise(struct policy *policy, const struct cJSON *const *documents, size_t n_documents,
		   policy_advice_fn *fn, void *data)
{
	struct advice advice = {policy, documents, n_documents, .fn = fn, .data = data};

	if (!policy)
		return;
	list_policies(&advice);
	if (policy->failure)
		advice_say(&advice, n_documents,
			   bl_format("network policy stays what it was: %s", policy->failure));
	if (policy_is_enforced(policy))
		advise_subjects(&advice);
	advise_policies(&advice);
	for (size_t i = 0; i < n_documents; i++)
		if (strcmp(object_key(documents[i]).kind, "Pod") == 0)
			advise_pod(&advice, i);
	free(advice.listed);
}
