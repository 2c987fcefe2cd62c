// SPDX-License-Identifier: Apache-2.0
/*
 * The calls of a connection: those that the peer made of us and that are not answered yet, and those
 * that we made of it. Nothing here reads or writes the socket.
 */
#include <errno.h>
#include <stdlib.h>

#include <beeline/file.h>

#include "rpc_connection.h"

#define CALLS_MAX 1024 /* of the peer, unanswered */
#define ERRNO_MAX 4095

/* A call that the peer made of us. rpc is NULL once the peer cannot be answered any more. */
struct bl_rpc_call {
	struct bl_rpc *rpc;
	uint64_t id;
	void (*on_cancel)(struct bl_rpc_call *call, void *data);
	void *data;
	struct bl_rpc_call *next;
};

/* A call that we made of the peer. */
struct pending {
	struct bl_rpc *rpc;
	uint64_t id;
	const struct bl_rpc_reply_ops *ops;
	void *data;
	struct bl_timer timer;
	struct bl_err why; /* what the timer tells */
	struct pending *next;
};

static struct cJSON *message_new(uint64_t id, const char *key, struct cJSON *value)
{
	struct cJSON *message = bl_json_object();

	bl_json_set_number(message, "id", (double)id);
	bl_json_set(message, key, value ? value : bl_json_object());
	return message;
}

static struct cJSON *error_new(const struct bl_err *why)
{
	struct cJSON *error = bl_json_object();

	bl_json_set_number(error, "code", why->code ? why->code : -EIO);
	bl_json_set_string(error, "message", why->message);
	return error;
}

/* ---- calls of the peer ---- */

static void call_unlink(struct bl_rpc_call *call)
{
	struct bl_rpc_call **at;

	if (!call->rpc)
		return;
	for (at = &call->rpc->calls; *at != call;)
		at = &(*at)->next;
	*at = call->next;
	call->rpc->n_calls--;
	call->rpc = NULL;
}

/* Nobody waits for the answer any more. A call whose handler did not ask to be told lives on, so
 * that its answer finds it; it just goes nowhere. */
static void call_drop(struct bl_rpc_call *call)
{
	call_unlink(call);
	if (!call->on_cancel)
		return;
	call->on_cancel(call, call->data);
	free(call);
}

void bl_rpc_on_cancel(struct bl_rpc_call *call, void (*fn)(struct bl_rpc_call *call, void *data),
		      void *data)
{
	call->on_cancel = fn;
	call->data = data;
}

static void answer(struct bl_rpc_call *call, struct cJSON *message, const int *fds,
		   unsigned int n_fds)
{
	struct bl_rpc *rpc = call->rpc;
	uint64_t id = call->id;
	struct bl_err err = BL_ERR_INIT;

	call_unlink(call);
	free(call);
	if (!rpc)
		bl_json_free(message);
	else if (rpc_send(rpc, message, fds, n_fds, &err) == -EMSGSIZE)
		rpc_send(rpc, message_new(id, "error", error_new(&err)), NULL, 0, &err);
}

void bl_rpc_reply_fds(struct bl_rpc_call *call, struct cJSON *result, const int *fds,
		      unsigned int n_fds)
{
	answer(call, message_new(call->id, "result", result), fds, n_fds);
}

void bl_rpc_reply(struct bl_rpc_call *call, struct cJSON *result)
{
	bl_rpc_reply_fds(call, result, NULL, 0);
}

void bl_rpc_error(struct bl_rpc_call *call, const struct bl_err *why)
{
	answer(call, message_new(call->id, "error", error_new(why)), NULL, 0);
}

void bl_rpc_progress(struct bl_rpc_call *call, struct cJSON *event)
{
	struct cJSON *message = message_new(call->id, "event", event);
	struct bl_err err = BL_ERR_INIT;

	if (!call->rpc)
		bl_json_free(message);
	else if (rpc_send(call->rpc, message, NULL, 0, &err) == -EMSGSIZE)
		rpc_fail_later(call->rpc, &err);
}

void bl_rpc_notify(struct bl_rpc *rpc, uint64_t seq, struct cJSON *event)
{
	struct cJSON *message = bl_json_object();
	struct bl_err err = BL_ERR_INIT;

	bl_json_set_number(message, "seq", (double)seq);
	bl_json_set(message, "event", event);
	/* A notice that is left out would be a lie by omission: end the connection instead. */
	if (rpc_send(rpc, message, NULL, 0, &err) == -EMSGSIZE)
		rpc_fail_later(rpc, &err);
}

void rpc_handle_call(struct bl_rpc *rpc, uint64_t id, const struct cJSON *message)
{
	struct bl_rpc_call *call = bl_alloc(sizeof(*call));
	struct bl_err err = BL_ERR_INIT;

	call->rpc = rpc;
	call->id = id;
	call->next = rpc->calls;
	rpc->calls = call;
	if (++rpc->n_calls > CALLS_MAX)
		bl_fail(&err, -EBUSY, "more than %d calls are unanswered", CALLS_MAX);
	else if (!rpc->ops->call)
		bl_fail(&err, -ENOSYS, "nothing can be called here");
	if (err.code) {
		bl_rpc_error(call, &err);
		return;
	}
	rpc->ops->call(rpc, call, bl_json_get_string(message, "method"),
		       bl_json_member(message, "params"), rpc->wire.fds, rpc->wire.n_fds);
}

