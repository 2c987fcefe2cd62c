/* SPDX-License-Identifier: Apache-2.0 */
/* One look at a VM and its VMI: what the planning files ask of the two documents. */
#include <string.h>

#include "vm.h"

/* The VM's own VMI names it as its controller by uid. */
static bool is_owned(const struct cJSON *vm, const struct cJSON *vmi)
{
	const char *uid = bl_json_get_string(vm, "metadata/uid");

	bl_json_for_each (owner, bl_json_get(vmi, "metadata/ownerReferences")) {
		const char *owner_uid = bl_json_get_string(owner, "uid");

		if (!bl_json_get_bool(owner, "controller", false))
			continue;
		return uid && owner_uid && strcmp(uid, owner_uid) == 0;
	}
	return false;
}

static const char *strategy_of(const struct cJSON *vm)
{
	const char *strategy = bl_json_get_string(vm, "spec/runStrategy");

	if (strategy)
		return strategy;
	return bl_json_get_bool(vm, "spec/running", false) ? "Always" : "Halted";
}

void vm_view_init(struct vm_view *view, const struct cJSON *vm, const struct cJSON *vmi,
		  int64_t wall_s)
{
	const struct cJSON *status = bl_json_get(vm, "status");

	*view = (struct vm_view){
		.vm = vm,
		.vmi = vmi && is_owned(vm, vmi) ? vmi : NULL,
		.status = bl_json_is_object(status) ? bl_json_copy(status) : bl_json_object(),
		.strategy = strategy_of(vm),
		.wall_s = wall_s,
		.foreign = vmi && !is_owned(vm, vmi),
	};
	if (!view->vmi)
		return;
	view->phase = bl_json_get_string(vmi, "status/phase");
	if (!view->phase)
		view->phase = "";
}

bool vm_view_strategy_is(const struct vm_view *view, const char *strategy)
{
	return strcmp(view->strategy, strategy) == 0;
}

bool vm_view_is_deleting(const struct cJSON *object)
{
	return bl_json_get_string(object, "metadata/deletionTimestamp") != NULL;
}
