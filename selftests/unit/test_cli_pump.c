// SPDX-License-Identifier: Apache-2.0
/* The console's pump: both ways, files as input, and each of its ends. */
#include "unit.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "../../agent/cli/pump.h"

struct ends {
	int in[2], out[2], peer[2]; /* the test holds in[1], out[0], peer[1] */
};

static void open_ends(struct ends *ends)
{
	assert_int_equal(pipe2(ends->in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(ends->out, O_CLOEXEC), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends->peer), 0);
}

static void close_ends(struct ends *ends)
{
	for (int i = 0; i < 2; i++) {
		bl_autoclose_fn(&ends->in[i]);
		bl_autoclose_fn(&ends->out[i]);
		bl_autoclose_fn(&ends->peer[i]);
	}
}

static void close_one(int *fd)
{
	bl_autoclose_fn(fd);
	*fd = -1;
}

static enum pump_end run(const struct ends *ends, int escape, int linger_ms)
{
	struct pump pump = {
		.in = ends->in[0],
		.out = ends->out[1],
		.peer = ends->peer[0],
		.signals = -1,
		.escape = escape,
		.linger_ms = linger_ms,
	};
	enum pump_end end;

	assert_int_equal(pump_run(&pump, &end, NULL), 0);
	return end;
}

static void put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void assert_holds(int fd, const char *text)
{
	char bytes[64] = "";

	assert_int_equal(read(fd, bytes, sizeof(bytes) - 1), strlen(text));
	assert_string_equal(bytes, text);
}

static void test_both_ways(void **state)
{
	struct ends ends;

	open_ends(&ends);
	put(ends.in[1], "to the guest");
	put(ends.peer[1], "from the guest");
	close_one(&ends.in[1]);
	assert_int_equal(run(&ends, PUMP_NO_ESCAPE, 0), PUMP_INPUT_ENDED);
	assert_holds(ends.peer[1], "to the guest");
	assert_holds(ends.out[0], "from the guest");
	close_ends(&ends);
}

static void test_escape(void **state)
{
	struct ends ends;

	open_ends(&ends);
	put(ends.in[1], "last words\x1dnot these");
	assert_int_equal(run(&ends, 0x1d, -1), PUMP_ESCAPE);
	assert_holds(ends.peer[1], "last words");
	close_ends(&ends);
}

static void test_escape_is_data_without_a_terminal(void **state)
{
	struct ends ends;

	open_ends(&ends);
	put(ends.in[1], "a\x1d"
			"b");
	close_one(&ends.in[1]);
	assert_int_equal(run(&ends, PUMP_NO_ESCAPE, 0), PUMP_INPUT_ENDED);
	assert_holds(ends.peer[1], "a\x1d"
				   "b");
	close_ends(&ends);
}

/* What the peer said before it closed is still printed. */
static void test_peer_closes(void **state)
{
	struct ends ends;

	open_ends(&ends);
	put(ends.peer[1], "bye");
	close_one(&ends.peer[1]);
	assert_int_equal(run(&ends, 0x1d, -1), PUMP_PEER_CLOSED);
	assert_holds(ends.out[0], "bye");
	close_ends(&ends);
}

/* epoll refuses such a descriptor; poll(2) does not. */
static void test_input_from_dev_null(void **state)
{
	struct ends ends;

	open_ends(&ends);
	close_one(&ends.in[0]);
	ends.in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(ends.in[0] >= 0);
	put(ends.peer[1], "banner");
	assert_int_equal(run(&ends, PUMP_NO_ESCAPE, 0), PUMP_INPUT_ENDED);
	assert_holds(ends.out[0], "banner");
	close_ends(&ends);
}

static void test_signal(void **state)
{
	struct ends ends;
	int pair[2];
	enum pump_end end;

	open_ends(&ends);
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	put(pair[1], "x");

	struct pump pump = {
		.in = ends.in[0],
		.out = ends.out[1],
		.peer = ends.peer[0],
		.signals = pair[0],
		.escape = 0x1d,
		.linger_ms = -1,
	};

	assert_int_equal(pump_run(&pump, &end, NULL), 0);
	assert_int_equal(end, PUMP_SIGNAL);
	close_one(&pair[0]);
	close_one(&pair[1]);
	close_ends(&ends);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_escape_is_data_without_a_terminal),
		cmocka_unit_test(test_peer_closes),
		cmocka_unit_test(test_input_from_dev_null),
		cmocka_unit_test(test_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
