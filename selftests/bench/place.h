/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of everything that a run makes on this machine (namespaces, endpoints, folders, pins), all
 * with the run's pid in them, and their removal. What a run that was killed left behind is removed by
 * the next one.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include <beeline/err.h>

#define PLACE_NAME_MAX 64

struct place {
	char prefix[32]; /* "bench-<pid>-": of namespaces and endpoints */
	char dir[64];    /* the agent's socket, state and log */
	char bpffs[64];
};

struct place place_of(pid_t pid);
int place_make(const struct place *place, struct bl_err *err);
/* Removes all of it, after agent and measuring process are gone. */
int place_clear(const struct place *place, struct bl_err *err);
/* Removes what runs left that are no more. */
int place_clear_dead(struct bl_err *err);

/* "bench-<pid>-<what>[<n>]"; n < 0: without */
void place_name(const struct place *place, const char *what, int n, char name[PLACE_NAME_MAX]);
/* A program with its arguments (ended by NULL) and standard input (or NULL), in a namespace (or -1). */
int place_run(int netns_fd, const char *const *argv, const char *input, struct bl_err *err);
/* Makes the namespace and opens it; without IPv6, so that nothing but our frames is in the air. */
int place_netns(const char *name, int *ret_fd, struct bl_err *err);
