// SPDX-License-Identifier: Apache-2.0
/* A pod in all but name, for real: namespace, CNI plugins, runc. */
#define TEST "sandbox"
#include "sandbox.h"

#include "../../agent/sandbox/oci.h"

static void test_network_has_both_families(void **state)
{
	struct fixture *f = *state;
	bl_autofree char *id = NULL, *command = NULL, *out = NULL;

	assert_int_equal(phase(f), SANDBOX_ABSENT);
	make_network(f);
	assert_int_equal(phase(f), SANDBOX_NETWORK);
	id = sandbox_id(f);
	command = bl_format("ip -n %s -br addr show dev eth0 | tr -s ' ' | cut -d' ' -f2-; "
			    "ip -n %s route show default | grep -q via && "
			    "ip -n %s -6 route show default | grep -q via && "
			    "ip netns exec %s ping -q -c1 -W2 127.0.0.1 >/dev/null",
			    id, id, id, id);
	out = shell(command);
	assert_non_null(strstr(out, "UP 10.22."));
	assert_non_null(strstr(out, "fd62:6565:6c69:"));
}

/* Nothing depends on which plugin makes eth0. */
static void test_bridge_plugin(void **state)
{
	static const char conf[] =
		"{\"cniVersion\": \"1.0.0\", \"name\": \"sandbox-bridge\", \"type\": \"bridge\", "
		"\"bridge\": \"sandbox-br\", \"isDefaultGateway\": true, \"ipMasq\": true, "
		"\"ipam\": {\"type\": \"host-local\", \"ranges\": "
		"[[{\"subnet\": \"10.23.254.0/24\"}], [{\"subnet\": \"fd62:ffff::/64\"}]]}}";
	struct fixture *f = *state;
	bl_autofree char *path = bl_format("%s/bridge.conf", f->dir);
	bl_autofree char *id = sandbox_id(f);
	bl_autofree char *command = bl_format("ip -n %s -br addr show dev eth0", id);
	bl_autofree char *out = NULL, *gone = NULL;

	assert_int_equal(bl_file_write(path, conf, strlen(conf), 0644, NULL), 0);
	f->cni_conf = path;
	restart_agent(f);
	make_pod(f);
	out = shell(command);
	assert_non_null(strstr(out, "10.23.254."));
	assert_non_null(strstr(out, "fd62:ffff:"));
	/* With other configuration it is still undone as it was made. */
	f->cni_conf = NULL;
	restart_agent(f);
	remove_it(f);
	assert_nothing_left(f);
	gone = shell("ip link del sandbox-br");
}

static void test_network_is_made_once(void **state)
{
	struct fixture *f = *state;
	bl_autofree char *id = sandbox_id(f);
	bl_autofree char *command = bl_format("ip -n %s -br addr show dev eth0", id);
	bl_autofree char *first = NULL, *second = NULL;

	make_network(f);
	first = shell(command);
	restart_agent(f);
	make_network(f);
	second = shell(command);
	assert_string_equal(first, second);
}

static void test_container_is_confined(void **state)
{
	static const char *const seen[] = {
		"args --monitor --namespace sandbox-test --name vm-01 --uid "
		"0b5c6d56-0000-4000-8000-000000000001\n107\n",
		"CapPrm:\t0000000000000000",
		"CapBnd:\t0000000000000000",
		"NoNewPrivs:\t1",
		"Seccomp:\t2",
		"core 0\n",
		"\tvm-01\n",
		"tun\n",
		"base\n",
		"touch: cannot touch '/usr/x'",
		"touch: cannot touch '/etc/x'",
		"touch: cannot touch '/x'",
		"writable\n",
		"unshare: unshare failed: Operation not permitted",
	};
	struct fixture *f = *state;
	bl_autofree char *log = NULL;

	make_pod(f);
	assert_int_equal(phase(f), SANDBOX_RUNNING);
	log = read_log(f);
	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
		if (!strstr(log, seen[i]))
			fail_msg("'%s' is not in: %s", seen[i], log);
	assert_null(strstr(log, "kvm\n"));
}

