// SPDX-License-Identifier: Apache-2.0
/*
 * A connection whose peer sends these bytes and hangs up: it ends exactly once, and every call of
 * ours with it. The first byte says whether a good hello goes ahead.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <beeline/rpc.h>

#define HELLO "{\"hello\":{\"program\":\"x\",\"protocol\":1,\"version\":\"1\"}}"

struct state {
	int closed, done;
};

static void on_call(struct bl_rpc *rpc, struct bl_rpc_call *call, const char *method,
		    const struct cJSON *params, int *fds, unsigned int n_fds)
{
	bl_rpc_progress(call, bl_json_copy(params));
	bl_rpc_reply_fds(call, bl_json_string(method), fds, n_fds);
}

static void on_closed(struct bl_rpc *rpc, const struct bl_err *why)
{
	struct state *state = bl_rpc_data(rpc);

	state->closed++;
}

static void on_done(const struct cJSON *result, const struct bl_err *why, int *fds,
		    unsigned int n_fds, void *data)
{
	struct state *state = data;

	state->done++;
}

static const struct bl_rpc_ops ops = {.call = on_call, .closed = on_closed};
static const struct bl_rpc_reply_ops reply_ops = {.done = on_done};

static void feed(int fd, const uint8_t *data, size_t size)
{
	uint32_t len_be = htonl(sizeof(HELLO) - 1);

	if (size && data[0] & 1 &&
	    (send(fd, &len_be, 4, 0) < 0 || send(fd, HELLO, sizeof(HELLO) - 1, 0) < 0))
		abort();
	if (size > 1 && send(fd, data + 1, size - 1, MSG_DONTWAIT) < 0)
		abort();
	shutdown(fd, SHUT_WR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state state = {0};
	struct bl_loop *loop;
	struct bl_rpc *rpc;
	int fds[2];

	if (bl_loop_new(&loop, NULL) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ||
	    bl_rpc_new(loop, fds[0], "fuzz", &ops, &state, &rpc, NULL) < 0)
		abort();
	bl_rpc_call(rpc, "x", NULL, NULL, 0, 0, &reply_ops, &state);
	feed(fds[1], data, size);
	while (!state.closed)
		if (bl_loop_once(loop, -1) < 0)
			abort();
	if (state.closed != 1 || state.done != 1)
		abort();
	bl_rpc_free(rpc);
	bl_loop_free(loop);
	close(fds[1]);
	return 0;
}
