// SPDX-License-Identifier: Apache-2.0
/* start, stop and restart of a VirtualMachine: see the header. */
#include "power.h"

#include <errno.h>
#include <string.h>

static bool is_running(const struct cJSON *vmi)
{
	const char *phase = bl_json_get_string(vmi, "status/phase");

	return vmi && !bl_json_get(vmi, "metadata/deletionTimestamp") &&
	       (!phase || (strcmp(phase, "Succeeded") != 0 && strcmp(phase, "Failed") != 0));
}

static const char *strategy_of(const struct cJSON *vm)
{
	const char *strategy = bl_json_get_string(vm, "spec/runStrategy");

	if (strategy)
		return strategy;
	return bl_json_get_bool(vm, "spec/running", false) ? "Always" : "Halted";
}

static void request_add(struct power_change *change, const char *action, const struct cJSON *vmi)
{
	struct cJSON *request = bl_json_object();

	bl_json_set_string(request, "action", action);
	bl_json_set_string(request, "uid", bl_json_get_string(vmi, "metadata/uid"));
	if (!change->requests)
		change->requests = bl_json_array();
	bl_json_append(change->requests, request);
}

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static int decide_start(const char *strategy, const struct cJSON *vmi, struct power_change *change,
			struct bl_err *err)
{
	if (is_running(vmi))
		return bl_fail(err, -EINVAL, "VM is already running");
	if (is(strategy, "Halted")) {
		change->run_strategy = "Always";
		return 0;
	}
	if (is(strategy, "Always") || is(strategy, "Once"))
		return bl_fail(err, -EINVAL, "%s does not support manual start requests", strategy);
	if (vmi) /* it has ended, and its object makes room for the next */
		request_add(change, "Stop", vmi);
	request_add(change, "Start", NULL);
	return 0;
}

static int decide_stop(const char *strategy, const struct cJSON *vmi, bool force,
		       struct power_change *change, struct bl_err *err)
{
	change->stops = true;
	if (is(strategy, "Halted"))
		return force && vmi ? 0
				    : bl_fail(err, -EINVAL,
					      "Halted does not support manual stop requests");
	if (is(strategy, "Always")) {
		change->run_strategy = "Halted";
		return 0;
	}
	if (!is_running(vmi) && !(force && vmi))
		return bl_fail(err, -EINVAL, "VM is not running");
	request_add(change, "Stop", vmi);
	return 0;
}

static int decide_restart(const char *strategy, const struct cJSON *vmi,
			  struct power_change *change, struct bl_err *err)
{
	if (is(strategy, "Halted") || is(strategy, "Once"))
		return bl_fail(err, -EINVAL, "%s does not support manual restart requests",
			       strategy);
	if (!is_running(vmi))
		return bl_fail(err, -EINVAL, "VM is not running");
	change->stops = true;
	request_add(change, "Stop", vmi);
	request_add(change, "Start", NULL);
	return 0;
}

int power_decide(const struct cJSON *vm, const struct cJSON *vmi, const char *verb, bool force,
		 struct power_change *ret_change, struct bl_err *err)
{
	const char *strategy = strategy_of(vm);

	*ret_change = (struct power_change){0};
	if (is(verb, "start"))
		return decide_start(strategy, vmi, ret_change, err);
	if (is(verb, "stop"))
		return decide_stop(strategy, vmi, force, ret_change, err);
	if (is(verb, "restart"))
		return decide_restart(strategy, vmi, ret_change, err);
	return bl_fail(err, -EINVAL, "'%s' is none of start, stop, restart", verb);
}

void power_apply(struct cJSON *vm, void *data)
{
	struct power_change *change = data;
	struct cJSON *spec = bl_json_ensure(vm, "spec");

	/* A manifest says running or runStrategy, never both. */
	if (change->run_strategy && bl_json_get(spec, "running"))
		bl_json_set_bool(spec, "running", is(change->run_strategy, "Always"));
	else
		bl_json_set_string(spec, "runStrategy", change->run_strategy);
	if (change->requests)
		bl_json_set(bl_json_ensure(vm, "status"), "stateChangeRequests",
			    bl_take_ptr(change->requests));
}
