// SPDX-License-Identifier: Apache-2.0
/* Calls over a socket pair, both ends on one loop; and raw bytes of a hostile peer against one end. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <beeline/rpc.h>

#define WAIT_MS 5000

struct side {
	struct bl_rpc *rpc;
	struct bl_rpc_call *held; /* by the method "hold" */
	int cancelled, closed, notices, calls;
	uint64_t last_seq;
	struct bl_err why;
};

struct outcome {
	int done, events, value;
	struct bl_err why;
	int fd;
	struct bl_rpc *free_in_done;
};

struct pair {
	struct bl_loop *loop;
	struct side a, b;
};

static void on_cancel(struct bl_rpc_call *call, void *data)
{
	struct side *side = data;

	side->cancelled++;
	side->held = NULL;
}

static void on_call(struct bl_rpc *rpc, struct bl_rpc_call *call, const char *method,
		    const struct cJSON *params, int *fds, unsigned int n_fds)
{
	struct side *side = bl_rpc_data(rpc);

	side->calls++;
	if (strcmp(method, "echo") == 0) {
		bl_rpc_progress(call, bl_json_copy(params));
		bl_rpc_reply_fds(call, bl_json_copy(params), fds, n_fds);
	} else if (strcmp(method, "hold") == 0) {
		side->held = call;
		bl_rpc_on_cancel(call, on_cancel, side);
	} else if (strcmp(method, "hold-untold") == 0) {
		side->held = call;
	} else if (strcmp(method, "huge") == 0) {
		char *text = bl_alloc(BL_RPC_MESSAGE_MAX + 1);

		memset(text, 'x', BL_RPC_MESSAGE_MAX);
		bl_rpc_reply(call, bl_json_string(text));
		free(text);
	} else if (strcmp(method, "die") == 0) {
		side->rpc = NULL;
		bl_rpc_free(rpc);
		bl_rpc_reply(call, NULL);
	} else {
		struct bl_err err = BL_ERR_INIT;

		bl_fail(&err, -ENOENT, "no method '%s'", method);
		bl_rpc_error(call, &err);
	}
}

static void on_notice(struct bl_rpc *rpc, uint64_t seq, const struct cJSON *event)
{
	struct side *side = bl_rpc_data(rpc);

	side->notices++;
	side->last_seq = seq;
}

static void on_closed(struct bl_rpc *rpc, const struct bl_err *why)
{
	struct side *side = bl_rpc_data(rpc);

	side->closed++;
	side->why = *why;
}

static const struct bl_rpc_ops ops = {.call = on_call, .notice = on_notice, .closed = on_closed};

static void on_event(const struct cJSON *event, void *data)
{
	struct outcome *outcome = data;

	outcome->events++;
}

static void on_done(const struct cJSON *result, const struct bl_err *why, int *fds,
		    unsigned int n_fds, void *data)
{
	struct outcome *outcome = data;

	outcome->done++;
	if (why)
		outcome->why = *why;
	outcome->value = (int)bl_json_get_number(result, "value", -1);
	if (n_fds) {
		outcome->fd = fds[0];
		fds[0] = -1;
	}
	if (outcome->free_in_done)
		bl_rpc_free(outcome->free_in_done);
}

static const struct bl_rpc_reply_ops reply_ops = {.event = on_event, .done = on_done};

