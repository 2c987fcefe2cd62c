// SPDX-License-Identifier: Apache-2.0
/* Raw bytes of a hostile peer against one end of a connection. */
#include "unit.h"
#include "unit_loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <beeline/rpc.h>

struct side {
	struct bl_rpc *rpc;
	int closed, calls;
	struct bl_err why;
};

static void on_call(struct bl_rpc *rpc, struct bl_rpc_call *call, const char *method,
		    const struct cJSON *params, int *fds, unsigned int n_fds)
{
	struct side *side = bl_rpc_data(rpc);

	side->calls++;
	bl_rpc_reply(call, NULL);
}

static void on_closed(struct bl_rpc *rpc, const struct bl_err *why)
{
	struct side *side = bl_rpc_data(rpc);

	side->closed++;
	side->why = *why;
}

static const struct bl_rpc_ops ops = {.call = on_call, .closed = on_closed};

static int setup(void **state)
{
	return bl_loop_new((struct bl_loop **)state, NULL);
}

static int teardown(void **state)
{
	bl_loop_free(*state);
	return 0;
}

#define HELLO "{\"hello\":{\"program\":\"x\",\"protocol\":1,\"version\":\"9\"}}"

struct hostile {
	const char *name;
	const char *text; /* sent as a frame after the hello unless no_hello */
	bool no_hello;
	uint32_t announce; /* length in the head; 0: the true one */
	bool hang_up;      /* close after sending */
	int code;
	const char *words;
};

static const struct hostile hostiles[] = {
	{"length over the limit", "{}", .announce = BL_RPC_MESSAGE_MAX + 1, .code = -EPROTO,
	 .words = "announced"},
	{"length of all ones", "{}", .announce = 0xffffffff, .code = -EPROTO, .words = "announced"},
	{"empty message", "", .code = -EPROTO, .words = "announced a message of 0"},
	{"garbage", "\x01\x02garbage", .code = -EINVAL, .words = "no message"},
	{"no object", "[1]", .code = -EPROTO, .words = "no object"},
	{"half a frame", "{\"id\":1", .announce = 100, .hang_up = true, .code = -EPROTO,
	 .words = "in the middle"},
	{"no hello", "{\"id\":1,\"method\":\"echo\"}", .no_hello = true, .code = -EPROTO,
	 .words = "hello"},
	{"other protocol", "{\"hello\":{\"protocol\":9}}", .no_hello = true, .code = -EPROTO,
	 .words = "protocol 9"},
	{"negative id", "{\"id\":-1,\"method\":\"echo\"}", .code = -EPROTO, .words = "impossible"},
	{"huge id", "{\"id\":1e300,\"method\":\"echo\"}", .code = -EPROTO, .words = "impossible"},
	{"duplicate key", "{\"id\":1,\"id\":2}", .code = -EINVAL, .words = "twice"},
	{"plain end", NULL, .hang_up = true, .code = -EPIPE, .words = "closed"},
};

static void send_frame(int fd, const char *text, uint32_t announce)
{
	uint32_t len_be = htonl(announce ? announce : (uint32_t)strlen(text));

	assert_int_equal(send(fd, &len_be, 4, MSG_NOSIGNAL), 4);
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void test_hostile_peers(void **state)
{
	struct bl_loop *loop = *state;

	for (size_t i = 0; i < sizeof(hostiles) / sizeof(hostiles[0]); i++) {
		const struct hostile *hostile = &hostiles[i];
		struct side side = {0};
		int fds[2];

		print_message("%s\n", hostile->name);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		assert_int_equal(bl_rpc_new(loop, fds[0], "a", &ops, &side, &side.rpc, NULL), 0);
		if (!hostile->no_hello)
			send_frame(fds[1], HELLO, 0);
		if (hostile->text)
			send_frame(fds[1], hostile->text, hostile->announce);
		if (hostile->hang_up)
			shutdown(fds[1], SHUT_WR);
		run_until(loop, side.closed);
		assert_int_equal(side.why.code, hostile->code);
		assert_non_null(strstr(side.why.message, hostile->words));
		bl_rpc_free(side.rpc);
		close(fds[1]);
	}
}

static void test_strange_but_harmless(void **state)
{
	static const char *const messages[] = {"{}",
					       "{\"id\":99,\"result\":{}}",
					       "{\"id\":99,\"cancel\":true}",
					       "{\"id\":99,\"error\":5}",
					       "{\"seq\":\"x\",\"event\":[]}",
					       "{\"future\":{\"x\":1}}"};
	struct bl_loop *loop = *state;
	struct side side = {0};
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(bl_rpc_new(loop, fds[0], "a", &ops, &side, &side.rpc, NULL), 0);
	send_frame(fds[1], HELLO, 0);
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		send_frame(fds[1], messages[i], 0);
	send_frame(fds[1], "{\"id\":1,\"method\":\"echo\"}", 0);
	run_until(loop, side.calls == 1);
	assert_int_equal(side.closed, 0);
	bl_rpc_free(side.rpc);
	close(fds[1]);
}

static void send_with_fds(int fd, int n_fds, int copy)
{
	char control[CMSG_SPACE(64 * sizeof(int))] = {0};
	struct iovec iov = {.iov_base = "\0", .iov_len = 1};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = CMSG_SPACE((size_t)n_fds * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN((size_t)n_fds * sizeof(int));
	for (int i = 0; i < n_fds; i++)
		memcpy(CMSG_DATA(c) + (size_t)i * sizeof(int), &copy, sizeof(int));
	assert_int_equal(sendmsg(fd, &message, 0), 1);
}

/* More descriptors than allowed: in one piece (the kernel cuts them) or byte by byte. */
static void test_too_many_descriptors(void **state)
{
	struct bl_loop *loop = *state;

	for (int pieces = 1; pieces <= 3; pieces += 2) {
		struct side side = {0};
		int fds[2], ends[2];
		char byte;

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		assert_int_equal(bl_rpc_new(loop, fds[0], "a", &ops, &side, &side.rpc, NULL), 0);
		for (int i = 0; i < pieces; i++)
			send_with_fds(fds[1], pieces == 1 ? BL_RPC_FDS_MAX + 1 : 4, ends[1]);
		close(ends[1]);
		run_until(loop, side.closed);
		assert_int_equal(side.why.code, -EPROTO);
		bl_rpc_free(side.rpc);
		/* None of them stays open. */
		assert_int_equal(read(ends[0], &byte, 1), 0);
		close(ends[0]);
		close(fds[1]);
	}
}

#define LOOP_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_TEST(test_hostile_peers),
		LOOP_TEST(test_strange_but_harmless),
		LOOP_TEST(test_too_many_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
