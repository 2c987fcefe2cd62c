/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls over a unix stream socket, used by the command to the agent and by the agent to launchers.
 *
 * On the wire a message is a 4-byte length in network order and that many bytes of JSON, with up to
 * BL_RPC_FDS_MAX descriptors attached to its first byte (SCM_RIGHTS):
 *
 *   {"hello": {"program": "beeline-agent", "protocol": 1, "version": "0.1.0"}}   first, both ways
 *   {"id": 7, "method": "apply", "params": {...}}                                a call
 *   {"id": 7, "event": {...}}                                                    progress of a call
 *   {"id": 7, "result": {...}}                                                   its end: success
 *   {"id": 7, "error": {"code": -2, "message": "..."}}                           its end: failure
 *   {"id": 7, "cancel": true}                                                    the caller lost interest
 *   {"seq": 12, "event": {...}}                                                  a notice of its own
 *
 * Either side may call. Members that a peer does not know are ignored, so that a release works with
 * the one before and after it. A message over the limit, garbage, or a peer that does not read (more
 * than BL_RPC_QUEUE_MAX bytes waiting) ends the connection.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <beeline/err.h>
#include <beeline/json.h>
#include <beeline/loop.h>

#define BL_RPC_PROTOCOL    1
#define BL_RPC_MESSAGE_MAX (4u * 1024 * 1024)
#define BL_RPC_QUEUE_MAX   (16u * 1024 * 1024)
#define BL_RPC_FDS_MAX     8

struct bl_rpc;      /* one connection */
struct bl_rpc_call; /* one call that a peer made of us and that is not answered yet */

/* What the owner of a connection provides; any member may be NULL. */
struct bl_rpc_ops {
	/* The peer calls. params (may be NULL) is borrowed for the duration of the call. fds is borrowed too:
	 * closed afterwards unless taken by setting the slot to -1. The handler answers now or later
	 * with exactly one of bl_rpc_reply()/bl_rpc_error(). */
	void (*call)(struct bl_rpc *rpc, struct bl_rpc_call *call, const char *method,
		     const struct cJSON *params, int *fds, unsigned int n_fds);
	/* The peer sent a notice. */
	void (*notice)(struct bl_rpc *rpc, uint64_t seq, const struct cJSON *event);
	/* The connection is gone; all our calls have been failed. Free the rpc now or later. */
	void (*closed)(struct bl_rpc *rpc, const struct bl_err *why);
};

/* Takes the connected socket (also on failure). ops and data are the owner's. */
int bl_rpc_new(struct bl_loop *loop, int fd, const char *program, const struct bl_rpc_ops *ops,
	       void *data, struct bl_rpc **ret_rpc, struct bl_err *err);
/* Sends what the socket takes at once, then closes. ops->closed is not called and our own calls end
 * without their done; the peer's calls are cancelled. */
void bl_rpc_free(struct bl_rpc *rpc);
void *bl_rpc_data(const struct bl_rpc *rpc);
struct ucred bl_rpc_peer(const struct bl_rpc *rpc);        /* SO_PEERCRED */
const char *bl_rpc_peer_version(const struct bl_rpc *rpc); /* "" before its hello */

/* Bytes that wait for the peer to read: a stream of progress should pause or skip when they pile up. */
size_t bl_rpc_backlog(const struct bl_rpc *rpc);

/* Answering. Each ends the call and frees it; result is taken. fds stay the caller's (dup'ed). */
void bl_rpc_reply(struct bl_rpc_call *call, struct cJSON *result);
void bl_rpc_reply_fds(struct bl_rpc_call *call, struct cJSON *result, const int *fds,
		      unsigned int n_fds);
void bl_rpc_error(struct bl_rpc_call *call, const struct bl_err *why);
/* Progress of a call that is not answered yet; event is taken. */
void bl_rpc_progress(struct bl_rpc_call *call, struct cJSON *event);
/* Called when the caller cancels or its connection dies before the answer; the call is freed after
 * it returns and must not be answered any more. Who does not ask to be told may answer later all the
 * same: the answer to a call that is gone goes nowhere. */
void bl_rpc_on_cancel(struct bl_rpc_call *call, void (*fn)(struct bl_rpc_call *call, void *data),
		      void *data);

/* Sends a notice of our own; event is taken. */
void bl_rpc_notify(struct bl_rpc *rpc, uint64_t seq, struct cJSON *event);

/* What becomes of a call of ours. event is called for each progress message (may be NULL); done
 * exactly once, with result or why. fds as in ops->call. */
struct bl_rpc_reply_ops {
	void (*event)(const struct cJSON *event, void *data);
	void (*done)(const struct cJSON *result, const struct bl_err *why, int *fds,
		     unsigned int n_fds, void *data);
};

/* No function of this header calls back before it returns: what fails at once fails from the loop.
 *
 * Calls the peer; params (may be NULL) is taken. timeout_ns 0 waits for ever. Returns the call's id, with which
 * bl_rpc_cancel() drops it (done is not called then). */
uint64_t bl_rpc_call(struct bl_rpc *rpc, const char *method, struct cJSON *params, const int *fds,
		     unsigned int n_fds, uint64_t timeout_ns, const struct bl_rpc_reply_ops *ops,
		     void *data);
void bl_rpc_cancel(struct bl_rpc *rpc, uint64_t id);

/* Unix sockets. Listening replaces a stale socket file (one that nobody answers on) and fails with
 * -EADDRINUSE when somebody does. */
int bl_unix_listen(const char *path, mode_t mode, int *ret_fd, struct bl_err *err);
int bl_unix_connect(const char *path, int *ret_fd, struct bl_err *err);
/* Below a directory that another user controls: no link is followed (via /proc/self/fd). */
int bl_unix_connect_beneath(int dir_fd, const char *path, int *ret_fd, struct bl_err *err);