/* Runs the loop until the condition holds; what never comes fails the test. */
#define run_until(loop, condition)                                  \
	do {                                                        \
		uint64_t _end = bl_now_ns() + WAIT_MS * 1000000ull; \
		while (!(condition)) {                              \
			if (bl_now_ns() > _end)                     \
				fail_msg("never: %s", #condition);  \
			assert_true(bl_loop_once(loop, 100) >= 0);  \
		}                                                   \
	} while (0)

static int setup(void **state)
{
	struct pair *pair = bl_alloc(sizeof(*pair));
	int fds[2];

	assert_int_equal(bl_loop_new(&pair->loop, NULL), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(bl_rpc_new(pair->loop, fds[0], "a", &ops, &pair->a, &pair->a.rpc, NULL),
			 0);
	assert_int_equal(bl_rpc_new(pair->loop, fds[1], "b", &ops, &pair->b, &pair->b.rpc, NULL),
			 0);
	*state = pair;
	return 0;
}

static int teardown(void **state)
{
	struct pair *pair = *state;

	bl_rpc_free(pair->a.rpc);
	bl_rpc_free(pair->b.rpc);
	bl_loop_free(pair->loop);
	free(pair);
	return 0;
}

static struct cJSON *value(int number)
{
	struct cJSON *json = bl_json_object();

	bl_json_set_number(json, "value", number);
	return json;
}

static void test_calls_both_ways(void **state)
{
	struct pair *pair = *state;
	struct outcome x = {0}, y = {0};

	bl_rpc_call(pair->a.rpc, "echo", value(7), NULL, 0, 0, &reply_ops, &x);
	bl_rpc_call(pair->b.rpc, "echo", value(8), NULL, 0, 0, &reply_ops, &y);
	assert_int_equal(x.done, 0);
	run_until(pair->loop, x.done && y.done);
	assert_int_equal(x.value, 7);
	assert_int_equal(y.value, 8);
	assert_int_equal(x.events, 1);
	assert_string_equal(bl_rpc_peer_version(pair->a.rpc), "0.1.0");
	assert_int_equal(bl_rpc_peer(pair->a.rpc).pid, getpid());
}

static void test_error_is_carried(void **state)
{
	struct pair *pair = *state;
	struct outcome x = {0};

	bl_rpc_call(pair->a.rpc, "nonsense", NULL, NULL, 0, 0, &reply_ops, &x);
	run_until(pair->loop, x.done);
	assert_int_equal(x.why.code, -ENOENT);
	assert_string_equal(x.why.message, "no method 'nonsense'");
}

static void test_descriptors_travel(void **state)
{
	struct pair *pair = *state;
	struct outcome x = {.fd = -1};
	char byte = 0;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	bl_rpc_call(pair->a.rpc, "echo", NULL, &fds[1], 1, 0, &reply_ops, &x);
	close(fds[1]);
	run_until(pair->loop, x.done);
	assert_true(x.fd >= 0);
	assert_int_equal(write(x.fd, "!", 1), 1);
	close(x.fd);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	/* Every copy on the way is closed: the pipe ends. */
	assert_int_equal(read(fds[0], &byte, 1), 0);
	close(fds[0]);
}

static void test_cancel_reaches_the_other_side(void **state)
{
	struct pair *pair = *state;
	struct outcome x = {0};
	uint64_t id = bl_rpc_call(pair->a.rpc, "hold", NULL, NULL, 0, 0, &reply_ops, &x);

	run_until(pair->loop, pair->b.held);
	bl_rpc_cancel(pair->a.rpc, id);
	run_until(pair->loop, pair->b.cancelled);
	assert_int_equal(x.done, 0);
}

static void test_timeout_cancels(void **state)
{
	struct pair *pair = *state;
	struct outcome x = {0};

	bl_rpc_call(pair->a.rpc, "hold", NULL, NULL, 0, 1000000, &reply_ops, &x);
	run_until(pair->loop, x.done && pair->b.cancelled);
	assert_int_equal(x.why.code, -ETIMEDOUT);
	assert_int_equal(x.done, 1);
}

static void test_death_of_peer_ends_calls(void **state)
{
	struct pair *pair = *state;
	struct outcome x = {0}, y = {0};

	bl_rpc_call(pair->b.rpc, "hold", NULL, NULL, 0, 0, &reply_ops, &y);
	run_until(pair->loop, pair->a.held);
	bl_rpc_call(pair->a.rpc, "die", NULL, NULL, 0, 0, &reply_ops, &x);
	run_until(pair->loop, pair->a.closed);
	assert_int_equal(x.done, 1);
	assert_int_equal(x.why.code, -EPIPE);
	assert_int_equal(pair->a.cancelled, 1);
	assert_int_equal(y.done, 0);
	/* A call on the dead connection fails, from the loop. */
	bl_rpc_call(pair->a.rpc, "echo", NULL, NULL, 0, 0, &reply_ops, &y);
	assert_int_equal(y.done, 0);
	run_until(pair->loop, y.done);
	assert_int_equal(pair->a.closed, 1);
}

static void test_answer_after_death_goes_nowhere(void **state)
{
	struct pair *pair = *state;
	struct outcome x = {0};

	bl_rpc_call(pair->a.rpc, "hold-untold", NULL, NULL, 0, 0, &reply_ops, &x);
	run_until(pair->loop, pair->b.held);
	bl_rpc_free(bl_take_ptr(pair->a.rpc));
	run_until(pair->loop, pair->b.closed);
	bl_rpc_free(bl_take_ptr(pair->b.rpc));
	bl_rpc_progress(pair->b.held, value(1));
	bl_rpc_reply(pair->b.held, value(2));
}

static void test_done_may_free_the_connection(void **state)
{
	struct pair *pair = *state;
	struct outcome x = {.free_in_done = pair->a.rpc}, y = {0};

	bl_rpc_call(pair->a.rpc, "echo", NULL, NULL, 0, 0, &reply_ops, &x);
	bl_rpc_call(pair->a.rpc, "hold", NULL, NULL, 0, 0, &reply_ops, &y);
	run_until(pair->loop, x.done && pair->b.closed);
	pair->a.rpc = NULL;
	assert_int_equal(y.done, 0);
}

static void test_notices_keep_their_numbers(void **state)
{
	struct pair *pair = *state;

	for (uint64_t seq = 1; seq <= 200; seq++)
		bl_rpc_notify(pair->a.rpc, seq, value(1));
	run_until(pair->loop, pair->b.notices == 200);
	assert_int_equal(pair->b.last_seq, 200);
}

static void test_too_big_an_answer_is_an_error(void **state)
{
	struct pair *pair = *state;
	struct outcome x = {0};

	bl_rpc_call(pair->a.rpc, "huge", NULL, NULL, 0, 0, &reply_ops, &x);
	run_until(pair->loop, x.done);
	assert_int_equal(x.why.code, -EMSGSIZE);
	assert_int_equal(pair->a.closed, 0);
}

static void test_megabytes_pass_in_pieces(void **state)
{
	struct pair *pair = *state;
	struct outcome x = {0};
	char *text = bl_alloc(3000001);
	struct cJSON *params = value(5);

	memset(text, 'y', 3000000);
	bl_json_set_string(params, "text", text);
	free(text);
	bl_rpc_call(pair->a.rpc, "echo", params, NULL, 0, 0, &reply_ops, &x);
	run_until(pair->loop, x.done);
	assert_int_equal(x.value, 5);
}

static void test_peer_that_does_not_read_is_dropped(void **state)
{
	struct pair *pair = *state;
	int fds[2];
	struct side deaf = {0};

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(bl_rpc_new(pair->loop, fds[0], "a", &ops, &deaf, &deaf.rpc, NULL), 0);
	for (int i = 0; i < 20; i++) {
		char *text = bl_alloc(1000001);

		memset(text, 'z', 1000000);
		bl_rpc_notify(deaf.rpc, 1, bl_json_string(text));
		free(text);
		bl_loop_once(pair->loop, 0);
	}
	run_until(pair->loop, deaf.closed);
	assert_int_equal(deaf.why.code, -ENOBUFS);
	bl_rpc_free(deaf.rpc);
	close(fds[1]);
}

/* ---- hostile peers: bytes against one side ---- */

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
	struct pair *pair = *state;

	for (size_t i = 0; i < sizeof(hostiles) / sizeof(hostiles[0]); i++) {
		const struct hostile *hostile = &hostiles[i];
		struct side side = {0};
		int fds[2];

		print_message("%s\n", hostile->name);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		assert_int_equal(bl_rpc_new(pair->loop, fds[0], "a", &ops, &side, &side.rpc, NULL),
				 0);
		if (!hostile->no_hello)
			send_frame(fds[1], HELLO, 0);
		if (hostile->text)
			send_frame(fds[1], hostile->text, hostile->announce);
		if (hostile->hang_up)
			shutdown(fds[1], SHUT_WR);
		run_until(pair->loop, side.closed);
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
	struct pair *pair = *state;
	struct side side = {0};
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(bl_rpc_new(pair->loop, fds[0], "a", &ops, &side, &side.rpc, NULL), 0);
	send_frame(fds[1], HELLO, 0);
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		send_frame(fds[1], messages[i], 0);
	send_frame(fds[1], "{\"id\":1,\"method\":\"echo\"}", 0);
	run_until(pair->loop, side.calls == 1);
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
	struct pair *pair = *state;

	for (int pieces = 1; pieces <= 3; pieces += 2) {
		struct side side = {0};
		int fds[2], ends[2];
		char byte;

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		assert_int_equal(bl_rpc_new(pair->loop, fds[0], "a", &ops, &side, &side.rpc, NULL),
				 0);
		for (int i = 0; i < pieces; i++)
			send_with_fds(fds[1], pieces == 1 ? BL_RPC_FDS_MAX + 1 : 4, ends[1]);
		close(ends[1]);
		run_until(pair->loop, side.closed);
		assert_int_equal(side.why.code, -EPROTO);
		bl_rpc_free(side.rpc);
		/* None of them stays open. */
		assert_int_equal(read(ends[0], &byte, 1), 0);
		close(ends[0]);
		close(fds[1]);
	}
}

static void test_unanswered_calls_are_bounded(void **state)
{
	struct pair *pair = *state;
	struct outcome x = {0};

	for (int i = 0; i < 1025; i++)
		bl_rpc_call(pair->a.rpc, "hold", NULL, NULL, 0, 0, &reply_ops, &x);
	run_until(pair->loop, x.done);
	assert_int_equal(x.why.code, -EBUSY);
}

/* ---- sockets ---- */

static void test_listen_and_connect(void **state)
{
	char *dir = unit_dir(), *path = bl_format("%s/sock", dir);
	struct bl_err err = BL_ERR_INIT;
	struct stat st;
	int listener, fd, again, dir_fd;

	assert_int_equal(bl_unix_listen(path, 0660, &listener, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(bl_unix_connect(path, &fd, &err), 0);
	close(fd);
	assert_fails(bl_unix_listen(path, 0660, &again, &err), -EADDRINUSE, "somebody listens");
	dir_fd = open(dir, O_PATH | O_DIRECTORY);
	assert_int_equal(bl_unix_connect_beneath(dir_fd, "sock", &fd, &err), 0);
	close(fd);
	assert_int_equal(symlinkat("sock", dir_fd, "link"), 0);
	assert_fails(bl_unix_connect_beneath(dir_fd, "link", &fd, &err), -ELOOP, "link");
	assert_fails(bl_unix_connect_beneath(dir_fd, "../x", &fd, &err), -EXDEV, "x");
	close(listener);
	/* Nobody answers: the file is stale. */
	assert_fails(bl_unix_connect(path, &fd, &err), -ECONNREFUSED, "sock");
	assert_int_equal(bl_unix_listen(path, 0600, &listener, &err), 0);
	close(listener);
	close(dir_fd);
	free(path);
	unit_dir_remove(dir);
}

static void test_listen_spares_other_files(void **state)
{
	char *dir = unit_dir(), *path = bl_format("%s/file", dir);
	struct bl_err err = BL_ERR_INIT;
	int fd;

	assert_int_equal(bl_file_write(path, "precious", 8, 0600, &err), 0);
	assert_fails(bl_unix_listen(path, 0600, &fd, &err), -EEXIST, "not a socket");
	assert_true(bl_file_exists(path));
	free(path);
	unit_dir_remove(dir);
}

#define PAIR_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PAIR_TEST(test_calls_both_ways),
		PAIR_TEST(test_error_is_carried),
		PAIR_TEST(test_descriptors_travel),
		PAIR_TEST(test_cancel_reaches_the_other_side),
		PAIR_TEST(test_timeout_cancels),
		PAIR_TEST(test_death_of_peer_ends_calls),
		PAIR_TEST(test_answer_after_death_goes_nowhere),
		PAIR_TEST(test_done_may_free_the_connection),
		PAIR_TEST(test_notices_keep_their_numbers),
		PAIR_TEST(test_too_big_an_answer_is_an_error),
		PAIR_TEST(test_megabytes_pass_in_pieces),
		PAIR_TEST(test_peer_that_does_not_read_is_dropped),
		PAIR_TEST(test_hostile_peers),
		PAIR_TEST(test_strange_but_harmless),
		PAIR_TEST(test_too_many_descriptors),
		PAIR_TEST(test_unanswered_calls_are_bounded),
		cmocka_unit_test(test_listen_and_connect),
		cmocka_unit_test(test_listen_spares_other_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
