// SPDX-License-Identifier: Apache-2.0
/* From facts to the next action of one VMI: see the header. Nothing here touches anything. */
#include "plan.h"

#include <string.h>

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static const char *const phase_names[] = {
	[VMI_PENDING] = "Pending", [VMI_SCHEDULING] = "Scheduling", [VMI_SCHEDULED] = "Scheduled",
	[VMI_RUNNING] = "Running", [VMI_SUCCEEDED] = "Succeeded",   [VMI_FAILED] = "Failed",
};

static const char *const domain_names[] = {
	[DOMAIN_UNKNOWN] = "",      [DOMAIN_PREPARING] = "Preparing", [DOMAIN_RUNNING] = "Running",
	[DOMAIN_PAUSED] = "Paused", [DOMAIN_SUCCEEDED] = "Succeeded", [DOMAIN_FAILED] = "Failed",
};

static const char *const action_names[] = {
	[VMI_NOTHING] = "nothing",
	[VMI_MAKE_NETWORK] = "make-network",
	[VMI_NAME_NETWORK] = "name-network",
	[VMI_ATTACH] = "attach",
	[VMI_RUN] = "run",
	[VMI_SYNC] = "sync",
	[VMI_SHUTDOWN] = "shutdown",
	[VMI_STOP] = "stop",
	[VMI_DETACH] = "detach",
	[VMI_REMOVE] = "remove",
	[VMI_FINISH] = "finish",
};

const char *vmi_phase_name(enum vmi_phase phase)
{
	return phase_names[phase];
}

const char *vmi_action_name(enum vmi_action action)
{
	return action_names[action];
}

enum vmi_phase vmi_phase_of(const char *name)
{
	for (size_t i = 0; name && i < N_ELEMENTS(phase_names); i++)
		if (strcmp(name, phase_names[i]) == 0)
			return i;
	return VMI_PENDING;
}

enum vmi_domain vmi_domain_of(const char *phase)
{
	for (size_t i = 0; phase && i < N_ELEMENTS(domain_names); i++)
		if (strcmp(phase, domain_names[i]) == 0)
			return i;
	return DOMAIN_UNKNOWN;
}

bool vmi_phase_is_final(enum vmi_phase phase)
{
	return phase == VMI_SUCCEEDED || phase == VMI_FAILED;
}

/* Whatever stands there under the VMI's name is not its own, and has to go first. */
static bool is_in_the_way(const struct vmi_facts *facts)
{
	return facts->sandbox != SANDBOX_ABSENT && (facts->stale || facts->foreign);
}

static bool has_container(const struct vmi_facts *facts)
{
	return facts->sandbox == SANDBOX_RUNNING && !is_in_the_way(facts);
}

/* A VMI that ran and whose container is gone without a word has failed; so has one that ran before
 * the host was booted again. While it is being deleted we are the ones who end the container. */
static enum vmi_phase running_or_lost(const struct vmi_facts *facts)
{
	return has_container(facts) || facts->deleting ? VMI_RUNNING : VMI_FAILED;
}

static enum vmi_phase phase_now(const struct vmi_facts *facts)
{
	if (vmi_phase_is_final(facts->recorded))
		return facts->recorded;
	if (facts->domain == DOMAIN_SUCCEEDED)
		return VMI_SUCCEEDED;
	if (facts->domain == DOMAIN_FAILED)
		return VMI_FAILED;
	if (facts->domain == DOMAIN_RUNNING || facts->domain == DOMAIN_PAUSED)
		return VMI_RUNNING;
	if (facts->recorded == VMI_RUNNING)
		return running_or_lost(facts);
	if (has_container(facts) &&
	    (facts->endpoints == ENDPOINTS_ALL || facts->recorded == VMI_SCHEDULED))
		return VMI_SCHEDULED;
	return facts->sandbox == SANDBOX_ABSENT || is_in_the_way(facts) ? VMI_PENDING
									: VMI_SCHEDULING;
}

static enum vmi_action bring_up_running(const struct vmi_facts *facts)
{
	if (facts->unnamed)
		return VMI_NAME_NETWORK;
	if (facts->endpoints != ENDPOINTS_ALL)
		return VMI_ATTACH;
	return facts->volumes && facts->link_up && !facts->synced ? VMI_SYNC : VMI_NOTHING;
}

/* An earlier boot has left no container, whatever its records say. */
static enum vmi_action clear_away(const struct vmi_facts *facts)
{
	if (facts->sandbox == SANDBOX_RUNNING && !facts->stale)
		return VMI_STOP;
	if (facts->endpoints != ENDPOINTS_NONE)
		return VMI_DETACH;
	return facts->sandbox != SANDBOX_ABSENT ? VMI_REMOVE : VMI_NOTHING;
}

static void bring_up(const struct vmi_facts *facts, struct vmi_plan *plan)
{
	if (is_in_the_way(facts)) {
		plan->action = clear_away(facts);
		return;
	}
	if (!facts->sound)
		return;
	if (facts->sandbox == SANDBOX_RUNNING) {
		plan->action = bring_up_running(facts);
		return;
	}
	if (!facts->volumes)
		return;
	if (facts->sandbox == SANDBOX_STOPPED) {
		plan->action = VMI_STOP;
		plan->again = true;
	} else if (facts->sandbox == SANDBOX_NETWORK) {
		plan->action = facts->endpoints == ENDPOINTS_ALL ? VMI_RUN : VMI_ATTACH;
	} else {
		plan->action = VMI_MAKE_NETWORK;
	}
}

/* Whether the guest may still end by itself: it is known to have begun, and has time. */
static bool may_end_itself(const struct vmi_facts *facts, enum vmi_phase phase)
{
	bool begun = phase == VMI_RUNNING || facts->synced || facts->domain == DOMAIN_PREPARING;

	return facts->known && begun && !vmi_phase_is_final(phase) &&
	       facts->stop_left_s > -VMI_STOP_SLACK_S;
}

static void take_down(const struct vmi_facts *facts, struct vmi_plan *plan)
{
	if (has_container(facts) && may_end_itself(facts, plan->phase)) {
		plan->action = facts->link_up ? VMI_SHUTDOWN : VMI_NOTHING;
		plan->requeue_s = facts->stop_left_s + VMI_STOP_SLACK_S;
		return;
	}
	plan->action = clear_away(facts);
	if (plan->action == VMI_NOTHING && facts->known && facts->deleting)
		plan->action = VMI_FINISH;
}

struct vmi_plan vmi_plan(const struct vmi_facts *facts)
{
	struct vmi_plan plan = {.action = VMI_NOTHING, .phase = phase_now(facts)};

	if (facts->known && !facts->deleting && !vmi_phase_is_final(plan.phase))
		bring_up(facts, &plan);
	else
		take_down(facts, &plan);
	return plan;
}