static void test_container_has_limits(void **state)
{
	struct fixture *f = *state;
	bl_autofree char *id = sandbox_id(f);
	bl_autofree char *command = NULL, *out = NULL;
	int64_t limit;

	make_pod(f);
	command = bl_format("cat $(find /sys/fs/cgroup -path '*beeline*%s*' "
			    "\\( -name memory.limit_in_bytes -o -name memory.max \\))",
			    id);
	out = shell(command);
	limit = strtoll(out, NULL, 10);
	assert_in_range(limit, 64 * MIB + 1, 1024 * MIB);
}

/* A host without cgroups for limits: the VM runs, and it is said what is missing. */
static void test_missing_limits_are_said(void **state)
{
	struct fixture *f = *state;
	struct sandbox_state now;

	f->sandboxes->cgroups = (struct cgroup_support){.pids = true};
	make_pod(f);
	now = observe(f);
	assert_int_equal(now.phase, SANDBOX_RUNNING);
	assert_string_equal(now.degraded, "this host has no cgroup for: memory, cpu limits");
	sandbox_state_clear(&now);
}

static void test_container_runs_once(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	make_pod(f);
	pid = pid_of(f);
	assert_true(pid > 0);
	restart_agent(f);
	run(f);
	assert_int_equal(pid_of(f), pid);
	/* Another incarnation of the same name takes its place. */
	f->vmi.uid = "0b5c6d56-0000-4000-8000-000000000002";
	run(f);
	assert_int_not_equal(pid_of(f), pid);
}

static void test_stop_keeps_network(void **state)
{
	struct fixture *f = *state;

	make_pod(f);
	sandbox_stop(f->sandboxes, f->vmi.namespace, f->vmi.name, on_done, f);
	succeed(f);
	assert_int_equal(phase(f), SANDBOX_NETWORK);
	assert_int_equal(f->n_exits, 0);
}

static void test_exit_is_noticed(void **state)
{
	struct fixture *f = *state;
	bl_autofree char *id = sandbox_id(f), *command = NULL, *out = NULL;

	make_pod(f);
	restart_agent(f);
	assert_int_equal(phase(f), SANDBOX_RUNNING);
	command = bl_format("touch %s/sandboxes/%s/sockets/end", f->run_dir, id);
	out = shell(command);
	wait_for(f, f->n_exits == 1);
	assert_int_equal(phase(f), SANDBOX_STOPPED);
	run(f);
	assert_int_equal(phase(f), SANDBOX_RUNNING);
}

static void test_missing_plugin_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	const char *before = f->sandboxes->config.cni_bin_dir;

	f->sandboxes->config.cni_bin_dir = f->dir;
	sandbox_make_network(f->sandboxes, &f->vmi, on_done, f);
	finish(f);
	assert_int_equal(f->err.code, -ENOENT);
	assert_non_null(strstr(f->err.message, "CNI plugin 'ptp'"));
	assert_int_equal(phase(f), SANDBOX_ABSENT);
	f->sandboxes->config.cni_bin_dir = before;
}

static void test_missing_runtime_is_named(void **state)
{
	struct fixture *f = *state;

	make_network(f);
	f->sandboxes->runtime.program = "/nonexistent/runc";
	sandbox_run(f->sandboxes, &f->vmi, NULL, 0, on_done, f);
	finish(f);
	assert_non_null(strstr(f->err.message, "'/nonexistent/runc' cannot be executed"));
	assert_int_equal(phase(f), SANDBOX_NETWORK);
}

static void count(const char *namespace, const char *name, void *data)
{
	assert_string_equal(namespace, "sandbox-test");
	assert_string_equal(name, "vm-01");
	++*(int *)data;
}

static void test_all_are_listed(void **state)
{
	struct fixture *f = *state;
	int n = 0;

	assert_int_equal(sandboxes_for_each(f->sandboxes, count, &n, NULL), 0);
	assert_int_equal(n, 0);
	make_network(f);
	assert_int_equal(sandboxes_for_each(f->sandboxes, count, &n, NULL), 0);
	assert_int_equal(n, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_network_has_both_families, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bridge_plugin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_network_is_made_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_container_is_confined, setup, teardown),
		cmocka_unit_test_setup_teardown(test_container_has_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing_limits_are_said, setup, teardown),
		cmocka_unit_test_setup_teardown(test_container_runs_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_keeps_network, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exit_is_noticed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing_plugin_leaves_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_missing_runtime_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_are_listed, setup, teardown),
	};

	return cmocka_run_group_tests_name(TEST, tests, take_turn, NULL);
}
