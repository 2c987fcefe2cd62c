// SPDX-License-Identifier: Apache-2.0
/*
 * A pod in all but name, for real: namespaces, CNI plugins, runc. The launcher is a shell script that
 * reports what it sees through the directories that it shares with the host. Agents that die in the
 * middle are played by giving up the sandboxes object and making a new one over the same directories.
 */
#include "../unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <beeline/json.h>
#include <beeline/loop.h>
#include <beeline/process.h>

#include "../../agent/sandbox.h"

#define TIMEOUT_NS (30ull * 1000 * 1000 * 1000)
#define VM_UID     107
#define MIB        (1024ll * 1024)

struct fixture {
	char *dir, *run_dir, *state_dir, *launcher, *disk;
	struct bl_loop *loop;
	struct sandboxes *sandboxes;
	struct bl_vmi vmi;
	bool done, expired;
	int n_exits;
	struct bl_err err;
};

static const char launcher[] =
	"#!/bin/sh\n"
	"exec 2>/var/run/kubevirt-private/launcher.log >&2\n"
	"echo \"args $*\"; id -u; cat /proc/self/status; cat /etc/hosts\n"
	"ls /dev /dev/net; cat /var/run/kubevirt/container-disks/disk_0.img\n"
	"touch /usr/x /etc/x /x; touch /var/run/kubevirt/ours && echo writable\n"
	"touch /var/run/kubevirt-ephemeral-disks/overlay /tmp/x /run/x\n"
	"unshare -U true; mount -t tmpfs none /tmp\n"
	"touch /var/run/kubevirt/sockets/ready\n"
	"while [ ! -e /var/run/kubevirt/sockets/end ]; do sleep 0.05; done\n";

static void on_expiry(struct bl_timer *timer)
{
	((struct fixture *)timer->data)->expired = true;
}

