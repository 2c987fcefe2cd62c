/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status of a VM: printableStatus in the order in which KubeVirt decides it, conditions, and the
 * rest of what people read. Nothing here decides what is done.
 */
#include <stdlib.h>
#include <string.h>

#include "vm.h"

static bool has_phase(const struct vm_view *view, const char *phase)
{
	return view->vmi && strcmp(view->phase, phase) == 0;
}

static bool is_alive(const struct vm_view *view)
{
	return view->vmi && !bl_phase_is_final(view->phase);
}

static const struct cJSON *vmi_status(const struct vm_view *view)
{
	return view->vmi ? bl_json_get(view->vmi, "status") : NULL;
}

/* The VMI has this condition with this status and, unless NULL, this reason. */
static bool says(const struct vm_view *view, const char *type, const char *value,
		 const char *reason)
{
	bl_json_for_each (condition, bl_json_get(vmi_status(view), "conditions")) {
		const char *t = bl_json_get_string(condition, "type");
		const char *s = bl_json_get_string(condition, "status");
		const char *r = bl_json_get_string(condition, "reason");

		if (t && s && strcmp(t, type) == 0 && strcmp(s, value) == 0 &&
		    (!reason || (r && strcmp(r, reason) == 0)))
			return true;
	}
	return false;
}

static bool is_terminating(const struct vm_view *view)
{
	return vm_view_is_deleting(view->vm);
}

static bool is_stopping(const struct vm_view *view)
{
	return is_alive(view) && (vm_view_is_deleting(view->vmi) || vm_is_stop_requested(view) ||
				  vm_view_strategy_is(view, "Halted"));
}

static bool is_paused(const struct vm_view *view)
{
	return is_alive(view) && says(view, "Paused", "True", NULL);
}

static bool is_running(const struct vm_view *view)
{
	return has_phase(view, "Running");
}

static bool is_unschedulable(const struct vm_view *view)
{
	return is_alive(view) && says(view, "PodScheduled", "False", "Unschedulable");
}

static bool has_pull_error(const struct vm_view *view)
{
	return is_alive(view) && says(view, "Synchronized", "False", "ErrImagePull");
}

static bool is_pull_waiting(const struct vm_view *view)
{
	return is_alive(view) && says(view, "Synchronized", "False", "ImagePullBackOff");
}

static bool is_starting(const struct vm_view *view)
{
	return is_alive(view) && (view->phase[0] == '\0' || has_phase(view, "Pending") ||
				  has_phase(view, "Scheduling") || has_phase(view, "Scheduled"));
}

static bool is_crash_looping(const struct vm_view *view)
{
	return !is_alive(view) && !vm_view_strategy_is(view, "Halted") &&
	       bl_json_get_number(view->status, "startFailure/consecutiveFailCount", 0) > 0;
}

static bool is_stopped(const struct vm_view *view)
{
	return !is_alive(view);
}

