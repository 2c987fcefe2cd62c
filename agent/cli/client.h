/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command's side of the agent's socket: connect, ask, wait. A verb that only asks uses
 * client_call(); one that watches several things at once uses the loop and rpc.h itself.
 */
#pragma once

#include <beeline/cleanup.h>
#include <beeline/err.h>
#include <beeline/json.h>
#include <beeline/loop.h>
#include <beeline/rpc.h>

struct client {
	struct bl_loop *loop;
	struct bl_rpc *rpc;
};

/* Connects; the error says how to start the agent when nobody answers. */
int client_open(const char *socket, struct client *ret_client, struct bl_err *err);
void client_close(struct client *client);
#define CLIENT_INIT ((struct client){0})
#define client_auto bl_cleanup(client_close)

/* One call and what comes back. */
struct client_call {
	const char *method;
	struct cJSON *params; /* taken */
	int fd;               /* sent along; -1: none; stays the caller's */
	/* progress; may be NULL */
	void (*event)(const struct cJSON *event, void *data);
	void *data;
};
/* Waits for the answer. *ret_result (may be NULL) is the caller's; *ret_fd (may be NULL: none is
 * expected) is too, and a missing one is an error. */
int client_call(struct client *client, const struct client_call *call, struct cJSON **ret_result,
		int *ret_fd, struct bl_err *err);
/* The plain case: no descriptors, no progress. params is taken. */
int client_ask(struct client *client, const char *method, struct cJSON *params,
	       struct cJSON **ret_result, struct bl_err *err);

/* {"kind", "namespace", "name"}; a NULL is left out. The caller owns the result. */
struct cJSON *client_reference(const char *kind, const char *namespace, const char *name);

/* "gracePeriodSeconds" of a call that may end a guest; negative: as its manifest says. */
void client_set_grace(struct cJSON *params, long grace_s);

#define NAMESPACE_DEFAULT "default"

/* Connects, asks and leaves: for a verb that has one question. */
int client_ask_once(const char *socket, const char *method, struct cJSON *params,
		    struct cJSON **ret_result, struct bl_err *err);