/* Dispatches until the condition holds; a test that waits for ever fails. */
#define wait_for(f, condition)                                              \
	do {                                                                \
		struct bl_timer _timer = {0};                               \
		(f)->expired = false;                                       \
		bl_timer_arm((f)->loop, &_timer, TIMEOUT_NS, on_expiry, f); \
		while (!(condition) && !(f)->expired)                       \
			assert_true(bl_loop_once((f)->loop, 50) >= 0);      \
		bl_timer_disarm(&_timer);                                   \
		if ((f)->expired)                                           \
			fail_msg("timed out waiting for " #condition);      \
	} while (0)

static void on_done(const struct bl_err *err, void *data)
{
	struct fixture *f = data;

	assert_false(f->done);
	f->done = true;
	f->err = err ? *err : BL_ERR_INIT;
}

static void on_container_exit(const char *namespace, const char *name, void *data)
{
	struct fixture *f = data;

	assert_string_equal(namespace, f->vmi.namespace);
	assert_string_equal(name, f->vmi.name);
	f->n_exits++;
}

static void start_agent(struct fixture *f)
{
	struct bl_err err = BL_ERR_INIT;
	struct sandbox_config config = {
		.run_dir = f->run_dir,
		.state_dir = f->state_dir,
		.cni_bin_dir = "/usr/lib/cni",
		.launcher = f->launcher,
		.runtime = "runc",
		.vm_uid = VM_UID,
	};

	if (sandboxes_new(f->loop, &config, &f->sandboxes, &err) < 0)
		fail_msg("%s", err.message);
	sandboxes_on_exit(f->sandboxes, on_container_exit, f);
}

static void restart_agent(struct fixture *f)
{
	sandboxes_free(f->sandboxes);
	start_agent(f);
}

static int setup(void **state)
{
	struct fixture *f = bl_alloc(sizeof(*f));

	f->dir = unit_dir();
	chmod(f->dir, 0711);
	f->run_dir = bl_format("%s/run", f->dir);
	f->state_dir = bl_format("%s/state", f->dir);
	f->launcher = bl_format("%s/launcher", f->dir);
	f->disk = bl_format("%s/disk", f->dir);
	f->vmi = (struct bl_vmi){
		.namespace = "sandbox-test",
		.name = "vm-01",
		.uid = "0b5c6d56-0000-4000-8000-000000000001",
		.hostname = "vm-01",
		.memory_bytes = 64 * MIB,
		.cpu_limit_milli = 500,
		.cpu = {.cores = 1, .sockets = 1, .threads = 1},
	};
	assert_int_equal(bl_file_write(f->launcher, launcher, strlen(launcher), 0755, NULL), 0);
	assert_int_equal(bl_file_write(f->disk, "base\n", 5, 0444, NULL), 0);
	assert_int_equal(bl_loop_new(&f->loop, NULL), 0);
	start_agent(f);
	*state = f;
	return 0;
}

static void finish(struct fixture *f)
{
	wait_for(f, f->done);
	f->done = false;
}

static void succeed(struct fixture *f)
{
	finish(f);
	if (f->err.code)
		fail_msg("%s", f->err.message);
}

/* As the agent does: again while a plugin of the agent before runs. */
static void repeat(struct fixture *f, void (*verb)(struct fixture *f))
{
	uint64_t deadline_ns = bl_now_ns() + TIMEOUT_NS;

	do {
		verb(f);
		finish(f);
	} while (f->err.code == -EBUSY && bl_now_ns() < deadline_ns);
	if (f->err.code)
		fail_msg("%s", f->err.message);
}

static void start_make_network(struct fixture *f)
{
	sandbox_make_network(f->sandboxes, &f->vmi, on_done, f);
}

static void make_network(struct fixture *f)
{
	repeat(f, start_make_network);
}

static void run(struct fixture *f)
{
	struct sandbox_volume volume = {
		.name = "disk",
		.host_path = f->disk,
		.guest_path = "/var/run/kubevirt/container-disks/disk_0.img",
		.readonly = true,
	};

	sandbox_run(f->sandboxes, &f->vmi, &volume, 1, on_done, f);
	succeed(f);
}

static void start_remove(struct fixture *f)
{
	sandbox_remove(f->sandboxes, f->vmi.namespace, f->vmi.name, on_done, f);
}

static void remove_it(struct fixture *f)
{
	repeat(f, start_remove);
}

static enum sandbox_phase phase(struct fixture *f)
{
	struct sandbox_state state;
	enum sandbox_phase phase;

	assert_int_equal(sandbox_observe(f->sandboxes, f->vmi.namespace, f->vmi.name, &state, NULL),
			 0);
	phase = state.phase;
	sandbox_state_clear(&state);
	return phase;
}

static bool is_stale(struct fixture *f)
{
	struct sandbox_state state;
	bool stale;

	assert_int_equal(sandbox_observe(f->sandboxes, f->vmi.namespace, f->vmi.name, &state, NULL),
			 0);
	stale = state.stale;
	sandbox_state_clear(&state);
	return stale;
}

static pid_t pid_of(struct fixture *f)
{
	struct sandbox_state state;
	pid_t pid;

	assert_int_equal(sandbox_observe(f->sandboxes, f->vmi.namespace, f->vmi.name, &state, NULL),
			 0);
	pid = state.pid;
	sandbox_state_clear(&state);
	return pid;
}

/* What the shell prints, without the last newline. The caller frees. */
static char *shell(const char *command)
{
	const char *argv[] = {"sh", "-c", command, NULL};
	struct bl_process_spec spec = BL_PROCESS_SPEC_INIT;
	struct bl_err err = BL_ERR_INIT;
	char *out = NULL;

	spec.argv = argv;
	if (bl_process_run(&spec, &out, &err) < 0)
		fail_msg("%s: %s", command, err.message);
	out[strcspn(out, "\n")] = '\0';
	return out;
}

static char *sandbox_id(struct fixture *f)
{
	bl_autofree char *path = sandbox_netns_path(f->sandboxes, f->vmi.namespace, f->vmi.name);

	return bl_strdup(strrchr(path, '/') + 1);
}

/* Everything by which a sandbox could be remembered is gone. */
static void assert_nothing_left(struct fixture *f)
{
	bl_autofree char *id = sandbox_id(f);
	bl_autofree char *command = bl_format(
		"{ ls /run/netns | grep -F '%s'; find /sys/fs/cgroup -name '*%s*'; "
		"iptables-save | grep -F '%s'; ip6tables-save | grep -F '%s'; "
		"grep -F '%s' /proc/self/mountinfo; ls %s/runc %s/sandboxes %s/sandboxes; "
		"find %s/cni -name '10.*' -o -name 'fd*'; } 2>/dev/null | grep -v ':$' | head -3; "
		":",
		id, id, id, id, f->dir, f->run_dir, f->run_dir, f->state_dir, f->state_dir);
	bl_autofree char *left = shell(command);

	assert_string_equal(left, "");
	assert_int_equal(phase(f), SANDBOX_ABSENT);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	remove_it(f);
	assert_nothing_left(f);
	sandboxes_free(f->sandboxes);
	bl_loop_free(f->loop);
	unit_dir_remove(f->dir);
	free(f->run_dir);
	free(f->state_dir);
	free(f->launcher);
	free(f->disk);
	free(f);
	return 0;
}

static bool exists_below_sockets(struct fixture *f, const char *name)
{
	int dir_fd = -1;
	bool exists;

	assert_int_equal(
		sandbox_open_sockets(f->sandboxes, f->vmi.namespace, f->vmi.name, &dir_fd, NULL),
		0);
	exists = faccessat(dir_fd, name, F_OK, 0) == 0;
	close(dir_fd);
	return exists;
}

static char *read_log(struct fixture *f)
{
	struct bl_err err = BL_ERR_INIT;
	char *text = NULL;
	int fd = -1;

	if (sandbox_open_log(f->sandboxes, f->vmi.namespace, f->vmi.name, "launcher", &fd, &err) <
	    0)
		fail_msg("%s", err.message);
	assert_int_equal(bl_file_read_fd(fd, MIB, &text, NULL, NULL), 0);
	close(fd);
	return text;
}

static void make_pod(struct fixture *f)
{
	make_network(f);
	run(f);
	wait_for(f, exists_below_sockets(f, "ready"));
}

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
	run(f);
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
		cmocka_unit_test_setup_teardown(test_network_is_made_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_container_is_confined, setup, teardown),
		cmocka_unit_test_setup_teardown(test_container_has_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_container_runs_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_keeps_network, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exit_is_noticed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crash_is_repaired, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reboot_releases_leases, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vanished_namespace_is_replaced, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_all_are_listed, setup, teardown),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
