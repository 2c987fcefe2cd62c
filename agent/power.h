/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What start, stop and restart mean for a VirtualMachine of each run strategy, as KubeVirt decides it:
 * a change of the strategy, or a request in the status that the plan (beeline/plan.h) then follows.
 * Pure functions of documents.
 */
#pragma once

#include <stdbool.h>

#include <beeline/err.h>
#include <beeline/json.h>

struct power_change {
	const char *run_strategy; /* constant; NULL: stays */
	struct cJSON *requests;   /* stateChangeRequests, owned; NULL: none */
	bool stops;               /* a running VMI will end by it */
};

/* verb: "start", "stop", "restart". vmi: the VM's, or NULL. -EINVAL for a verb that makes no sense now,
 * with KubeVirt's words. */
int power_decide(const struct cJSON *vm, const struct cJSON *vmi, const char *verb, bool force,
		 struct power_change *ret_change, struct bl_err *err);
/* Writes the change into the VM; data is the struct power_change, whose requests are taken. */
void power_apply(struct cJSON *vm, void *data);