void rpc_handle_cancel(struct bl_rpc *rpc, uint64_t id)
{
	for (struct bl_rpc_call *call = rpc->calls; call; call = call->next) {
		if (call->id != id)
			continue;
		/* One that cannot be told goes on, and counts, until it is answered. */
		if (call->on_cancel)
			call_drop(call);
		return;
	}
}

void rpc_drop_calls(struct bl_rpc *rpc)
{
	while (rpc->calls)
		call_drop(rpc->calls);
}

/* ---- calls of ours ---- */

static void pending_unlink(struct pending *pending)
{
	struct pending **at = &pending->rpc->pending;

	while (*at != pending)
		at = &(*at)->next;
	*at = pending->next;
	bl_timer_disarm(&pending->timer);
}

static struct pending *pending_find(struct bl_rpc *rpc, uint64_t id)
{
	struct pending *pending = rpc->pending;

	while (pending && pending->id != id)
		pending = pending->next;
	return pending;
}

/* Ends the call: out of the list first, since done may call again or free the connection. */
static void pending_finish(struct pending *pending, const struct cJSON *result,
			   const struct bl_err *why)
{
	struct wire *wire = &pending->rpc->wire;

	pending_unlink(pending);
	pending->ops->done(result, why, result ? wire->fds : NULL, result ? wire->n_fds : 0,
			   pending->data);
	free(pending);
}

static void send_cancel(struct bl_rpc *rpc, uint64_t id)
{
	struct bl_err err = BL_ERR_INIT;

	rpc_send(rpc, message_new(id, "cancel", bl_json_bool(true)), NULL, 0, &err);
}

static void on_pending_timer(struct bl_timer *timer)
{
	struct pending *pending = timer->data;
	struct bl_rpc *rpc = pending->rpc;

	rpc->busy++;
	if (pending->why.code == -ETIMEDOUT)
		send_cancel(rpc, pending->id);
	pending_finish(pending, NULL, &pending->why);
	rpc_release(rpc);
}

uint64_t bl_rpc_call(struct bl_rpc *rpc, const char *method, struct cJSON *params, const int *fds,
		     unsigned int n_fds, uint64_t timeout_ns, const struct bl_rpc_reply_ops *ops,
		     void *data)
{
	struct pending *pending = bl_alloc(sizeof(*pending));
	struct cJSON *message;
	int r;

	pending->rpc = rpc;
	pending->id = ++rpc->last_id;
	pending->ops = ops;
	pending->data = data;
	pending->next = rpc->pending;
	rpc->pending = pending;
	message = message_new(pending->id, "params", params);
	bl_json_set_string(message, "method", method);
	r = rpc_send(rpc, message, fds, n_fds, &pending->why);
	if (r == 0 && timeout_ns)
		bl_fail(&pending->why, -ETIMEDOUT, "no answer to '%s' in time", method);
	if (pending->why.code)
		bl_timer_arm(rpc->loop, &pending->timer, r == 0 ? timeout_ns : 0, on_pending_timer,
			     pending);
	return pending->id;
}

void bl_rpc_cancel(struct bl_rpc *rpc, uint64_t id)
{
	struct pending *pending = pending_find(rpc, id);

	if (!pending)
		return;
	pending_unlink(pending);
	free(pending);
	send_cancel(rpc, id);
}

static void handle_error(struct pending *pending, const struct cJSON *error)
{
	const char *text = bl_json_get_string(error, "message");
	double code = bl_json_get_number(error, "code", -EIO);
	struct bl_err why = BL_ERR_INIT;

	if (!(code >= -ERRNO_MAX && code <= -1))
		code = -EIO;
	bl_fail(&why, (int)code, "%s", text ? text : "the other side failed without a word");
	pending_finish(pending, NULL, &why);
}

void rpc_handle_answer(struct bl_rpc *rpc, uint64_t id, const struct cJSON *message)
{
	const struct cJSON *result = bl_json_member(message, "result");
	const struct cJSON *error = bl_json_member(message, "error");
	const struct cJSON *event = bl_json_member(message, "event");
	struct pending *pending = pending_find(rpc, id);

	/* The answer to a call that was cancelled or timed out meanwhile. */
	if (!pending)
		return;
	if (error)
		handle_error(pending, error);
	else if (result)
		pending_finish(pending, result, NULL);
	else if (event && pending->ops->event)
		pending->ops->event(event, pending->data);
}

void rpc_fail_pending(struct bl_rpc *rpc, const struct bl_err *why)
{
	while (!rpc->freed && rpc->pending)
		pending_finish(rpc->pending, NULL, why);
}

void rpc_forget_pending(struct bl_rpc *rpc)
{
	while (rpc->pending) {
		struct pending *pending = rpc->pending;

		pending_unlink(pending);
		free(pending);
	}
}
