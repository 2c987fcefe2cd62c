// SPDX-License-Identifier: Apache-2.0
/* Calls over a socket pair, both ends on one loop. */
#include "unit.h"
#include "unit_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <beeline/rpc.h>

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

static void test_unanswered_calls_are_bounded(void **state)
{
	struct pair *pair = *state;
	struct outcome x = {0};

	for (int i = 0; i < 1025; i++)
		bl_rpc_call(pair->a.rpc, "hold", NULL, NULL, 0, 0, &reply_ops, &x);
	run_until(pair->loop, x.done);
	assert_int_equal(x.why.code, -EBUSY);
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
		PAIR_TEST(test_unanswered_calls_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
