// SPDX-License-Identifier: Apache-2.0
/*
 * Calls both ways over one connection: who asked what, who waits for what, and how it all ends when
 * the connection does. Bytes and descriptors are rpc_wire.c's.
 *
 * Sending only queues; the socket is written from the loop. So no function of the public interface
 * calls back before it returns, and a failure found while sending is told from the loop, by the
 * `end` timer. Callbacks may free the connection: `busy` holds the memory until they have returned.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <beeline/file.h>
#include <beeline/rpc.h>
#include <beeline/version.h>

#include "rpc_wire.h"

#define CALLS_MAX     1024 /* of the peer, unanswered */
#define FRAMES_A_TURN 64   /* then other sources of the loop get theirs */
#define ERRNO_MAX     4095

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

static void release(struct bl_rpc *rpc)
{
	if (--rpc->busy == 0 && rpc->freed)
		free(rpc);
}

/* ---- sending ---- */

static void on_end(struct bl_timer *timer);

/* The connection is done for; its owner hears of it from the loop. */
static void fail_later(struct bl_rpc *rpc, const struct bl_err *why)
{
	if (rpc->why.code)
		return;
	rpc->why = *why;
	bl_io_remove(&rpc->io);
	bl_timer_arm(rpc->loop, &rpc->end, 0, on_end, rpc);
}

/* Takes message. 0, or what is wrong with this message; a connection that fails fails later. */
static int send_message(struct bl_rpc *rpc, struct cJSON *message, const int *fds,
			unsigned int n_fds, struct bl_err *err)
{
	char *text = bl_json_print(message);
	int r;

	bl_json_free(message);
	if (rpc->why.code) {
		free(text);
		return bl_fail(err, rpc->why.code, "%s", rpc->why.message);
	}
	r = wire_queue(&rpc->wire, text, fds, n_fds, err);
	if (r == 0)
		bl_io_modify(&rpc->io, EPOLLIN | EPOLLOUT);
	else if (r != -EMSGSIZE)
		fail_later(rpc, err);
	return r;
}

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

static void send_hello(struct bl_rpc *rpc, const char *program)
{
	struct cJSON *message = bl_json_object();
	struct cJSON *hello = bl_json_ensure(message, "hello");
	struct bl_err err = BL_ERR_INIT;

	bl_json_set_string(hello, "program", program);
	bl_json_set_number(hello, "protocol", BL_RPC_PROTOCOL);
	bl_json_set_string(hello, "version", BL_VERSION);
	send_message(rpc, message, NULL, 0, &err);
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
	else if (send_message(rpc, message, fds, n_fds, &err) == -EMSGSIZE)
		send_message(rpc, message_new(id, "error", error_new(&err)), NULL, 0, &err);
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
	else if (send_message(call->rpc, message, NULL, 0, &err) == -EMSGSIZE)
		fail_later(call->rpc, &err);
}

void bl_rpc_notify(struct bl_rpc *rpc, uint64_t seq, struct cJSON *event)
{
	struct cJSON *message = bl_json_object();
	struct bl_err err = BL_ERR_INIT;

	bl_json_set_number(message, "seq", (double)seq);
	bl_json_set(message, "event", event);
	/* A notice that is left out would be a lie by omission: end the connection instead. */
	if (send_message(rpc, message, NULL, 0, &err) == -EMSGSIZE)
		fail_later(rpc, &err);
}

static void handle_call(struct bl_rpc *rpc, uint64_t id, const struct cJSON *message)
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

static void handle_cancel(struct bl_rpc *rpc, uint64_t id)
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

	send_message(rpc, message_new(id, "cancel", bl_json_bool(true)), NULL, 0, &err);
}

