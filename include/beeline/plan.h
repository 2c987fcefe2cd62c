/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a VirtualMachine wants of its VirtualMachineInstance: a pure function of the two documents
 * and the clock, used by the controller and by the standalone agent. KubeVirt's run strategies,
 * start-failure back-off (max(10 s, 300 s / 30) x failures^2, at most 300 s), stateChangeRequests,
 * and the order in which printableStatus is decided.
 */
#pragma once

#include <stdint.h>

#include <beeline/err.h>
#include <beeline/json.h>

enum bl_vm_action {
	BL_VM_NOTHING,
	BL_VM_CREATE_VMI, /* the VMI's document is in ret->vmi */
	BL_VM_DELETE_VMI,
};

struct bl_vm_plan {
	enum bl_vm_action action;
	struct cJSON *vmi;	/* owned; with BL_VM_CREATE_VMI */
	struct cJSON *status;	/* owned; the VM's whole new status */
	uint64_t requeue_ns;	/* look again after this long; 0: only when something changes */
};

/* vm: the VirtualMachine. vmi: its VirtualMachineInstance, or NULL. wall_s: seconds since 1970. */
int bl_plan_vm(const struct cJSON *vm, const struct cJSON *vmi, int64_t wall_s,
	       struct bl_vm_plan *ret_plan, struct bl_err *err);
void bl_vm_plan_clear(struct bl_vm_plan *plan);

/* Sets or updates a condition in status.conditions (type, status "True"/"False"/"Unknown", reason,
 * message); lastTransitionTime moves only when status changes. Returns whether anything changed. */
bool bl_condition_set(struct cJSON *status, const char *type, const char *value, const char *reason,
		      const char *message, int64_t wall_s);
bool bl_condition_remove(struct cJSON *status, const char *type);
/* "True", "False", "Unknown" or NULL when there is none. */
const char *bl_condition(const struct cJSON *status, const char *type);
/* RFC 3339 in UTC, seconds: "2026-01-02T03:04:05Z". */
const char *bl_time_format(int64_t wall_s, char text[32]);
int64_t bl_time_parse(const char *text); /* -1 when it is none */
int64_t bl_time_now(void);
