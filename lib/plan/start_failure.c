/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back-off between starts that fail: 10 s x failures^2, at most 300 s (KubeVirt's figures, without
 * its jitter, as one machine has no thundering herd and a plan has no dice).
 *
 * KubeVirt forgets the failures once a VMI was Running at all, so that a VM which dies right after
 * its start is started over and over at once. Here it must have run for the longest interval.
 */
#include <string.h>

#include "vm.h"

#define STEP_S     10
#define INTERVAL_S 300

static int64_t interval_s(double n_failures)
{
	double s = STEP_S * n_failures * n_failures;

	return s < INTERVAL_S ? (int64_t)s : INTERVAL_S;
}

/* Strategies under which nobody but the VM itself asks for the next start. */
static bool is_automatic(const struct vm_view *view)
{
	return vm_view_strategy_is(view, "Always") || vm_view_strategy_is(view, "RerunOnFailure") ||
	       vm_view_strategy_is(view, "Once");
}

static bool ran_long(const struct vm_view *view)
{
	const struct cJSON *status = bl_json_get(view->vmi, "status");
	int64_t running = bl_phase_time(status, "Running");
	int64_t failed = bl_phase_time(status, "Failed");
	int64_t end = failed >= 0 ? failed : view->wall_s;

	return running >= 0 && end - running >= INTERVAL_S;
}

/* The VM did nothing wrong, and what it did wrong before is not forgotten for it. */
static bool went_with_host(const struct vm_view *view)
{
	const char *reason = bl_condition_reason(bl_json_get(view->vmi, "status"), "Synchronized");

	return reason && strcmp(reason, BL_REASON_NODE_REBOOTED) == 0;
}

static void count_failure(struct vm_view *view, const char *uid)
{
	struct cJSON *failure = bl_json_ensure(view->status, "startFailure");
	double n = bl_json_get_number(failure, "consecutiveFailCount", 0) + 1;
	char time[32];

	bl_json_set_number(failure, "consecutiveFailCount", n);
	bl_json_set_string(failure, "lastFailedVMIUID", uid);
	bl_json_set_string(failure, "retryAfterTimestamp",
			   bl_time_format(view->wall_s + interval_s(n), time));
}

void vm_start_failure_update(struct vm_view *view)
{
	const char *last = bl_json_get_string(view->status, "startFailure/lastFailedVMIUID");
	const char *uid = view->vmi ? bl_json_get_string(view->vmi, "metadata/uid") : NULL;

	if (!is_automatic(view)) {
		bl_json_remove(view->status, "startFailure");
		return;
	}
	if (!view->vmi || (last && uid && strcmp(last, uid) == 0))
		return;
	if (strcmp(view->phase, "Succeeded") == 0 || ran_long(view))
		bl_json_remove(view->status, "startFailure");
	if (strcmp(view->phase, "Failed") == 0 && !went_with_host(view))
		count_failure(view, uid);
}

uint64_t vm_start_failure_left_ns(const struct vm_view *view)
{
	const char *text = bl_json_get_string(view->status, "startFailure/retryAfterTimestamp");
	int64_t retry_s = text ? bl_time_parse(text) : -1;
	int64_t left_s = retry_s - view->wall_s;

	/* a clock that was set back must not stretch the wait */
	if (retry_s < 0 || left_s <= 0)
		return 0;
	return (left_s < INTERVAL_S ? left_s : INTERVAL_S) * 1000000000ull;
}
