// SPDX-License-Identifier: Apache-2.0
/* The loop: order of timers, removal from within callbacks, children and signals. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <beeline/loop.h>

#define MS 1000000ull

struct world {
	struct bl_loop *loop;
	struct bl_timer timers[3];
	struct bl_io ios[2];
	int pipes[2][2];
	char order[16];
	int fired;
	struct bl_child child;
	int status;
};

static int setup(void **state)
{
	struct world *world = bl_alloc(sizeof(*world));

	assert_int_equal(bl_loop_new(&world->loop, NULL), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pipe2(world->pipes[i], O_CLOEXEC | O_NONBLOCK), 0);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 2; i++) {
		bl_io_remove(&world->ios[i]);
		close(world->pipes[i][0]);
		close(world->pipes[i][1]);
	}
	bl_loop_free(world->loop);
	free(world);
	return 0;
}

static void note(struct world *world, char c)
{
	world->order[strlen(world->order)] = c;
}

static void on_timer(struct bl_timer *timer)
{
	struct world *world = timer->data;

	note(world, (char)('a' + (timer - world->timers)));
	assert_true(bl_now_ns() >= timer->deadline_ns);
	if (strlen(world->order) == 3)
		bl_loop_exit(world->loop, 42);
}

static void test_timers_fire_in_order(void **state)
{
	struct world *world = *state;

	bl_timer_arm(world->loop, &world->timers[0], 6 * MS, on_timer, world);
	bl_timer_arm(world->loop, &world->timers[1], 2 * MS, on_timer, world);
	bl_timer_arm(world->loop, &world->timers[2], 1 * MS, on_timer, world);
	/* Arming again moves it. */
	bl_timer_arm(world->loop, &world->timers[2], 4 * MS, on_timer, world);
	assert_int_equal(bl_loop_run(world->loop), 42);
	assert_string_equal(world->order, "bca");
	assert_null(world->timers[0].loop);
}

static void on_disarming_timer(struct bl_timer *timer)
{
	struct world *world = timer->data;

	note(world, 'x');
	bl_timer_disarm(&world->timers[1]);
	bl_timer_disarm(&world->timers[1]);
	/* Itself again, at once: fires in a later turn, not in this one for ever. */
	bl_timer_arm(world->loop, timer, 0, on_disarming_timer, world);
}

static void test_timers_from_callbacks(void **state)
{
	struct world *world = *state;

	bl_timer_arm(world->loop, &world->timers[0], 0, on_disarming_timer, world);
	bl_timer_arm(world->loop, &world->timers[1], 0, on_timer, world);
	assert_int_equal(bl_loop_once(world->loop, 1000), 1);
	assert_int_equal(bl_loop_once(world->loop, 1000), 1);
	assert_string_equal(world->order, "xx");
	bl_timer_disarm(&world->timers[0]);
	/* UINT64_MAX is never, not a moment ago. */
	bl_timer_arm(world->loop, &world->timers[0], UINT64_MAX, on_timer, world);
	assert_int_equal(bl_loop_once(world->loop, 1), 0);
	bl_timer_disarm(&world->timers[0]);
}

/* Both are ready; the one that comes first takes the other away and frees it. */
static void on_removing_io(struct bl_io *io, uint32_t events)
{
	struct world *world = io->data;
	struct bl_io *other = io == &world->ios[0] ? &world->ios[1] : &world->ios[0];

	world->fired++;
	bl_io_remove(other);
	memset(other, 0xff, sizeof(*other));
	other->loop = NULL;
}

static void test_removed_source_does_not_fire(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(bl_io_add(world->loop, &world->ios[i], world->pipes[i][0], EPOLLIN,
					   on_removing_io, world, NULL),
				 0);
		assert_int_equal(write(world->pipes[i][1], "x", 1), 1);
	}
	assert_int_equal(bl_loop_once(world->loop, 1000), 1);
	assert_int_equal(world->fired, 1);
}

static void on_io(struct bl_io *io, uint32_t events)
{
	struct world *world = io->data;

	world->fired++;
}

static void test_level_triggered_and_modified(void **state)
{
	struct world *world = *state;
	struct bl_err err;

	assert_int_equal(bl_io_add(world->loop, &world->ios[0], world->pipes[0][0], EPOLLIN, on_io,
				   world, NULL),
			 0);
	assert_int_equal(write(world->pipes[0][1], "x", 1), 1);
	bl_loop_once(world->loop, 0);
	bl_loop_once(world->loop, 0);
	assert_int_equal(world->fired, 2);
	bl_io_modify(&world->ios[0], 0);
	bl_loop_once(world->loop, 0);
	assert_int_equal(world->fired, 2);
	bl_io_remove(&world->ios[0]);
	bl_io_remove(&world->ios[0]);
	assert_fails(bl_io_add(world->loop, &world->ios[0], -1, EPOLLIN, on_io, world, &err),
		     -EBADF, "descriptor -1");
	assert_null(world->ios[0].loop);
}

static void on_child(struct bl_child *child, int status)
{
	struct world *world = child->data;

	world->status = status;
	world->fired++;
	assert_int_equal(child->pid, 0);
	bl_loop_exit(world->loop, 0);
}

static void test_child_is_reaped(void **state)
{
	struct world *world = *state;
	pid_t pid = fork();

	if (pid == 0)
		_exit(3);
	assert_int_equal(bl_child_watch(world->loop, &world->child, pid, on_child, world, NULL), 0);
	bl_loop_run(world->loop);
	assert_true(WIFEXITED(world->status));
	assert_int_equal(WEXITSTATUS(world->status), 3);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
}

static void test_abandoned_child_is_reaped_in_silence(void **state)
{
	struct world *world = *state;
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	assert_int_equal(bl_child_watch(world->loop, &world->child, pid, on_child, world, NULL), 0);
	bl_child_abandon(&world->child);
	assert_int_equal(world->child.pid, 0);
	kill(pid, SIGKILL);
	assert_int_equal(bl_loop_once(world->loop, 5000), 1);
	assert_int_equal(world->fired, 0);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void on_signal(int signo, void *data)
{
	struct world *world = data;

	world->fired = signo;
	bl_loop_exit(world->loop, 0);
}

static void test_signal(void **state)
{
	struct world *world = *state;

	assert_int_equal(bl_signal_add(world->loop, SIGUSR1, on_signal, world, NULL), 0);
	kill(getpid(), SIGUSR1);
	bl_loop_run(world->loop);
	assert_int_equal(world->fired, SIGUSR1);
}

#define WORLD_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_timers_fire_in_order),
		WORLD_TEST(test_timers_from_callbacks),
		WORLD_TEST(test_removed_source_does_not_fire),
		WORLD_TEST(test_level_triggered_and_modified),
		WORLD_TEST(test_child_is_reaped),
		WORLD_TEST(test_abandoned_child_is_reaped_in_silence),
		WORLD_TEST(test_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