/* Migrating, the errors of claims and data volumes, and receivers do not occur on one machine. */
static const char *printable(const struct vm_view *view)
{
	static const struct {
		const char *status;
		bool (*holds)(const struct vm_view *view);
	} order[] = {
		{"Terminating", is_terminating},
		{"Stopping", is_stopping},
		{"Paused", is_paused},
		{"Running", is_running},
		{"ErrorUnschedulable", is_unschedulable},
		{"ErrImagePull", has_pull_error},
		{"ImagePullBackOff", is_pull_waiting},
		{"Starting", is_starting},
		{"CrashLoopBackOff", is_crash_looping},
		{"Stopped", is_stopped},
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (order[i].holds(view))
			return order[i].status;
	return "Unknown";
}

/* Conditions that the VM decides itself; all others are the VMI's. */
static bool is_own(const struct cJSON *condition)
{
	const char *type = bl_json_get_string(condition, "type");

	return type && (strcmp(type, "Ready") == 0 || strcmp(type, "Failure") == 0 ||
			strcmp(type, "RestartRequired") == 0);
}

static void mirror_conditions(struct vm_view *view)
{
	struct cJSON *conditions = bl_json_array();

	bl_json_for_each (condition, bl_json_get(view->status, "conditions")) {
		if (is_own(condition))
			bl_json_append(conditions, bl_json_copy(condition));
	}
	bl_json_for_each (condition, bl_json_get(vmi_status(view), "conditions")) {
		if (!is_own(condition))
			bl_json_append(conditions, bl_json_copy(condition));
	}
	bl_json_set(view->status, "conditions", conditions);
}

/* The VMI's own words, as KubeVirt hands them on; without any its guest does not run yet. */
static void set_ready(struct vm_view *view)
{
	const struct cJSON *ready = bl_condition_find(vmi_status(view), "Ready");

	if (!view->vmi)
		bl_condition_set(view->status, "Ready", "False", "VMINotExists",
				 "VMI does not exist", view->wall_s);
	else if (ready)
		bl_condition_set(view->status, "Ready", bl_json_get_string(ready, "status"),
				 bl_json_get_string(ready, "reason"),
				 bl_json_get_string(ready, "message"), view->wall_s);
	else
		bl_condition_set(view->status, "Ready", "False", "GuestNotRunning",
				 "Guest VM is not reported as running", view->wall_s);
}

static void set_failure(struct vm_view *view)
{
	if (view->foreign)
		bl_condition_set(
			view->status, "Failure", "True", "FailedCreate",
			"a VirtualMachineInstance of this name exists and is not this VM's; "
			"delete it or rename the VM",
			view->wall_s);
	else if (view->vmi)
		bl_condition_remove(view->status, "Failure");
}

static double generation_of(const struct vm_view *view)
{
	const struct cJSON *annotations =
		view->vmi ? bl_json_get(view->vmi, "metadata/annotations") : NULL;

	bl_json_for_each (annotation, annotations) {
		if (strcmp(bl_json_key(annotation), "kubevirt.io/vm-generation") == 0 &&
		    bl_json_is_string(annotation))
			return strtod(bl_json_text(annotation), NULL);
	}
	return 0;
}

/* None, and an empty object of them, are the same. */
static bool same_labels(const struct cJSON *a, const struct cJSON *b)
{
	const struct cJSON *x = bl_json_get(a, "metadata/labels");
	const struct cJSON *y = bl_json_get(b, "metadata/labels");

	return bl_json_size(x) + bl_json_size(y) == 0 || (x && y && bl_json_equal(x, y));
}

/* In what the VM would make another VMI today than the one that runs; NULL: in nothing. The first is
 * KubeVirt's sentence; it leaves labels alone, which here make an identity. */
static const char *what_is_stale(const struct vm_view *view)
{
	bl_auto_json struct cJSON *wanted = NULL;

	if (!is_alive(view) ||
	    generation_of(view) == bl_json_get_number(view->vm, "metadata/generation", 1))
		return NULL;
	wanted = vm_make_instance(view->vm);
	if (!bl_json_equal(bl_json_get(wanted, "spec"), bl_json_get(view->vmi, "spec")))
		return "a non-live-updatable field was changed in the template spec";
	if (!same_labels(wanted, view->vmi))
		return "labels were changed in the template; network policies go by those that "
		       "the VM was started with";
	return NULL;
}

static void set_restart_required(struct vm_view *view)
{
	const char *stale = what_is_stale(view);

	if (stale)
		bl_condition_set(view->status, "RestartRequired", "True", "RestartRequired", stale,
				 view->wall_s);
	else
		bl_condition_remove(view->status, "RestartRequired");
}

static void set_generations(struct vm_view *view)
{
	double wanted = bl_json_get_number(view->vm, "metadata/generation", 1);
	double running = generation_of(view);

	bl_json_set_number(view->status, "desiredGeneration", wanted);
	bl_json_set_number(view->status, "observedGeneration", running > 0 ? running : wanted);
}

void vm_status_update(struct vm_view *view)
{
	const char *ready;

	set_ready(view);
	set_failure(view);
	set_restart_required(view);
	mirror_conditions(view);
	set_generations(view);
	ready = bl_condition(view->status, "Ready");
	bl_json_set_bool(view->status, "created", view->vmi != NULL);
	bl_json_set_bool(view->status, "ready", ready && strcmp(ready, "True") == 0);
	bl_json_set_string(view->status, "printableStatus", printable(view));
}
