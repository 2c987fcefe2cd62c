// SPDX-License-Identifier: Apache-2.0
/*
 * The controller of all VMIs: who is looked at when, and what is remembered between looks. One look is
 * observe, plan, status, apply; the status is written before the action, so that a phase that ends a
 * VMI is known before anything is taken down for it.
 */
#include "../vmis.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/log.h>

#include "../objects.h"
#include "../queue.h"
#include "../source.h"
#include "room.h"

#define NS_PER_S 1000000000ull

struct vmis {
	struct vmis_config config;
	struct queue *queue;
	struct vmi_record *records;
	bool begun;
	bool reporting; /* a status is being written: no reason to look again */
};

static const char *const trouble_reasons[] = {
	[VMI_NOTHING] = "StatusFailed",       [VMI_MAKE_NETWORK] = "NetworkFailed",
	[VMI_NAME_NETWORK] = "NetworkFailed", [VMI_ATTACH] = "EndpointFailed",
	[VMI_RUN] = "SandboxFailed",          [VMI_SYNC] = "LauncherFailed",
	[VMI_SHUTDOWN] = "LauncherFailed",    [VMI_STOP] = "SandboxFailed",
	[VMI_DETACH] = "EndpointFailed",      [VMI_REMOVE] = "SandboxFailed",
	[VMI_FINISH] = "StatusFailed",
};

const struct vmis_config *vmis_config(const struct vmis *vmis)
{
	return &vmis->config;
}

static struct vmi_record *record_find(const struct vmis *vmis, const char *key)
{
	struct vmi_record *record = vmis->records;

	while (record && strcmp(record->key, key) != 0)
		record = record->next;
	return record;
}

static struct vmi_record *record_get(struct vmis *vmis, const char *key)
{
	struct vmi_record *record = record_find(vmis, key);

	if (record)
		return record;
	record = vmi_record_new(vmis, key);
	record->next = vmis->records;
	vmis->records = record;
	return record;
}

static void record_drop(struct vmi_record *record)
{
	struct vmi_record **slot = &record->vmis->records;

	while (*slot != record)
		slot = &(*slot)->next;
	*slot = record->next;
	queue_forget(record->vmis->queue, record->key);
	vmi_record_free(record);
}

/* Writes the status when it says anything new; -EAGAIN and the like are the caller's to retry. */
static int report(struct vmi_record *record, struct vmi_observation *observation,
		  const struct vmi_plan *plan, struct bl_err *err)
{
	struct source *source = record->vmis->config.source;
	int r;

	if (!observation->document)
		return 0;
	record->vmis->reporting = true;
	r = source->ops->put_status(source, observation->document,
				    vmi_status(record, observation, plan), err);
	record->vmis->reporting = false;
	observation->document = source->ops->vmi(source, record->namespace, record->name);
	return r;
}

static void record_failure(struct vmi_record *record, enum vmi_action action,
			   const struct bl_err *err)
{
	struct vmi_observation observation;
	struct vmi_plan plan;
	struct bl_err ignored;
	uint64_t after = queue_retry(record->vmis->queue, record->key);
	bl_autofree char *retry = bl_format("%llums", (unsigned long long)after / 1000000);

	record->trouble = (struct vmi_trouble){trouble_reasons[action], *err};
	bl_warn("a step failed", "vmi", record->key, "step", vmi_action_name(action), "error",
		err->message, "retry", retry);
	vmi_observe(record, &observation);
	plan = vmi_plan(&observation.facts);
	report(record, &observation, &plan, &ignored);
	vmi_observation_clear(&observation);
}

void vmi_applied(struct vmi_record *record, const struct bl_err *err)
{
	enum vmi_action action = record->doing;
	struct bl_err ended;

	record->doing = VMI_NOTHING;
	if (!err && record->again) {
		bl_fail(&ended, -ECHILD, "the launcher's container ended before the guest ran");
		err = &ended;
	}
	if (err) {
		record_failure(record, action, err);
		return;
	}
	record->trouble.reason = NULL;
	queue_add_after(record->vmis->queue, record->key, record->look_after_ns);
}

static void act(struct vmi_record *record, const struct vmi_observation *observation,
		const struct vmi_plan *plan)
{
	struct bl_err err = BL_ERR_INIT;
	int r;

	if (!observation->document || observation->facts.foreign) {
		record->sweeping = true;
		bl_info("taking down what is left of a VMI that is no more", "vmi", record->key,
			"step", vmi_action_name(plan->action));
	}
	bl_debug("next step", "vmi", record->key, "step", vmi_action_name(plan->action), "phase",
		 vmi_phase_name(plan->phase));
	record->doing = plan->action;
	record->again = plan->again;
	record->look_after_ns = plan->requeue_s * NS_PER_S;
	r = vmi_apply(record, observation, plan->action, &err);
	if (r != VMI_UNDER_WAY)
		vmi_applied(record, r < 0 ? &err : NULL);
}

/* One line when it begins, however often it is looked at. */
static void tell_trouble(struct vmi_record *record, const struct vmi_trouble *trouble)
{
	if (trouble->reason && trouble->reason != record->told)
		bl_warn("a VM is in trouble", "vmi", record->key, "reason", trouble->reason,
			"error", trouble->err.message);
	record->told = trouble->reason;
}

