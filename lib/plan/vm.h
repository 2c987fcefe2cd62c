/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share: one look at a VM and its VMI, with the status that is being
 * written. */
#pragma once

#include <beeline/plan.h>

struct vm_view {
	const struct cJSON *vm;
	const struct cJSON *vmi; /* NULL when there is none, or none of this VM's */
	struct cJSON *status;    /* the new one; begins as a copy of the old */
	const char *strategy;    /* "Always", ... */
	const char *phase;       /* of the VMI; "" when it has none yet, NULL without VMI */
	int64_t wall_s;
	bool foreign; /* a VMI of this name belongs to somebody else */
};

/* vm_view.c */
void vm_view_init(struct vm_view *view, const struct cJSON *vm, const struct cJSON *vmi,
		  int64_t wall_s);
bool vm_view_strategy_is(const struct vm_view *view, const char *strategy);
bool vm_view_is_deleting(const struct cJSON *object);

/* start_failure.c: keeps status.startFailure; how long the next start must wait still, 0: not. */
void vm_start_failure_update(struct vm_view *view);
uint64_t vm_start_failure_left_ns(const struct vm_view *view);

/* request.c: status.stateChangeRequests is a queue; its head is what is asked for now. */
void vm_requests_trim(struct vm_view *view); /* first: what is done or of another VMI goes */
bool vm_is_start_requested(const struct vm_view *view);
bool vm_is_stop_requested(const struct vm_view *view);
void vm_request_add(struct cJSON *status, const char *action, const char *uid);

/* instance.c: the VMI that the VM wants, complete but for what the store adds. */
struct cJSON *vm_make_instance(const struct cJSON *vm);

/* status.c: all of the status that does not decide anything. */
void vm_status_update(struct vm_view *view);
