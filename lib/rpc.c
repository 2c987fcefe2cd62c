// SPDX-License-Identifier: Apache-2.0
/*
 * One connection: its hello, the messages that come and go, and how it all ends. Bytes and
 * descriptors are rpc_wire.c's, the calls are rpc_call.c's.
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

#include "rpc_connection.h"

#define FRAMES_A_TURN 64 /* then other sources of the loop get theirs */

void rpc_release(struct bl_rpc *rpc)
{
	if (--rpc->busy == 0 && rpc->freed)
		free(rpc);
}

/* ---- sending ---- */

static void on_end(struct bl_timer *timer);

void rpc_fail_later(struct bl_rpc *rpc, const struct bl_err *why)
{
	if (rpc->why.code)
		return;
	rpc->why = *why;
	bl_io_remove(&rpc->io);
	bl_timer_arm(rpc->loop, &rpc->end, 0, on_end, rpc);
}

int rpc_send(struct bl_rpc *rpc, struct cJSON *message, const int *fds, unsigned int n_fds,
	     struct bl_err *err)
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
		rpc_fail_later(rpc, err);
	return r;
}

static void send_hello(struct bl_rpc *rpc, const char *program)
{
	struct cJSON *message = bl_json_object();
	struct cJSON *hello = bl_json_ensure(message, "hello");
	struct bl_err err = BL_ERR_INIT;

	bl_json_set_string(hello, "program", program);
	bl_json_set_number(hello, "protocol", BL_RPC_PROTOCOL);
	bl_json_set_string(hello, "version", BL_VERSION);
	rpc_send(rpc, message, NULL, 0, &err);
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
		rpc_handle_call(rpc, (uint64_t)id, message);
	else if (bl_json_get_bool(message, "cancel", false))
		rpc_handle_cancel(rpc, (uint64_t)id);
	else if (id > 0)
		rpc_handle_answer(rpc, (uint64_t)id, message);
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
			rpc_fail_later(rpc, &err);
		else if (!rpc->wire.first)
			bl_io_modify(&rpc->io, EPOLLIN);
	}
	rpc_release(rpc);
}

/* ---- life and end ---- */

static void on_end(struct bl_timer *timer)
{
	struct bl_rpc *rpc = timer->data;

	rpc->busy++;
	rpc_drop_calls(rpc);
	rpc_fail_pending(rpc, &rpc->why);
	if (!rpc->freed && rpc->ops->closed)
		rpc->ops->closed(rpc, &rpc->why);
	rpc_release(rpc);
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
	rpc_drop_calls(rpc);
	rpc_forget_pending(rpc);
	/* What was just answered still goes out when the socket takes it. */
	if (!rpc->why.code)
		wire_flush(&rpc->wire, NULL);
	wire_release(&rpc->wire);
	rpc_release(rpc);
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
