// SPDX-License-Identifier: Apache-2.0
/*
 * The console against a unix socket that stands for QEMU's: fan-out, a reader that comes late, one
 * that does not read, typing, a guest that goes and comes back.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <beeline/loop.h>
#include <beeline/rpc.h>

#include "../../launcher/console.h"

#define TURNS_MAX 2000

struct fixture {
	struct bl_loop *loop;
	struct console *console;
	char *dir, *socket, *log;
	int listener, guest;
};

static void turn(struct fixture *fixture)
{
	bl_loop_once(fixture->loop, 10);
}

static void accept_guest(struct fixture *fixture)
{
	int turns = 0;

	do {
		turn(fixture);
		fixture->guest = accept4(fixture->listener, NULL, NULL, SOCK_CLOEXEC);
	} while (fixture->guest < 0 && ++turns < TURNS_MAX);
	assert_true(fixture->guest >= 0);
}

static void set_up(struct fixture *fixture)
{
	assert_int_equal(bl_loop_new(&fixture->loop, NULL), 0);
	fixture->dir = unit_dir();
	fixture->socket = bl_format("%s/serial", fixture->dir);
	fixture->log = bl_format("%s/serial-log", fixture->dir);
	assert_int_equal(bl_unix_listen(fixture->socket, 0600, &fixture->listener, NULL), 0);
	fcntl(fixture->listener, F_SETFL, O_NONBLOCK);
}

static void attach(struct fixture *fixture)
{
	fixture->console = console_new(fixture->loop, fixture->socket, fixture->log);
	console_attach(fixture->console);
	accept_guest(fixture);
}

static void tear_down(struct fixture *fixture)
{
	console_free(fixture->console);
	close(fixture->guest);
	close(fixture->listener);
	bl_loop_free(fixture->loop);
	unit_dir_remove(fixture->dir);
	free(fixture->socket);
	free(fixture->log);
}

static int open_reader(struct fixture *fixture)
{
	int fd = -1;

	assert_int_equal(console_open(fixture->console, &fd, NULL), 0);
	return fd;
}

/* Turns the loop until fd has given exactly text. */
static void expect(struct fixture *fixture, int fd, const char *text)
{
	char got[256] = "";
	size_t used = 0;

	for (int turns = 0; used < strlen(text) && turns < TURNS_MAX; turns++) {
		ssize_t n = recv(fd, got + used, strlen(text) - used, MSG_DONTWAIT);

		if (n > 0)
			used += (size_t)n;
		else
			turn(fixture);
	}
	assert_string_equal(got, text);
}

static void print_from_guest(struct fixture *fixture, const char *text)
{
	assert_int_equal(write(fixture->guest, text, strlen(text)), strlen(text));
}

static void all_readers_see_all_output(void **state)
{
	struct fixture fixture = {};
	int a, b;

	set_up(&fixture);
	attach(&fixture);
	a = open_reader(&fixture);
	print_from_guest(&fixture, "one ");
	expect(&fixture, a, "one ");
	b = open_reader(&fixture);
	expect(&fixture, b, "one ");
	print_from_guest(&fixture, "two");
	expect(&fixture, a, "two");
	expect(&fixture, b, "two");
	close(a);
	print_from_guest(&fixture, "!");
	expect(&fixture, b, "!");
	close(b);
	tear_down(&fixture);
}

static void typing_reaches_the_guest(void **state)
{
	struct fixture fixture = {};
	int a;

	set_up(&fixture);
	attach(&fixture);
	a = open_reader(&fixture);
	assert_int_equal(write(a, "root\n", 5), 5);
	expect(&fixture, fixture.guest, "root\n");
	close(a);
	tear_down(&fixture);
}

/* The slow one loses the oldest bytes; the quick one and the guest never wait for it. */
static void a_slow_reader_delays_nobody(void **state)
{
	struct fixture fixture = {};
	char block[8192], drained[8192];
	int slow, quick;

	set_up(&fixture);
	attach(&fixture);
	slow = open_reader(&fixture);
	quick = open_reader(&fixture);
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 200; i++) {
		size_t left = sizeof(block);

		assert_int_equal(write(fixture.guest, block, sizeof(block)), sizeof(block));
		for (int turns = 0; left && turns < TURNS_MAX; turns++) {
			ssize_t n = recv(quick, drained, left, MSG_DONTWAIT);

			if (n > 0)
				left -= (size_t)n;
			else
				turn(&fixture);
		}
		assert_int_equal(left, 0);
	}
	print_from_guest(&fixture, "end");
	expect(&fixture, quick, "end");
	for (size_t total = 0;;) {
		ssize_t n = recv(slow, drained, sizeof(drained), MSG_DONTWAIT);

		if (n > 0) {
			total += (size_t)n;
			assert_true(total < 200 * sizeof(block));
			if (memcmp(drained + n - 3, "end", 3) == 0)
				break;
		} else {
			turn(&fixture);
		}
	}
	close(slow);
	close(quick);
	tear_down(&fixture);
}

static void a_guest_that_comes_back_is_found(void **state)
{
	struct fixture fixture = {};
	int a;

	set_up(&fixture);
	attach(&fixture);
	a = open_reader(&fixture);
	print_from_guest(&fixture, "before ");
	expect(&fixture, a, "before ");
	close(fixture.guest);
	accept_guest(&fixture);
	print_from_guest(&fixture, "after");
	expect(&fixture, a, "after");
	close(a);
	tear_down(&fixture);
}

static void the_log_tells_what_was_before(void **state)
{
	struct fixture fixture = {};
	int a;

	set_up(&fixture);
	assert_int_equal(bl_file_write(fixture.log, "boot messages ", 14, 0600, NULL), 0);
	attach(&fixture);
	print_from_guest(&fixture, "login:");
	a = open_reader(&fixture);
	expect(&fixture, a, "boot messages login:");
	close(a);
	tear_down(&fixture);
}

static void readers_are_bounded(void **state)
{
	struct fixture fixture = {};
	struct bl_err err;
	int fds[64], n = 0, r;

	set_up(&fixture);
	attach(&fixture);
	while (n < 64 && (r = console_open(fixture.console, &fds[n], &err)) == 0)
		n++;
	assert_int_equal(r, -EBUSY);
	close(fds[0]);
	turn(&fixture);
	assert_int_equal(console_open(fixture.console, &fds[0], &err), 0);
	while (n > 0)
		close(fds[--n]);
	tear_down(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_readers_see_all_output),
		cmocka_unit_test(typing_reaches_the_guest),
		cmocka_unit_test(a_slow_reader_delays_nobody),
		cmocka_unit_test(a_guest_that_comes_back_is_found),
		cmocka_unit_test(the_log_tells_what_was_before),
		cmocka_unit_test(readers_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
