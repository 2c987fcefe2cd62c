/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real agent, started beside the one that may run on this machine already, and asked over its
 * socket as the command asks it.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include <beeline/err.h>

#include "place.h"

/* Starts the program with everything below place; returns once it is ready, or with the last of
 * its log. The caller owns the child. */
int agent_start(const char *program, const struct place *place, pid_t *ret_pid, struct bl_err *err);
/* Ends it and waits for that; pid 0 is none. */
void agent_stop(pid_t pid);

struct agent; /* a connection */

int agent_connect(const struct place *place, pid_t pid, struct agent **ret_agent,
		  struct bl_err *err);
/* Connects the namespace's eth0 and tap0. *ret_ns (may be NULL) is from the call to the answer. */
int agent_attach(struct agent *agent, const char *name, int netns_fd, const char *binding,
		 uint64_t *ret_ns, struct bl_err *err);
/* By which the endpoint's entries stand in the maps. */
int agent_index(struct agent *agent, const char *name, uint32_t *ret_index, struct bl_err *err);
int agent_detach(struct agent *agent, const char *name, struct bl_err *err);
/* Memory of the agent that is resident. */
int agent_resident(const struct agent *agent, uint64_t *ret_bytes, struct bl_err *err);
