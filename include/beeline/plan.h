/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a VirtualMachine wants of its VirtualMachineInstance: a pure function of the two documents
 * and the clock, used by the controller and by the standalone agent. KubeVirt's run strategies,
 * start-failure back-off (max(10 s, 300 s / 30) x failures^2, at most 300 s), stateChangeRequests,
 * and the order in which printableStatus is decided.
 */
#pragma once

#include <stdbool.h>
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
	struct cJSON *vmi;    /* owned; with BL_VM_CREATE_VMI */
	struct cJSON *status; /* owned; the VM's whole new status */
	uint64_t requeue_ns;  /* look again after this long; 0: only when something changes */
};

/* vm: the VirtualMachine. vmi: its VirtualMachineInstance, or NULL. wall_s: seconds since 1970. Both
 * were validated when they were stored. A VMI of that name that the VM does not own is left alone
 * and reported by condition Failure. */
int bl_plan_vm(const struct cJSON *vm, const struct cJSON *vmi, int64_t wall_s,
	       struct bl_vm_plan *ret_plan, struct bl_err *err);
void bl_vm_plan_clear(struct bl_vm_plan *plan);

/* What `virtctl start|stop|restart` does to the VM's document, by its run strategy: spec.runStrategy
 * (or running) is changed, or status.stateChangeRequests gets a request; the next plan acts on it.
 * -EBUSY with a sentence when the verb does not fit the state. */
enum bl_vm_verb { BL_VM_START, BL_VM_STOP, BL_VM_RESTART };
int bl_vm_request(struct cJSON *vm, const struct cJSON *vmi, enum bl_vm_verb verb,
		  struct bl_err *err);

/* Sets status.phase of a VMI and records when in status.phaseTransitionTimestamps, which the start
 * failure's back-off reads. Returns whether the phase changed. */
bool bl_phase_set(struct cJSON *status, const char *phase, int64_t wall_s);
/* When the VMI entered that phase; -1 when it never did. */
int64_t bl_phase_time(const struct cJSON *status, const char *phase);
bool bl_phase_is_final(const char *phase); /* Succeeded, Failed; NULL is not */

/* Reason of a failed VMI's condition Synchronized: the host was booted anew while the guest ran. That is
 * no failure of the VM's, and no reason to wait before it is started again. */
#define BL_REASON_NODE_REBOOTED "NodeRebooted"

/* Sets or updates a condition in status.conditions (type, status "True"/"False"/"Unknown", reason,
 * message); lastTransitionTime moves only when status changes. Returns whether anything changed. */
bool bl_condition_set(struct cJSON *status, const char *type, const char *value, const char *reason,
		      const char *message, int64_t wall_s);
bool bl_condition_remove(struct cJSON *status, const char *type);
/* Borrowed; NULL when there is none. */
const struct cJSON *bl_condition_find(const struct cJSON *status, const char *type);
/* "True", "False", "Unknown" or NULL when there is none. */
const char *bl_condition(const struct cJSON *status, const char *type);
const char *bl_condition_reason(const struct cJSON *status, const char *type); /* or NULL */
/* RFC 3339 in UTC, seconds: "2026-01-02T03:04:05Z". */
const char *bl_time_format(int64_t wall_s, char text[32]);
int64_t bl_time_parse(const char *text); /* -1 when it is none */
int64_t bl_time_now(void);
