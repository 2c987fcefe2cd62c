/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real agent, started beside the one that may run on this machine already, and asked over its
 * socket as the command asks it.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include <beeline/err.h>
#include <beeline/json.h>

#include "place.h"

/* Starts the program with everything below place; returns once it is ready, or with the last of
 * its log. The caller owns the child. */
int agent_start(const char *program, const struct place *place, pid_t *ret_pid, struct bl_err *err);
/* Ends it and waits for that; pid 0 is none. */
void agent_stop(pid_t pid);

struct agent; /* a connection */

int agent_connect(const struct place *place, pid_t pid, struct agent **ret_agent,
		  struct bl_err *err);
/* An endpoint: the eth0 and tap0 of a network namespace. */
struct agent_endpoint {
	const char *name;
	int netns_fd;
	const char *binding;
	const char *namespace; /* of policies */
	struct cJSON *labels;  /* taken; may be NULL */
};

/* Connects it. *ret_ns (may be NULL) is from the call to the answer. */
int agent_attach(struct agent *agent, const struct agent_endpoint *endpoint, uint64_t *ret_ns,
		 struct bl_err *err);
int agent_detach(struct agent *agent, const char *name, struct bl_err *err);
/* As `beeline apply` does: when it returns the kernel has it. objects, an array, is taken. *ret_ns (may be
 * NULL) is from the call to the answer. */
int agent_apply(struct agent *agent, struct cJSON *objects, uint64_t *ret_ns, struct bl_err *err);
#define AGENT_APPLY_MAX 1000 /* objects at once */
/* CPU time of the agent since it began, in user space and in the kernel. */
int agent_cpu(const struct agent *agent, uint64_t *ret_ns, struct bl_err *err);
/* Memory of the agent that is resident. */
int agent_resident(const struct agent *agent, uint64_t *ret_bytes, struct bl_err *err);
