/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a VirtualMachine wants of its VirtualMachineInstance: the run strategies. Pure: two documents
 * and the time in, one action and a status out.
 *
 *   old status --trim requests, count failures--> new status --decide--> action --> status for people
 */
#include <string.h>

#include "vm.h"

struct decision {
	enum bl_vm_action action;
	uint64_t requeue_ns;
};

static struct decision nothing(void)
{
	return (struct decision){.action = BL_VM_NOTHING};
}

static struct decision delete_instance(const struct vm_view *view)
{
	return (struct decision){.action = vm_view_is_deleting(view->vmi) ? BL_VM_NOTHING
									  : BL_VM_DELETE_VMI};
}

static struct decision create_instance(void)
{
	return (struct decision){.action = BL_VM_CREATE_VMI};
}

static struct decision create_after_back_off(const struct vm_view *view)
{
	uint64_t left_ns = vm_start_failure_left_ns(view);

	if (left_ns > 0)
		return (struct decision){.action = BL_VM_NOTHING, .requeue_ns = left_ns};
	return create_instance();
}

static struct decision always(struct vm_view *view)
{
	if (!view->vmi)
		return create_after_back_off(view);
	if (bl_phase_is_final(view->phase) || vm_is_stop_requested(view))
		return delete_instance(view);
	return nothing();
}

/* A failed VMI asks for its successor; one that ended well, or was stopped, does not. Who comes from
 * another strategy (status.runStrategy is the last one acted on) is started once. */
static struct decision rerun_on_failure(struct vm_view *view)
{
	const char *last = bl_json_get_string(view->status, "runStrategy");

	if (view->vmi && vm_is_stop_requested(view))
		return delete_instance(view);
	if (view->vmi && bl_phase_is_final(view->phase)) {
		if (strcmp(view->phase, "Failed") == 0 && !vm_is_start_requested(view))
			vm_request_add(view->status, "Start", NULL);
		return delete_instance(view);
	}
	if (view->vmi)
		return nothing();
	if (vm_is_start_requested(view) || !last || strcmp(last, "RerunOnFailure") != 0)
		return create_after_back_off(view);
	return nothing();
}

static struct decision manual(struct vm_view *view)
{
	if (!view->vmi)
		return vm_is_start_requested(view) ? create_instance() : nothing();
	return vm_is_stop_requested(view) ? delete_instance(view) : nothing();
}

static struct decision halted(struct vm_view *view)
{
	return view->vmi ? delete_instance(view) : nothing();
}

static struct decision once(struct vm_view *view)
{
	if (!view->vmi)
		return create_after_back_off(view);
	return vm_is_stop_requested(view) ? delete_instance(view) : nothing();
}

static struct decision decide(struct vm_view *view)
{
	static const struct {
		const char *name;
		struct decision (*decide)(struct vm_view *view);
	} strategies[] = {
		{"Always", always}, {"RerunOnFailure", rerun_on_failure},
		{"Manual", manual}, {"Halted", halted},
		{"Once", once},
	};

	if (vm_view_is_deleting(view->vm))
		return halted(view);
	if (view->foreign)
		return nothing();
	for (size_t i = 0; i < sizeof(strategies) / sizeof(strategies[0]); i++)
		if (vm_view_strategy_is(view, strategies[i].name))
			return strategies[i].decide(view);
	return nothing();
}

/* The strategy counts as acted on once there is, or will now be, something to show for it. */
static void record_strategy(struct vm_view *view, enum bl_vm_action action)
{
	if (view->vmi || action == BL_VM_CREATE_VMI || vm_view_strategy_is(view, "Halted") ||
	    vm_view_strategy_is(view, "Manual"))
		bl_json_set_string(view->status, "runStrategy", view->strategy);
}

int bl_plan_vm(const struct cJSON *vm, const struct cJSON *vmi, int64_t wall_s,
	       struct bl_vm_plan *ret_plan, struct bl_err *err)
{
	struct vm_view view;
	struct decision decision;

	vm_view_init(&view, vm, vmi, wall_s);
	vm_requests_trim(&view);
	vm_start_failure_update(&view);
	decision = decide(&view);
	record_strategy(&view, decision.action);
	vm_status_update(&view);
	*ret_plan = (struct bl_vm_plan){
		.action = decision.action,
		.vmi = decision.action == BL_VM_CREATE_VMI ? vm_make_instance(vm) : NULL,
		.status = view.status,
		.requeue_ns = decision.requeue_ns,
	};
	return 0;
}

void bl_vm_plan_clear(struct bl_vm_plan *plan)
{
	bl_json_free(plan->vmi);
	bl_json_free(plan->status);
	*plan = (struct bl_vm_plan){0};
}
