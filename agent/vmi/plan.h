/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What to do next for one VMI: a pure function of what was observed. One action at a time; after it
 * the world is observed again, so a crash between any two actions is nothing special. The order of
 * the ways up and down stands in plan.c and nowhere else.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "../sandbox.h"

enum vmi_phase {
	VMI_PENDING,
	VMI_SCHEDULING,
	VMI_SCHEDULED,
	VMI_RUNNING,
	VMI_SUCCEEDED,
	VMI_FAILED,
};

/* What the launcher says of the domain. */
enum vmi_domain {
	DOMAIN_UNKNOWN, /* the launcher does not answer, or has not said */
	DOMAIN_PREPARING,
	DOMAIN_RUNNING,
	DOMAIN_PAUSED,
	DOMAIN_SUCCEEDED,
	DOMAIN_FAILED,
};

enum vmi_endpoints { ENDPOINTS_NONE, ENDPOINTS_SOME, ENDPOINTS_ALL };

struct vmi_facts {
	bool known;    /* the source has it */
	bool deleting; /* its deletion has been asked for */
	bool sound;    /* its manifest makes sense */
	bool volumes;  /* all that it needs of the host's files is there */
	enum vmi_phase recorded;
	int64_t stop_left_s; /* when deleting: until the guest has used up its grace; negative after */
	enum sandbox_phase sandbox;
	bool stale;   /* the sandbox is of an earlier boot */
	bool unnamed; /* its namespace is not at its path */
	bool foreign; /* it was made for another VMI of this name, which is no more */
	enum vmi_endpoints endpoints;
	bool link_up, synced;
	enum vmi_domain domain;
};

enum vmi_action {
	VMI_NOTHING,      /* as it should be, or waiting for an event */
	VMI_MAKE_NETWORK, /* namespace and uplink */
	VMI_NAME_NETWORK, /* the namespace of what runs, back to its path */
	VMI_ATTACH,       /* taps and endpoints, all of them */
	VMI_RUN,          /* the launcher's container */
	VMI_SYNC,         /* tell the launcher what to run */
	VMI_SHUTDOWN,     /* ask the guest to end */
	VMI_STOP,         /* end the container */
	VMI_DETACH,       /* endpoints */
	VMI_REMOVE,       /* the sandbox with all it has */
	VMI_FINISH,       /* nothing is left: let the object go */
};

struct vmi_plan {
	enum vmi_action action;
	enum vmi_phase phase; /* to be recorded before the action is taken */
	bool again;           /* the action repairs a failure: not without a back-off */
	uint64_t requeue_s;   /* look again after this long; 0: when something happens */
};

/* How long after its grace a guest may take before its container is ended under it. */
#define VMI_STOP_SLACK_S 15

struct vmi_plan vmi_plan(const struct vmi_facts *facts);

const char *vmi_phase_name(enum vmi_phase phase);
/* VMI_PENDING for what is none. */
enum vmi_phase vmi_phase_of(const char *name);
bool vmi_phase_is_final(enum vmi_phase phase);
const char *vmi_action_name(enum vmi_action action);
enum vmi_domain vmi_domain_of(const char *phase);
