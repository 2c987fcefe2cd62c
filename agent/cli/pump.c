/* SPDX-License-Identifier: Apache-2.0 */
/* Carries bytes both ways; see pump.h. */
#include "pump.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 4096 /* PIPE_BUF: a writable pipe takes that much without blocking */

struct chunk {
	char bytes[CHUNK];
	size_t begin, end;
};

struct state {
	const struct pump *pump;
	struct chunk to_peer, to_user;
	bool input_ended, peer_closed, escaped;
};

enum { IN, OUT, PEER, SIGNALS, N_FDS };

static bool is_empty(const struct chunk *chunk)
{
	return chunk->begin == chunk->end;
}

/* What is behind the escape byte is not sent. */
static void find_escape(struct state *state)
{
	struct chunk *chunk = &state->to_peer;
	const char *at;

	if (state->pump->escape == PUMP_NO_ESCAPE)
		return;
	at = memchr(chunk->bytes, state->pump->escape, chunk->end);
	if (!at)
		return;
	chunk->end = (size_t)(at - chunk->bytes);
	state->escaped = true;
}

static bool is_transient(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static void read_input(struct state *state)
{
	struct chunk *chunk = &state->to_peer;
	ssize_t n = read(state->pump->in, chunk->bytes, CHUNK);

	if (n < 0 && is_transient())
		return;
	if (n <= 0) {
		state->input_ended = true;
		return;
	}
	chunk->begin = 0;
	chunk->end = (size_t)n;
	find_escape(state);
}

static void read_peer(struct state *state)
{
	struct chunk *chunk = &state->to_user;
	ssize_t n = recv(state->pump->peer, chunk->bytes, CHUNK, MSG_DONTWAIT);

	if (n < 0 && is_transient())
		return;
	if (n <= 0) {
		state->peer_closed = true;
		return;
	}
	chunk->begin = 0;
	chunk->end = (size_t)n;
}

static void write_peer(struct state *state)
{
	struct chunk *chunk = &state->to_peer;
	ssize_t n = send(state->pump->peer, chunk->bytes + chunk->begin, chunk->end - chunk->begin,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0)
		chunk->begin += (size_t)n;
	else if (!is_transient())
		state->peer_closed = true;
}

/* Returns whether output is still open. */
static bool write_output(struct state *state)
{
	struct chunk *chunk = &state->to_user;
	ssize_t n = write(state->pump->out, chunk->bytes + chunk->begin, chunk->end - chunk->begin);

	if (n >= 0)
		chunk->begin += (size_t)n;
	return n >= 0 || is_transient();
}

static void want(const struct state *state, struct pollfd fds[N_FDS])
{
	const struct pump *pump = state->pump;
	bool reads_input = !state->input_ended && !state->escaped && is_empty(&state->to_peer);
	bool reads_peer = !state->peer_closed && is_empty(&state->to_user);
	short peer = (short)((reads_peer ? POLLIN : 0) | (is_empty(&state->to_peer) ? 0 : POLLOUT));

	fds[IN] = (struct pollfd){reads_input ? pump->in : -1, POLLIN, 0};
	fds[OUT] = (struct pollfd){is_empty(&state->to_user) ? -1 : pump->out, POLLOUT, 0};
	fds[PEER] = (struct pollfd){peer ? pump->peer : -1, peer, 0};
	fds[SIGNALS] = (struct pollfd){pump->signals, POLLIN, 0};
}

static bool has_ended(const struct state *state, enum pump_end *ret_end)
{
	if (state->peer_closed && is_empty(&state->to_user))
		*ret_end = PUMP_PEER_CLOSED;
	else if (state->escaped && is_empty(&state->to_peer))
		*ret_end = PUMP_ESCAPE;
	else
		return false;
	return true;
}

/* One round; returns true when it was the last. */
static bool carry(struct state *state, struct pollfd fds[N_FDS], enum pump_end *ret_end)
{
	if (fds[SIGNALS].revents) {
		*ret_end = PUMP_SIGNAL;
		return true;
	}
	if (fds[OUT].revents && !write_output(state)) {
		*ret_end = PUMP_OUTPUT_CLOSED;
		return true;
	}
	if (fds[PEER].revents & POLLOUT)
		write_peer(state);
	if (fds[PEER].revents && is_empty(&state->to_user))
		read_peer(state);
	if (fds[IN].revents)
		read_input(state);
	return has_ended(state, ret_end);
}

int pump_run(const struct pump *pump, enum pump_end *ret_end, struct bl_err *err)
{
	struct state state = {.pump = pump};

	for (;;) {
		struct pollfd fds[N_FDS];
		bool lingers = state.input_ended && is_empty(&state.to_peer);
		int n;

		want(&state, fds);
		n = poll(fds, N_FDS, lingers ? pump->linger_ms : -1);
		if (n < 0 && errno != EINTR)
			return bl_fail_errno(err, -errno, "waiting for the console");
		if (n == 0) {
			*ret_end = PUMP_INPUT_ENDED;
			return 0;
		}
		if (n > 0 && carry(&state, fds, ret_end))
			return 0;
	}
}
