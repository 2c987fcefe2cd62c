// SPDX-License-Identifier: Apache-2.0
/* Sandboxes whose files somebody has removed: what is left is known again, told of in true words, and
 * taken away whole. */
#define TEST "sandbox-lost"
#include "sandbox.h"

static void lose(struct fixture *f, const char *what)
{
	bl_autofree char *command = bl_format("cd %s && rm -r %s", f->dir, what);
	bl_autofree char *out = shell(command);

	restart_agent(f);
}

static void count(const char *namespace, const char *name, void *data)
{
	assert_string_equal(namespace, "sandbox-test");
	assert_string_equal(name, "vm-01");
	++*(int *)data;
}

static int n_listed(struct fixture *f)
{
	int n = 0;

	assert_int_equal(sandboxes_for_each(f->sandboxes, count, &n, NULL), 0);
	return n;
}

/* Runs, belongs to that VMI, and lacks that. */
static void assert_runs(struct fixture *f, const char *uid, const char *lost)
{
	struct sandbox_state state = observe(f);

	assert_int_equal(state.phase, SANDBOX_RUNNING);
	assert_string_equal(state.uid, uid);
	if (lost)
		assert_string_equal(state.lost, lost);
	else
		assert_null(state.lost);
	sandbox_state_clear(&state);
}

static void remove_and_look(struct fixture *f, pid_t pid)
{
	/* Whoever is its parent now may take its time to reap it. */
	bl_autofree char *command = bl_format("grep -s ^State /proc/%d/status | grep -v Z; :", pid);
	bl_autofree char *alive = NULL;

	remove_it(f);
	assert_nothing_left(f);
	alive = shell(command);
	assert_string_equal(alive, "");
}

static void test_lost_state_directory(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	make_pod(f);
	pid = pid_of(f);
	lose(f, "state");
	assert_runs(f, f->vmi.uid, NULL);
	assert_int_equal(pid_of(f), pid);
	assert_int_equal(n_listed(f), 1);
	remove_and_look(f, pid);
}

static void test_lost_state_directory_before_container(void **state)
{
	struct fixture *f = *state;

	make_network(f);
	lose(f, "state");
	assert_int_equal(phase(f), SANDBOX_NETWORK);
	assert_int_equal(n_listed(f), 1);
	remove_it(f);
	assert_nothing_left(f);
}

static void test_lost_run_directory(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	make_pod(f);
	pid = pid_of(f);
	lose(f, "run");
	assert_runs(f, f->vmi.uid, "the VM's files in the run directory are lost");
	assert_int_equal(pid_of(f), pid);
	remove_and_look(f, pid);
}

static void test_lost_records(void **state)
{
	struct fixture *f = *state;

	make_pod(f);
	lose(f, "state/sandboxes/*/network.json");
	assert_runs(f, f->vmi.uid, NULL);
	lose(f, "*/sandboxes/*/sandbox.json");
	assert_runs(f, "", NULL);
	/* One that runs, whoever it belongs to, gives way to the one that is wanted. */
	run(f);
	assert_runs(f, f->vmi.uid, NULL);
}

static bool is_unnamed(struct fixture *f)
{
	const struct sandbox_state state = glance(f);

	assert_int_equal(state.phase, SANDBOX_RUNNING);
	assert_null(state.lost);
	return state.unnamed;
}

/* The name is all that is lost while the container runs: it is given back, with all that is in it. */
static void test_namespace_is_named_again(void **state)
{
	static const char *const faults[] = {"ip netns del %s", "umount /run/netns/%s",
					     "ip netns del %1$s && ip netns add %1$s"};
	struct fixture *f = *state;
	bl_autofree char *id = sandbox_id(f);
	bl_autofree char *look = bl_format("ip -n %s -br link show eth0", id);
	bl_autofree char *before = NULL;
	struct bl_err err;

	make_pod(f);
	assert_false(is_unnamed(f));
	before = shell(look);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		bl_autofree char *command = bl_format(faults[i], id);
		bl_autofree char *out = shell(command), *after = NULL;

		assert_true(is_unnamed(f));
		if (sandbox_name_network(f->sandboxes, f->vmi.namespace, f->vmi.name, &err) < 0)
			fail_msg("%s", err.message);
		assert_false(is_unnamed(f));
		after = shell(look);
		assert_string_equal(after, before);
	}
}

/* A folder that bears another id than its record names is of another agent, and left alone. */
static void test_others_are_not_listed(void **state)
{
	struct fixture *f = *state;
	bl_autofree char *command =
		bl_format("cd %s && cp -a run/sandboxes/* run/sandboxes/bl.00000001-x-y && "
			  "cp -a state/sandboxes/* state/sandboxes/bl.00000002-x-y",
			  f->dir);
	bl_autofree char *again = bl_format("rm -r %s/*/sandboxes/bl.0000000*", f->dir);
	bl_autofree char *out = NULL, *gone = NULL;

	make_network(f);
	out = shell(command);
	assert_int_equal(n_listed(f), 1);
	gone = shell(again);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lost_state_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_state_directory_before_container, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_lost_run_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_records, setup, teardown),
		cmocka_unit_test_setup_teardown(test_namespace_is_named_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others_are_not_listed, setup, teardown),
	};

	return cmocka_run_group_tests_name(TEST, tests, take_turn, NULL);
}
