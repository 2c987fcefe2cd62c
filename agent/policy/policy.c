// SPDX-License-Identifier: Apache-2.0
/*
 * What comes in from the store: every object that policies are, or speak of, goes to the engine, and a
 * commit is asked for. Nothing is computed here.
 */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/log.h>

#include "../kinds.h"
#include "places.h"
#include "room.h"

#define COMMIT "commit" /* the queue's one key */

enum policy_mode policy_mode(const char *name)
{
	static const char *const names[] = {
		[POLICY_DEFAULT] = "default",
		[POLICY_NEVER] = "never",
		[POLICY_ALWAYS] = "always",
		[POLICY_AUDIT] = "audit",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return (enum policy_mode)i;
	return POLICY_DEFAULT;
}

static int take_policy(struct policy *policy, const struct cJSON *object, struct bl_err *err)
{
	struct bl_policy *decoded;
	int r = bl_policy_new_lax(object, BL_UNKNOWN_IGNORED, &decoded, err);

	if (r < 0)
		return r;
	policy_expect(policy, decoded);
	bl_engine_put_policy(policy->engine, decoded);
	return 0;
}

static void take(struct policy *policy, const struct cJSON *object)
{
	struct object_key key = object_key(object);
	struct bl_err err = BL_ERR_INIT;
	int r = bl_policy_is_kind(key.kind) ? take_policy(policy, object, &err)
					    : bl_engine_put(policy->engine, object, &err);

	if (r < 0)
		bl_warn("an object is left out of network policy", "kind", key.kind, "namespace",
			key.namespace, "name", key.name, "error", err.message);
	if (strcmp(key.kind, KIND_VMI) == 0)
		policy_relabel(policy, object);
}

static void drop(struct policy *policy, const struct cJSON *object)
{
	struct object_key key = object_key(object);

	bl_engine_remove(policy->engine, key.kind, key.namespace, key.name);
	policy_expect_no_more(policy, &key);
}

static void object_changed(enum object_event event, const struct cJSON *object, void *data)
{
	struct policy *policy = data;
	const char *kind = object_key(object).kind;

	if (places_is_kind(kind))
		places_changed(policy->places);
	if (policy->reporting || !bl_engine_is_kind(kind))
		return;
	if (event == OBJECT_DELETED)
		drop(policy, object);
	else
		take(policy, object);
	policy_commit_soon(policy);
}

static void object_exists(const struct cJSON *object, void *data)
{
	if (bl_engine_is_kind(object_key(object).kind))
		take(data, object);
}

/* What selects everybody and allows nothing: in each direction everything is denied that no other policy
 * allows. No object of the store can have the name that it gets. */
static int enforce_always(struct policy *policy, struct bl_err *err)
{
	static const char document[] =
		"{\"apiVersion\": \"cilium.io/v2\", \"kind\": \"CiliumClusterwideNetworkPolicy\", "
		"\"metadata\": {\"name\": \"always\"}, "
		"\"spec\": {\"endpointSelector\": {}, \"ingress\": [{}], \"egress\": [{}]}}";
	bl_auto_json struct cJSON *json = NULL;
	struct bl_policy *everybodys;
	int r = bl_json_parse(document, strlen(document), &json, err);

	if (r == 0)
		r = bl_policy_new(json, &everybodys, err);
	if (r < 0)
		return r;
	free(everybodys->name);
	everybodys->name = bl_strdup("--policy=always");
	bl_engine_put_policy(policy->engine, everybodys);
	return 0;
}

static void look(const char *key, void *data)
{
	struct policy *policy = data;
	struct bl_err err = BL_ERR_INIT;

	policy->dirty = false;
	if (policy_commit(policy, &err) == 0)
		queue_forget(policy->queue, key);
	else
		queue_retry(policy->queue, key);
}

void policy_commit_soon(struct policy *policy)
{
	policy->dirty = true;
	policy_note_change(policy);
	if (policy->started)
		queue_add(policy->queue, COMMIT);
}

void policy_flush(struct policy *policy)
{
	if (!policy)
		return;
	policy_report_afresh(policy);
	if (policy->dirty)
		look(COMMIT, policy);
}

int policy_new(const struct policy_config *config, struct policy **ret_policy, struct bl_err *err)
{
	const struct bl_engine_options options = {.node = config->node_name};
	struct policy *policy = bl_alloc(sizeof(*policy));
	int r;

	policy->config = *config;
	policy->engine = bl_engine_new(&options);
	policy->queue = queue_new(config->loop, look, policy);
	policy->places = places_new(config->objects);
	journal_init(&policy->journal, bl_format("%s/identities.json", config->state_dir));
	policy->anew = true;
	r = policy_recall(policy, err);
	if (r == 0)
		r = policy_reserve_numbers(policy, err);
	if (r == 0 && config->mode == POLICY_ALWAYS)
		r = enforce_always(policy, err);
	if (r == 0)
		r = policy_watch_host(policy, err);
	if (r < 0) {
		policy_free(policy);
		return r;
	}
	policy->watch = objects_watch(config->objects, NULL, object_changed, policy);
	objects_for_each(config->objects, NULL, NULL, object_exists, policy);
	*ret_policy = policy;
	return 0;
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	objects_unwatch(policy->config.objects, policy->watch);
	policy_unwatch_host(policy);
	queue_free(policy->queue);
	policy_clear_members(policy);
	policy_clear_told(policy);
	places_free(policy->places);
	bl_engine_free(policy->engine);
	journal_release(&policy->journal);
	free(policy->numbers);
	free(policy->failure);
	free(policy);
}

bool policy_is_enforced(const struct policy *policy)
{
	return policy->config.mode != POLICY_NEVER;
}

struct endpoint_gate policy_gate(struct policy *policy)
{
	return (struct endpoint_gate){
		.admit = policy_admit,
		.leave = policy_leave,
		.data = policy,
	};
}

void policy_start(struct policy *policy)
{
	policy->started = true;
	look(COMMIT, policy);
}

const struct histogram *policy_update_times(const struct policy *policy)
{
	return &policy->update_times;
}

const struct policy_troubles *policy_troubles(const struct policy *policy)
{
	return &policy->troubles;
}

size_t policy_n_prefixes(const struct policy *policy)
{
	return policy ? bl_engine_n_prefixes(policy->engine) : 0;
}