/* Nothing to do: waiting for an event, for a time, or for what is missing to appear. */
static void rest(struct vmi_record *record, const struct vmi_observation *observation,
		 const struct vmi_plan *plan)
{
	struct queue *queue = record->vmis->queue;

	if (record->trouble.reason) {
		record->trouble.reason = NULL;
		queue_add(queue, record->key); /* to have said that it is over */
	} else if (observation->trouble.reason) {
		queue_retry(queue, record->key);
	} else if (plan->phase == VMI_RUNNING || vmi_phase_is_final(plan->phase)) {
		queue_forget(queue, record->key);
	}
	if (plan->requeue_s)
		queue_add_after(queue, record->key, plan->requeue_s * NS_PER_S);
	if (observation->facts.known)
		return;
	if (record->sweeping)
		bl_info("nothing is left of a VMI that is no more", "vmi", record->key);
	record_drop(record);
}

static void look(const char *key, void *data)
{
	struct vmis *vmis = data;
	struct vmi_record *record = vmis->begun ? record_get(vmis, key) : NULL;
	struct vmi_observation observation;
	struct vmi_plan plan;
	struct bl_err err = BL_ERR_INIT;

	if (!record || record->doing != VMI_NOTHING)
		return; /* the beginning, or the end of what it does, is a reason to look again */
	vmi_observe(record, &observation);
	tell_trouble(record, &observation.trouble);
	plan = vmi_plan(&observation.facts);
	vmi_record_link(record, observation.facts.sandbox == SANDBOX_RUNNING &&
					!observation.facts.stale && !observation.facts.foreign);
	if (report(record, &observation, &plan, &err) < 0)
		record_failure(record, VMI_NOTHING, &err);
	else if (plan.action != VMI_NOTHING)
		act(record, &observation, &plan);
	else
		rest(record, &observation, &plan);
	vmi_observation_clear(&observation);
}

void vmis_look(struct vmis *vmis, const char *namespace, const char *name)
{
	bl_autofree char *key = bl_format("%s/%s", namespace, name);

	queue_add(vmis->queue, key);
}

void vmis_look_all(struct vmis *vmis)
{
	for (struct vmi_record *record = vmis->records; record; record = record->next)
		queue_add(vmis->queue, record->key);
}

/* The key of the VMI that owns an endpoint, or NULL when its name is not one of ours. */
static char *key_of_endpoint(const char *endpoint)
{
	const char *first = strchr(endpoint, '_');
	const char *second = first ? strchr(first + 1, '_') : NULL;

	if (!second)
		return NULL;
	return bl_format("%.*s/%.*s", (int)(first - endpoint), endpoint, (int)(second - first - 1),
			 first + 1);
}

void vmis_endpoint_changed(struct vmis *vmis, const char *endpoint)
{
	bl_autofree char *key = key_of_endpoint(endpoint);
	struct vmi_record *record = key ? record_find(vmis, key) : NULL;

	if (!record)
		return;
	record->attached = false;
	queue_add(vmis->queue, key);
}

struct launcher_link *vmis_link(struct vmis *vmis, const char *namespace, const char *name)
{
	bl_autofree char *key = bl_format("%s/%s", namespace, name);
	struct vmi_record *record = record_find(vmis, key);

	return record ? record->link : NULL;
}

struct image_user {
	const char *digest;
	bool found;
};

static void find_image_user(const struct cJSON *vmi, void *data)
{
	struct image_user *user = data;

	bl_json_for_each (entry, bl_json_get(vmi, "status/volumeStatus")) {
		const char *digest = bl_json_get_string(entry, "containerDiskVolume/digest");

		if (digest && strcmp(digest, user->digest) == 0)
			user->found = true;
	}
}

bool vmis_use_image(struct vmis *vmis, const char *digest)
{
	struct image_user user = {.digest = digest};

	vmis->config.source->ops->for_each_vmi(vmis->config.source, find_image_user, &user);
	return user.found;
}

static void begin_vmi(const struct cJSON *vmi, void *data)
{
	struct object_key key = object_key(vmi);

	vmis_look(data, key.namespace, key.name);
}

static void something_changed(const char *namespace, const char *name, void *data)
{
	struct vmis *vmis = data;

	if (!vmis->reporting)
		vmis_look(vmis, namespace, name);
}

struct vmis *vmis_new(const struct vmis_config *config)
{
	struct vmis *vmis = bl_alloc(sizeof(*vmis));

	vmis->config = *config;
	vmis->queue = queue_new(config->loop, look, vmis);
	config->source->ops->listen(config->source, something_changed, vmis);
	sandboxes_on_exit(config->sandboxes, something_changed, vmis);
	return vmis;
}

/* What former VMIs have left behind is looked at like any other VMI, and taken down. */
int vmis_begin(struct vmis *vmis, bool kvm, const char *kvm_reason, struct bl_err *err)
{
	struct vmis_config *config = &vmis->config;

	config->kvm = kvm;
	config->kvm_reason = kvm_reason;
	vmis->begun = true;
	config->source->ops->for_each_vmi(config->source, begin_vmi, vmis);
	for (uint32_t i = 0; i < BL_ENDPOINTS_MAX; i++) {
		const char *endpoint = endpoint_name_of_index(config->endpoints, i);
		bl_autofree char *key = endpoint ? key_of_endpoint(endpoint) : NULL;

		if (key)
			queue_add(vmis->queue, key);
	}
	return sandboxes_for_each(config->sandboxes, something_changed, vmis, err);
}

void vmis_free(struct vmis *vmis)
{
	if (!vmis)
		return;
	while (vmis->records) {
		struct vmi_record *record = vmis->records;

		vmis->records = record->next;
		vmi_record_free(record);
	}
	queue_free(vmis->queue);
	free(vmis);
}
