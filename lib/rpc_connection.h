/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection as its two files see it: rpc.c has its life and its messages, rpc_call.c has the
 * calls that go over it. Private to rpc.
 */
#pragma once

#include <beeline/rpc.h>

#include "rpc_wire.h"

struct pending; /* a call that we made of the peer */

struct bl_rpc {
	struct bl_loop *loop;
	const struct bl_rpc_ops *ops;
	void *data;
	struct wire wire;
	struct bl_io io;
	struct bl_timer end;
	struct ucred peer;
	char peer_version[64];
	bool greeted; /* the peer's hello came */
	bool freed;   /* by its owner, while busy */
	unsigned int busy;
	struct bl_err why; /* code is set once the connection has failed */
	uint64_t last_id;
	struct bl_rpc_call *calls;
	unsigned int n_calls;
	struct pending *pending;
};

/* Callbacks may free the connection: between busy++ and this its memory stays. */
void rpc_release(struct bl_rpc *rpc);
/* The connection is done for; its owner hears of it from the loop. */
void rpc_fail_later(struct bl_rpc *rpc, const struct bl_err *why);
/* Takes message. 0, or what is wrong with this message; a connection that fails fails later. */
int rpc_send(struct bl_rpc *rpc, struct cJSON *message, const int *fds, unsigned int n_fds,
	     struct bl_err *err);

void rpc_handle_call(struct bl_rpc *rpc, uint64_t id, const struct cJSON *message);
void rpc_handle_cancel(struct bl_rpc *rpc, uint64_t id);
void rpc_handle_answer(struct bl_rpc *rpc, uint64_t id, const struct cJSON *message);

/* Cancels the peer's calls; ends ours with why; forgets ours without a word. */
void rpc_drop_calls(struct bl_rpc *rpc);
void rpc_fail_pending(struct bl_rpc *rpc, const struct bl_err *why);
void rpc_forget_pending(struct bl_rpc *rpc);
