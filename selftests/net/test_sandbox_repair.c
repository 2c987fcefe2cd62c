// SPDX-License-Identifier: Apache-2.0
/* What an agent finds after it was killed, after a reboot, and after somebody took a namespace away. */
#define TEST "sandbox-repair"
#include "sandbox.h"

/* Dies after so many turns of the loop, wherever it is then. */
static void test_crash_is_repaired(void **state)
{
	struct fixture *f = *state;

	for (int turns = 1; turns < 12; turns++) {
		sandbox_make_network(f->sandboxes, &f->vmi, on_done, f);
		for (int i = 0; i < turns && !f->done; i++)
			bl_loop_once(f->loop, 5);
		f->done = false;
		restart_agent(f);
	}
	make_network(f);
	for (int turns = 1; turns < 12; turns++) {
		sandbox_run(f->sandboxes, &f->vmi, NULL, 0, on_done, f);
		for (int i = 0; i < turns && !f->done; i++)
			bl_loop_once(f->loop, 5);
		f->done = false;
		restart_agent(f);
	}
	repeat(f, start_run);
	assert_int_equal(phase(f), SANDBOX_RUNNING);
}

static void test_reboot_releases_leases(void **state)
{
	struct fixture *f = *state;
	bl_autofree char *id = sandbox_id(f);
	bl_autofree char *command = NULL, *leases = NULL, *n_leases = NULL;

	make_pod(f);
	assert_false(is_stale(f));
	sandbox_stop(f->sandboxes, f->vmi.namespace, f->vmi.name, on_done, f);
	succeed(f);
	/* What a boot does: names and run directory go, the state directory tells of another boot. */
	command = bl_format("ip netns del %s; rm -r %s/sandboxes; "
			    "sed -i 's/\"bootId\":.*\",/\"bootId\": \"another\",/' "
			    "%s/sandboxes/*/*.json",
			    id, f->run_dir, f->state_dir);
	leases = shell(command);
	assert_true(is_stale(f));
	assert_int_equal(phase(f), SANDBOX_PARTIAL);
	make_network(f);
	assert_false(is_stale(f));
	free(command);
	command = bl_format("find %s/cni -name '10.*' | wc -l", f->state_dir);
	n_leases = shell(command);
	assert_string_equal(n_leases, "1");
}

static void test_vanished_namespace_is_replaced(void **state)
{
	struct fixture *f = *state;
	bl_autofree char *id = sandbox_id(f);
	bl_autofree char *command = bl_format("ip netns del %s", id);
	bl_autofree char *out = NULL;

	make_network(f);
	out = shell(command);
	assert_int_equal(phase(f), SANDBOX_PARTIAL);
	make_network(f);
	assert_int_equal(phase(f), SANDBOX_NETWORK);
}

#define MANY 24

static void on_one_of_many(const struct bl_err *err, void *data)
{
	int *n_left = data;

	if (err)
		fail_msg("%s", err->message);
	--*n_left;
}

/* Plugins of many pods run side by side and change the same tables. */
static void test_many_at_once(void **state)
{
	struct fixture *f = *state;
	struct bl_vmi vmi = f->vmi;
	char names[MANY][16];
	int n_left = MANY;

	for (int i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "many-%d", i);
		vmi.name = names[i];
		sandbox_make_network(f->sandboxes, &vmi, on_one_of_many, &n_left);
	}
	wait_for(f, n_left == 0);
	n_left = MANY;
	for (int i = 0; i < MANY; i++)
		sandbox_remove(f->sandboxes, vmi.namespace, names[i], on_one_of_many, &n_left);
	wait_for(f, n_left == 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_crash_is_repaired, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reboot_releases_leases, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vanished_namespace_is_replaced, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_many_at_once, setup, teardown),
	};

	return cmocka_run_group_tests_name(TEST, tests, take_turn, NULL);
}
