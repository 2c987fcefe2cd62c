// SPDX-License-Identifier: Apache-2.0
/* VirtualMachines of the standalone store: see the header. */
#include "vms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/log.h>
#include <beeline/plan.h>

#include "kinds.h"
#include "objects.h"
#include "queue.h"

struct vms {
	struct objects *objects;
	struct queue *queue;
	struct object_watch *vm_watch, *vmi_watch;
	bool failing; /* a failure is being written down: no reason to look again */
};

/* A VMI of that name that somebody else made does not keep the VM from going. */
static bool owns(const struct cJSON *vm, const struct cJSON *vmi)
{
	const char *uid = bl_json_get_string(vm, "metadata/uid");

	bl_json_for_each (owner, bl_json_get(vmi, "metadata/ownerReferences")) {
		const char *owner_uid = bl_json_get_string(owner, "uid");

		if (owner_uid && strcmp(owner_uid, uid) == 0)
			return true;
	}
	return false;
}

static int create_vmi(struct vms *vms, const struct cJSON *document, struct bl_err *err)
{
	enum object_outcome outcome;

	return objects_apply(vms->objects, document, &outcome, err);
}

/* The grace with which the VM is deleted is the one with which its VMI is. */
static int delete_vmi(struct vms *vms, const struct cJSON *vm, const struct object_key *vmi_key,
		      struct bl_err *err)
{
	int64_t grace = bl_json_get_number(vm, "metadata/deletionGracePeriodSeconds", -1);

	return objects_mark_deleted(vms->objects, vmi_key, grace, err);
}

static int act(struct vms *vms, const struct cJSON *vm, const struct object_key *vmi_key,
	       const struct bl_vm_plan *plan, struct bl_err *err)
{
	switch (plan->action) {
	case BL_VM_NOTHING:
		return 0;
	case BL_VM_CREATE_VMI:
		return create_vmi(vms, plan->vmi, err);
	case BL_VM_DELETE_VMI:
		return delete_vmi(vms, vm, vmi_key, err);
	}
	return 0;
}

static void failed(struct vms *vms, const char *key, const struct object_key *vm_key,
		   const struct bl_err *why)
{
	const struct cJSON *before = bl_json_get(objects_get(vms->objects, vm_key), "status");
	struct cJSON *status = before ? bl_json_copy(before) : bl_json_object();
	struct bl_err ignored;

	bl_warn("a virtual machine cannot be reconciled", "vm", key, "error", why->message);
	bl_condition_set(status, "Failure", "True", "FailedCreate", why->message, bl_time_now());
	vms->failing = true;
	objects_put_status(vms->objects, vm_key, status, &ignored);
	vms->failing = false;
	queue_retry(vms->queue, key);
}

static int reconcile(struct vms *vms, const char *key, const struct object_key *vm_key,
		     struct bl_err *err)
{
	const struct object_key vmi_key = {KIND_VMI, vm_key->namespace, vm_key->name};
	const struct cJSON *vm = objects_get(vms->objects, vm_key);
	const struct cJSON *vmi = objects_get(vms->objects, &vmi_key);
	struct bl_vm_plan plan = {0};
	int r;

	if (object_is_deleting(vm) && !(vmi && owns(vm, vmi)))
		return objects_remove(vms->objects, vm_key, err);
	r = bl_plan_vm(vm, vmi, bl_time_now(), &plan, err);
	if (r < 0)
		return r;
	r = act(vms, vm, &vmi_key, &plan, err);
	if (r == 0)
		r = objects_put_status(vms->objects, vm_key, bl_take_ptr(plan.status), err);
	if (r == 0 && plan.requeue_ns)
		queue_add_after(vms->queue, key, plan.requeue_ns);
	bl_vm_plan_clear(&plan);
	return r;
}

static void look(const char *key, void *data)
{
	struct vms *vms = data;
	const char *slash = strchr(key, '/');
	bl_autofree char *namespace = bl_format("%.*s", (int)(slash - key), key);
	const struct object_key vm_key = {KIND_VM, namespace, slash + 1};
	struct bl_err err = BL_ERR_INIT;

	if (!objects_get(vms->objects, &vm_key))
		queue_forget(vms->queue, key);
	else if (reconcile(vms, key, &vm_key, &err) < 0)
		failed(vms, key, &vm_key, &err);
	else
		queue_forget(vms->queue, key);
}

static void enqueue(const struct cJSON *object, void *data)
{
	struct vms *vms = data;
	struct object_key key = object_key(object);
	bl_autofree char *text = bl_format("%s/%s", key.namespace, key.name);

	queue_add(vms->queue, text);
}

/* A VM and its VMI share their name. */
static void object_changed(enum object_event event, const struct cJSON *object, void *data)
{
	struct vms *vms = data;

	if (!vms->failing)
		enqueue(object, vms);
}

struct vms *vms_new(struct bl_loop *loop, struct objects *objects)
{
	struct vms *vms = bl_alloc(sizeof(*vms));

	vms->objects = objects;
	vms->queue = queue_new(loop, look, vms);
	vms->vm_watch = objects_watch(objects, KIND_VM, object_changed, vms);
	vms->vmi_watch = objects_watch(objects, KIND_VMI, object_changed, vms);
	objects_for_each(objects, KIND_VM, NULL, enqueue, vms);
	return vms;
}

void vms_free(struct vms *vms)
{
	if (!vms)
		return;
	objects_unwatch(vms->objects, vms->vm_watch);
	objects_unwatch(vms->objects, vms->vmi_watch);
	queue_free(vms->queue);
	free(vms);
}
