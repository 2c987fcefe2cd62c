/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start, stop and restart. Where the run strategy alone says whether a VM runs, a verb changes the
 * strategy; elsewhere it puts a request into status.stateChangeRequests, a queue whose head is done
 * with once the VMI has followed. Restart is Stop and then Start.
 */
#include <errno.h>
#include <string.h>

#include "vm.h"

static const struct cJSON *head(const struct cJSON *status)
{
	return bl_json_first(bl_json_get(status, "stateChangeRequests"));
}

static bool is_action(const struct cJSON *request, const char *action)
{
	const char *text = request ? bl_json_get_string(request, "action") : NULL;

	return text && strcmp(text, action) == 0;
}

static bool is_for(const struct cJSON *request, const struct cJSON *vmi)
{
	const char *wanted = bl_json_get_string(request, "uid");
	const char *uid = vmi ? bl_json_get_string(vmi, "metadata/uid") : NULL;

	return wanted && uid && strcmp(wanted, uid) == 0;
}

bool vm_is_start_requested(const struct vm_view *view)
{
	return is_action(head(view->status), "Start");
}

bool vm_is_stop_requested(const struct vm_view *view)
{
	return is_action(head(view->status), "Stop");
}

static bool is_done(const struct vm_view *view, const struct cJSON *request)
{
	if (is_action(request, "Start"))
		return view->vmi && !vm_view_is_deleting(view->vmi);
	return !is_action(request, "Stop") || !is_for(request, view->vmi);
}

void vm_requests_trim(struct vm_view *view)
{
	struct cJSON *left = bl_json_array();
	bool waiting = false;

	bl_json_for_each (request, bl_json_get(view->status, "stateChangeRequests")) {
		waiting = waiting || !is_done(view, request);
		if (waiting)
			bl_json_append(left, bl_json_copy(request));
	}
	bl_json_set(view->status, "stateChangeRequests", left);
	if (bl_json_size(left) == 0)
		bl_json_remove(view->status, "stateChangeRequests");
}

void vm_request_add(struct cJSON *status, const char *action, const char *uid)
{
	struct cJSON *request = bl_json_object();

	bl_json_set_string(request, "action", action);
	bl_json_set_string(request, "uid", uid);
	if (!bl_json_is_array(bl_json_get(status, "stateChangeRequests")))
		bl_json_set(status, "stateChangeRequests", bl_json_array());
	bl_json_append(bl_json_get(status, "stateChangeRequests"), request);
}

/* The document keeps the form in which its user wrote it. */
static void set_running(struct cJSON *vm, bool running)
{
	struct cJSON *spec = bl_json_ensure(vm, "spec");

	if (bl_json_get(spec, "runStrategy"))
		bl_json_set_string(spec, "runStrategy", running ? "Always" : "Halted");
	else
		bl_json_set_bool(spec, "running", running);
}

static int refuse(const struct vm_view *view, const char *verb, struct bl_err *err)
{
	return bl_fail(err, -EBUSY, "run strategy %s does not allow to %s by hand", view->strategy,
		       verb);
}

static bool is_running(const struct vm_view *view)
{
	return view->vmi && !bl_phase_is_final(view->phase);
}

/* The requests that are waiting are superseded by what is asked for now. */
static struct cJSON *fresh_queue(struct cJSON *vm)
{
	struct cJSON *status = bl_json_ensure(vm, "status");

	bl_json_remove(status, "stateChangeRequests");
	return status;
}

static const char *uid_of(const struct vm_view *view)
{
	return bl_json_get_string(view->vmi, "metadata/uid");
}

static int start(struct cJSON *vm, const struct vm_view *view, struct bl_err *err)
{
	struct cJSON *status;

	if (vm_view_strategy_is(view, "Halted")) {
		set_running(vm, true);
		return 0;
	}
	if (is_running(view))
		return bl_fail(err, -EBUSY, "is running already");
	if (vm_view_strategy_is(view, "Always") || vm_view_strategy_is(view, "Once"))
		return refuse(view, "start", err);
	status = fresh_queue(vm);
	bl_json_remove(status, "startFailure");
	if (view->vmi)
		vm_request_add(status, "Stop", uid_of(view));
	vm_request_add(status, "Start", NULL);
	return 0;
}

static int stop(struct cJSON *vm, const struct vm_view *view, struct bl_err *err)
{
	if (vm_view_strategy_is(view, "Always") || vm_view_strategy_is(view, "Once")) {
		set_running(vm, false);
		return 0;
	}
	if (!is_running(view) && !vm_is_start_requested(view))
		return bl_fail(err, -EBUSY, "is not running");
	if (vm_view_strategy_is(view, "Halted"))
		return bl_fail(err, -EBUSY, "is stopping already");
	fresh_queue(vm);
	if (view->vmi)
		vm_request_add(bl_json_get(vm, "status"), "Stop", uid_of(view));
	return 0;
}

static int restart(struct cJSON *vm, const struct vm_view *view, struct bl_err *err)
{
	struct cJSON *status;

	if (vm_view_strategy_is(view, "Halted") || vm_view_strategy_is(view, "Once"))
		return refuse(view, "restart", err);
	if (!is_running(view))
		return bl_fail(err, -EBUSY, "is not running");
	status = fresh_queue(vm);
	vm_request_add(status, "Stop", uid_of(view));
	vm_request_add(status, "Start", NULL);
	return 0;
}

int bl_vm_request(struct cJSON *vm, const struct cJSON *vmi, enum bl_vm_verb verb,
		  struct bl_err *err)
{
	struct vm_view view;
	int r;

	vm_view_init(&view, vm, vmi, 0);
	vm_requests_trim(&view);
	switch (verb) {
	case BL_VM_START:
		r = start(vm, &view, err);
		break;
	case BL_VM_STOP:
		r = stop(vm, &view, err);
		break;
	default:
		r = restart(vm, &view, err);
	}
	bl_json_free(view.status);
	return r;
}
