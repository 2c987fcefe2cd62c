/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI runtime's command line (runc): run and delete as children of the loop, with its state below
 * a directory of the agent's own. The container holds no descriptor of ours: its standard streams are
 * /dev/null, and the runtime's complaints go to a file.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include <beeline/err.h>
#include <beeline/loop.h>

struct runtime {
	struct bl_loop *loop;
	const char *program; /* "runc" */
	const char *root;    /* its state directory */
	bool systemd_cgroup;
};

typedef void runtime_fn(const struct bl_err *err, void *data); /* err NULL: done */

struct runtime_call;

/* Starts a container detached; pid_file gets the host's pid of its PID 1. */
int runtime_run(const struct runtime *runtime, const char *id, const char *bundle,
		const char *pid_file, runtime_fn *fn, void *data, struct runtime_call **ret_call,
		struct bl_err *err);
/* Kills and removes the container; fine when there is none. */
int runtime_delete(const struct runtime *runtime, const char *id, runtime_fn *fn, void *data,
		   struct runtime_call **ret_call, struct bl_err *err);
/* Stops waiting for the call: fn is not called any more, the runtime goes on to its end. */
void runtime_abandon(struct runtime_call *call);
/* Whether the runtime has anything of that name: a container or the rest of one. */
bool runtime_knows(const struct runtime *runtime, const char *id);
