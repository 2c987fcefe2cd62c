// SPDX-License-Identifier: Apache-2.0
/*
 * What people are told of policies: conditions in the shape of CiliumNetworkPolicy's status, and log
 * lines. Valid says that it was understood; Enforced, that the kernel has it, and all of it.
 */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/log.h>
#include <beeline/plan.h>

#include "../kinds.h"
#include "room.h"

static bool is_same(const struct told *told, const struct object_key *key)
{
	const struct object_key own = {told->kind, told->namespace, told->name};

	return object_key_compare(&own, key) == 0;
}

static void free_told(struct told *told)
{
	free(told->kind);
	free(told->namespace);
	free(told->name);
	free(told->unenforced);
	free(told->unfit);
	free(told);
}

void policy_expect_no_more(struct policy *policy, const struct object_key *key)
{
	for (struct told **slot = &policy->told; *slot; slot = &(*slot)->next) {
		struct told *told = *slot;

		if (!is_same(told, key))
			continue;
		*slot = told->next;
		free_told(told);
		return;
	}
}

void policy_clear_told(struct policy *policy)
{
	while (policy->told) {
		struct told *told = policy->told;

		policy->told = told->next;
		free_told(told);
	}
}

static char *join(const struct bl_warnings *sentences)
{
	char *text = NULL;

	for (size_t i = 0; i < sentences->n_items; i++) {
		char *longer = text ? bl_format("%s; %s", text, sentences->items[i])
				    : bl_strdup(sentences->items[i]);

		free(text);
		text = longer;
	}
	return text;
}

void policy_expect(struct policy *policy, const struct bl_policy *object)
{
	const struct object_key key = {object->kind, object->namespace, object->name};
	struct told *told = bl_alloc(sizeof(*told));

	policy_expect_no_more(policy, &key);
	*told = (struct told){
		.next = policy->told,
		.kind = bl_strdup(object->kind),
		.namespace = bl_strdup(object->namespace),
		.name = bl_strdup(object->name),
		.unenforced = join(&object->unenforced),
		.pending = true,
	};
	policy->told = told;
	if (told->unenforced)
		bl_warn("a policy cannot be enforced whole", "kind", told->kind, "namespace",
			told->namespace, "name", told->name, "reason", told->unenforced);
}

/* ---- conditions --------------------------------------------------------------------------------- */

static struct cJSON *status_of(const struct cJSON *object)
{
	const struct cJSON *before = bl_json_get(object, "status");

	return before ? bl_json_copy(before) : bl_json_object();
}

static void put_status(struct policy *policy, const struct object_key *key, struct cJSON *status)
{
	struct bl_err err = BL_ERR_INIT;

	policy->reporting = true;
	if (objects_put_status(policy->config.objects, key, status, &err) < 0)
		bl_warn("status not written", "kind", key->kind, "name", key->name, "error",
			err.message);
	policy->reporting = false;
}

/* In the order of what matters more. */
struct shortfall policy_shortfall(const struct policy *policy, const struct told *told)
{
	if (!policy_is_enforced(policy))
		return (struct shortfall){"Disabled", "the agent runs with --policy=never"};
	if (policy->failure)
		return (struct shortfall){"UpdateFailed", policy->failure};
	if (told->unfit)
		return (struct shortfall){"TooManyEntries", told->unfit};
	if (policy->config.mode == POLICY_AUDIT)
		return (struct shortfall){
			"Audit", "what it denies passes and is counted: the agent runs with "
				 "--policy=audit"};
	if (told->unenforced)
		return (struct shortfall){"NotSupported", told->unenforced};
	return (struct shortfall){0};
}

static void tell(struct policy *policy, const struct told *told)
{
	const struct object_key key = {told->kind, told->namespace, told->name};
	const struct shortfall shortfall = policy_shortfall(policy, told);
	bl_auto_json struct cJSON *object = objects_read(policy->config.objects, &key);
	struct cJSON *status;
	int64_t now = bl_time_now();

	if (!object)
		return;
	status = status_of(object);
	bl_condition_set(status, "Valid", "True", NULL, "Policy validation succeeded", now);
	bl_condition_set(status, "Enforced", shortfall.reason ? "False" : "True", shortfall.reason,
			 shortfall.message, now);
	put_status(policy, &key, status);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Looks again for an endpoint that has not got it; whether there is news. */
static bool look_for_unfit(const struct policy *policy, struct told *told)
{
	const char *endpoint =
		bl_engine_unfit(policy->engine, told->kind, told->namespace, told->name);
	char *unfit = endpoint ? bl_format("endpoint '%s' stays as it was: %s", endpoint,
					   bl_engine_error(policy->engine, endpoint))
			       : NULL;
	bool news = !same_text(unfit, told->unfit);

	free(told->unfit);
	told->unfit = unfit;
	told->unfit_now |= news;
	return news;
}

static void report_policies(struct policy *policy)
{
	for (struct told *told = policy->told; told; told = told->next) {
		bool news = look_for_unfit(policy, told);

		if (!told->pending && !news)
			continue;
		tell(policy, told);
		told->pending = policy->failure != NULL;
	}
}

/* ---- endpoints ---------------------------------------------------------------------------------- */

void policy_concern(struct policy *policy, const char *name)
{
	int index = policy_find_member(policy, name);

	if (index >= 0)
		policy->members[index]->concerned = true;
}

static void tell_vmi(struct policy *policy, const struct member *member, const char *text)
{
	const struct object_key key = {KIND_VMI, member->namespace, member->vmi};
	const struct cJSON *vmi = member->vmi ? objects_get(policy->config.objects, &key) : NULL;
	struct cJSON *status;

	if (!vmi || (!member->amiss && !bl_condition(bl_json_get(vmi, "status"), "PolicyEnforced")))
		return;
	status = status_of(vmi);
	if (member->amiss)
		bl_condition_set(status, "PolicyEnforced", "False", member->amiss, text,
				 bl_time_now());
	else
		bl_condition_remove(status, "PolicyEnforced");
	put_status(policy, &key, status);
}

static void report_member(struct policy *policy, struct member *member, const struct bl_err *why)
{
	const char *error = bl_engine_error(policy->engine, member->name);
	const char *text = why ? why->message : error;
	const char *amiss = why ? "UpdateFailed" : error ? "TooManyEntries" : NULL;

	member->concerned = why != NULL;
	if (member->told && same_text(amiss, member->amiss))
		return;
	member->told = true;
	policy->troubles.n_amiss += (amiss != NULL) - (member->amiss != NULL);
	member->amiss = amiss;
	if (amiss)
		bl_warn("an endpoint's policy stays what it was", "endpoint", member->name,
			"reason", text);
	tell_vmi(policy, member, text);
}

void policy_report_afresh(struct policy *policy)
{
	for (struct told *told = policy->told; told; told = told->next)
		told->unfit_now = false;
}

void policy_report(struct policy *policy, const struct bl_err *why)
{
	free(policy->failure);
	policy->failure = why ? bl_strdup(why->message) : NULL;
	if (why)
		bl_warn("network policy stays what it was", "error", why->message);
	report_policies(policy);
	for (int i = 0; i < BL_ENDPOINTS_MAX; i++)
		if (policy->members[i] && policy->members[i]->concerned)
			report_member(policy, policy->members[i], why);
}