static void on_pending_timer(struct bl_timer *timer)
{
	struct pending *pending = timer->data;
	struct bl_rpc *rpc = pending->rpc;

	rpc->busy++;
	if (pending->why.code == -ETIMEDOUT)
		send_cancel(rpc, pending->id);
	pending_finish(pending, NULL, &pending->why);
	release(rpc);
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
	r = send_message(rpc, message, fds, n_fds, &pending->why);
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

static void handle_answer(struct bl_rpc *rpc, uint64_t id, const struct cJSON *message)
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

/* ---- receiving ---- */

static int handle_hello(struct bl_rpc *rpc, const struct cJSON *message, struct bl_err *err)
{
	const struct cJSON *hello = bl_json_member(message, "hello");
	double protocol = bl_json_get_number(hello, "protocol", -1);
	const char *version = bl_json_get_string(hello, "version");

	if (!bl_json_is_object(hello))
		return bl_fail(err, -EPROTO, "the other side did not say hello");
	/* One release apart is fine; beyond that nobody has tried. */
	if (!(protocol >= BL_RPC_PROTOCOL - 1 && protocol <= BL_RPC_PROTOCOL + 1))
		return bl_fail(err, -EPROTO, "the other side speaks protocol %.0f, this one %d",
			       protocol, BL_RPC_PROTOCOL);
	if (version)
		strncat(rpc->peer_version, version, sizeof(rpc->peer_version) - 1);
	rpc->greeted = true;
	return 0;
}

static int handle(struct bl_rpc *rpc, const struct cJSON *message, struct bl_err *err)
{
	double id = bl_json_get_number(message, "id", 0);
	const struct cJSON *event = bl_json_member(message, "event");

	if (!rpc->greeted)
		return handle_hello(rpc, message, err);
	if (!(id >= 0 && id <= (double)(1ull << 53)))
		return bl_fail(err, -EPROTO, "the other side sent an impossible call number");
	if (bl_json_get_string(message, "method"))
		handle_call(rpc, (uint64_t)id, message);
	else if (bl_json_get_bool(message, "cancel", false))
		handle_cancel(rpc, (uint64_t)id);
	else if (id > 0)
		handle_answer(rpc, (uint64_t)id, message);
	else if (event && rpc->ops->notice)
		rpc->ops->notice(rpc, (uint64_t)bl_json_get_number(message, "seq", 0), event);
	return 0;
}

static int handle_frame(struct bl_rpc *rpc, struct bl_err *err)
{
	bl_auto_json struct cJSON *message = NULL;
	int r = bl_json_parse(rpc->wire.body, rpc->wire.body_len, &message, err);

	if (r < 0)
		return bl_wrap(err, "the other side sent no message");
	if (!bl_json_is_object(message))
		return bl_fail(err, -EPROTO, "the other side sent no object");
	return handle(rpc, message, err);
}

/* Reads and handles what is there; WIRE_FRAME when there is more. */
static int read_frames(struct bl_rpc *rpc, struct bl_err *err)
{
	for (int i = 0; i < FRAMES_A_TURN; i++) {
		int r = wire_read(&rpc->wire, err);

		if (r <= 0)
			return r;
		r = handle_frame(rpc, err);
		if (rpc->freed || rpc->why.code)
			return 0;
		wire_next(&rpc->wire);
		if (r < 0)
			return r;
	}
	return WIRE_FRAME;
}

static void on_io(struct bl_io *io, uint32_t events)
{
	struct bl_rpc *rpc = io->data;
	struct bl_err err = BL_ERR_INIT;
	int r = 0;

	rpc->busy++;
	if (events & ~(uint32_t)EPOLLOUT)
		r = read_frames(rpc, &err);
	if (!rpc->freed && !rpc->why.code && r >= 0) {
		r = wire_flush(&rpc->wire, &err);
		/* A peer that answered and left: what it said before comes first. */
		if (r < 0 && read_frames(rpc, NULL) == WIRE_FRAME)
			r = 0;
	}
	if (!rpc->freed && !rpc->why.code) {
		if (r < 0)
			fail_later(rpc, &err);
		else if (!rpc->wire.first)
			bl_io_modify(&rpc->io, EPOLLIN);
	}
	release(rpc);
}

/* ---- life and end ---- */

static void drop_calls(struct bl_rpc *rpc)
{
	while (rpc->calls)
		call_drop(rpc->calls);
}

static void on_end(struct bl_timer *timer)
{
	struct bl_rpc *rpc = timer->data;

	rpc->busy++;
	drop_calls(rpc);
	while (!rpc->freed && rpc->pending)
		pending_finish(rpc->pending, NULL, &rpc->why);
	if (!rpc->freed && rpc->ops->closed)
		rpc->ops->closed(rpc, &rpc->why);
	release(rpc);
}

int bl_rpc_new(struct bl_loop *loop, int fd, const char *program, const struct bl_rpc_ops *ops,
	       void *data, struct bl_rpc **ret_rpc, struct bl_err *err)
{
	bl_autofree struct bl_rpc *rpc = bl_alloc(sizeof(*rpc));
	socklen_t len = sizeof(rpc->peer);
	int r;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &rpc->peer, &len) < 0) {
		r = bl_fail_errno(err, -errno, "asking who the other side is");
		close(fd);
		return r;
	}
	rpc->loop = loop;
	rpc->ops = ops;
	rpc->data = data;
	wire_init(&rpc->wire, fd);
	r = bl_io_add(loop, &rpc->io, fd, EPOLLIN, on_io, rpc, err);
	if (r < 0) {
		wire_release(&rpc->wire);
		return r;
	}
	send_hello(rpc, program);
	*ret_rpc = bl_take_ptr(rpc);
	return 0;
}

void bl_rpc_free(struct bl_rpc *rpc)
{
	if (!rpc || rpc->freed)
		return;
	rpc->busy++;
	rpc->freed = true;
	bl_io_remove(&rpc->io);
	bl_timer_disarm(&rpc->end);
	drop_calls(rpc);
	while (rpc->pending) {
		struct pending *pending = rpc->pending;

		pending_unlink(pending);
		free(pending);
	}
	/* What was just answered still goes out when the socket takes it. */
	if (!rpc->why.code)
		wire_flush(&rpc->wire, NULL);
	wire_release(&rpc->wire);
	release(rpc);
}

void *bl_rpc_data(const struct bl_rpc *rpc)
{
	return rpc->data;
}

struct ucred bl_rpc_peer(const struct bl_rpc *rpc)
{
	return rpc->peer;
}

const char *bl_rpc_peer_version(const struct bl_rpc *rpc)
{
	return rpc->peer_version;
}

size_t bl_rpc_backlog(const struct bl_rpc *rpc)
{
	return rpc->wire.queued_bytes;
}
