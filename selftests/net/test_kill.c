// SPDX-License-Identifier: Apache-2.0
/*
 * An agent that is killed in the middle of attaching and detaching, at an instant that nobody chose:
 * the next one finds either an endpoint, and then exactly its line, or none, and then nothing.
 */
#define TEST "kill"
#include "endpoint.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define KILLS     12
#define WINDOW_US 8000

/* Never comes to an end by itself. */
static void attach_and_detach(struct fixture *f, int ready_fd)
{
	struct endpoint_spec spec = spec_of(f);
	const struct endpoint *endpoint;

	for (int i = 0;; i++) {
		spec.binding = i % 2 ? BL_BINDING_MASQUERADE : BL_BINDING_POD;
		if (endpoint_attach(f->endpoints, &spec, &endpoint, NULL) < 0 ||
		    endpoint_detach(f->endpoints, spec.name, NULL) < 0)
			_exit(1);
		if (i == 0 && write(ready_fd, "x", 1) != 1)
			_exit(1);
	}
}

static void kill_in_the_middle(struct fixture *f)
{
	int ready[2], status;
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		start(f);
		attach_and_detach(f, ready[1]);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	/* Any instant will do; that is what is being tried. */
	nanosleep(&(struct timespec){.tv_nsec = random() % WINDOW_US * 1000}, NULL);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	close(ready[0]);
	close(ready[1]);
}

static void test_kill(void **state)
{
	struct fixture *f = *state;
	struct endpoint_spec spec = spec_of(f);

	for (int i = 0; i < KILLS; i++) {
		const struct endpoint *found;

		stop(f);
		kill_in_the_middle(f);
		start(f);
		run("grep -q 0 /sys/kernel/rcu_expedited"); /* agent/rcu.h */
		found = endpoint_find(f->endpoints, f->pod.name);
		if (found) {
			assert_attached(&f->pod, "eth0", TCX_INGRESS, "bl_to_vm");
			assert_attached(&f->pod, "tap0", TCX_INGRESS, "bl_from_vm");
			assert_int_equal(endpoint_detach(f->endpoints, f->pod.name, &f->err), 0);
		}
		assert_no_line(f);
		attach(f, &spec);
		assert_line(f);
		assert_int_equal(endpoint_detach(f->endpoints, f->pod.name, &f->err), 0);
		assert_int_equal(n_local(f), 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kill, set_up, tear_down),
	};

	srandom((unsigned int)getpid());
	return cmocka_run_group_tests(tests, take_turn, NULL);
}
