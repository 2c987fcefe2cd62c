// SPDX-License-Identifier: Apache-2.0
/* Children: what goes in, what comes out, how they end, and what they do not inherit. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <beeline/process.h>

static struct bl_err err;

struct outcome {
	struct bl_loop *loop;
	int done, status;
	bool timed_out;
	char *out, *err;
	size_t out_len;
};

static void on_done(const struct bl_process_result *result, void *data)
{
	struct outcome *outcome = data;

	outcome->done++;
	outcome->status = result->status;
	outcome->timed_out = result->timed_out;
	outcome->out = bl_strdup(result->out);
	outcome->err = bl_strdup(result->err);
	outcome->out_len = result->out_len;
	bl_loop_exit(outcome->loop, 0);
}

static void outcome_clear(struct outcome *outcome)
{
	free(outcome->out);
	free(outcome->err);
	bl_loop_free(outcome->loop);
}
#define auto_outcome bl_cleanup(outcome_clear)

static void run(struct outcome *outcome, const struct bl_process_spec *spec)
{
	assert_int_equal(bl_loop_new(&outcome->loop, NULL), 0);
	assert_int_equal(bl_process_start(outcome->loop, spec, on_done, outcome, NULL, &err), 0);
	assert_int_equal(bl_loop_run(outcome->loop), 0);
	assert_int_equal(outcome->done, 1);
}

static struct bl_process_spec shell(const char *script)
{
	static const char *argv[4];
	struct bl_process_spec spec = BL_PROCESS_SPEC_INIT;

	argv[0] = "sh";
	argv[1] = "-c";
	argv[2] = script;
	spec.argv = argv;
	return spec;
}

static void test_output_and_status(void **state)
{
	auto_outcome struct outcome outcome = {0};
	struct bl_process_spec spec = shell("echo out; echo err >&2; exit 3");
	char text[64];

	run(&outcome, &spec);
	assert_string_equal(outcome.out, "out\n");
	assert_string_equal(outcome.err, "err\n");
	assert_string_equal(bl_process_status_text(outcome.status, text), "exit status 3");
	assert_false(outcome.timed_out);
}

static void test_signal_status(void **state)
{
	auto_outcome struct outcome outcome = {0};
	struct bl_process_spec spec = shell("kill -9 $$");
	char text[64];

	run(&outcome, &spec);
	assert_string_equal(bl_process_status_text(outcome.status, text), "killed by signal 9");
}

static void test_megabytes_in_and_out(void **state)
{
	auto_outcome struct outcome outcome = {0};
	struct bl_process_spec spec = shell("cat; cat >&2 /dev/null");
	bl_autofree char *input = bl_alloc(900001);

	memset(input, 'i', 900000);
	spec.input = input;
	spec.input_len = 900000;
	run(&outcome, &spec);
	assert_int_equal(outcome.out_len, 900000);
	assert_string_equal(outcome.out, input);
}

static void test_output_is_bounded(void **state)
{
	auto_outcome struct outcome outcome = {0};
	struct bl_process_spec spec = shell("head -c 3000000 /dev/zero; echo done >&2");

	run(&outcome, &spec);
	assert_int_equal(outcome.status, 0);
	assert_int_equal(outcome.out_len, BL_PROCESS_OUTPUT_MAX);
	assert_string_equal(outcome.err, "done\n");
}

static void test_missing_program(void **state)
{
	const char *argv[] = {"beeline-no-such-program", NULL};
	struct bl_process_spec spec = BL_PROCESS_SPEC_INIT;
	auto_outcome struct outcome outcome = {0};

	spec.argv = argv;
	run(&outcome, &spec);
	assert_int_equal(WEXITSTATUS(outcome.status), 127);
	assert_string_equal(outcome.err, "beeline-no-such-program: No such file or directory\n");
}

/* The deadline takes the whole group along: a grandchild holds the pipe, which ends when it does. */
static void test_deadline(void **state)
{
	auto_outcome struct outcome outcome = {0};
	struct bl_process_spec spec = shell("exec 3<&0; cat /dev/zero >/dev/null & wait");
	int ends[2];
	char byte;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	spec.stdin_fd = ends[1];
	spec.timeout_ns = 200000000;
	run(&outcome, &spec);
	assert_true(outcome.timed_out);
	assert_true(WIFSIGNALED(outcome.status));
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
}

/* What a container leaves behind may hold our pipes: the child's exit counts. */
static void test_left_behind_holds_the_pipe(void **state)
{
	auto_outcome struct outcome outcome = {0};
	struct bl_process_spec spec = shell("exec 9<&0; setsid cat <&9 & exit 0");
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	spec.stdin_fd = ends[0];
	run(&outcome, &spec);
	assert_int_equal(outcome.status, 0);
	/* Now the one left behind may end. */
	close(ends[0]);
	close(ends[1]);
}

static void test_clean_environment(void **state)
{
	auto_outcome struct outcome outcome = {0}, given = {0};
	struct bl_process_spec spec = shell("echo \"${SECRET-unset} ${LANG-unset} ${X-unset}\"");
	const char *env[] = {"X=5", "PATH=/usr/bin:/bin", NULL};

	setenv("SECRET", "s", 1);
	run(&outcome, &spec);
	assert_string_equal(outcome.out, "unset C unset\n");
	spec.env = env;
	run(&given, &spec);
	assert_string_equal(given.out, "unset unset 5\n");
}

static void test_nothing_is_inherited(void **state)
{
	auto_outcome struct outcome outcome = {0};
	struct bl_process_spec spec = shell("ls /proc/self/fd | grep -vc '^[0123]$'; "
					    "grep -E 'SigBlk|SigIgn' /proc/self/status; exit 0");
	int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
	unsigned long long blocked, ignored;
	int n_fds;
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	run(&outcome, &spec);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	close(leak);
	/* The two that the C library keeps for itself (32 and 33) are not ours to reset. */
	assert_int_equal(
		sscanf(outcome.out, "%d SigBlk: %llx SigIgn: %llx", &n_fds, &blocked, &ignored), 3);
	assert_int_equal(n_fds, 0);
	assert_int_equal(blocked, 0);
	assert_int_equal(ignored & ~0x180000000ull, 0);
}

static void test_log_descriptor(void **state)
{
	auto_outcome struct outcome outcome = {0};
	struct bl_process_spec spec = shell("echo out; echo err >&2");
	char *dir = unit_dir(), *path = bl_format("%s/log", dir);
	bl_autofree char *text = NULL;
	int fd = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);

	spec.log_fd = fd;
	run(&outcome, &spec);
	close(fd);
	assert_string_equal(outcome.out, "");
	assert_int_equal(bl_file_read(path, 100, &text, NULL, &err), 0);
	assert_string_equal(text, "out\nerr\n");
	free(path);
	unit_dir_remove(dir);
}

static void test_limits(void **state)
{
	auto_outcome struct outcome outcome = {0};
	struct bl_process_spec spec = shell("ulimit -v; ulimit -f");

	spec.max_memory_bytes = 512 * 1024 * 1024;
	spec.max_file_bytes = 1024 * 1024;
	run(&outcome, &spec);
	assert_string_equal(outcome.out, "524288\n2048\n");
}

static void run_as_somebody(void)
{
	auto_outcome struct outcome outcome = {0};
	struct bl_process_spec spec = shell("id -u; id -g; id -G");

	spec.uid = 65534;
	spec.gid = 65533;
	run(&outcome, &spec);
	assert_string_equal(outcome.out, "65534\n65533\n65533\n");
}

static void test_privileges_are_dropped(void **state)
{
	if (geteuid() != 0)
		unit_skip("root (setuid)");
	run_as_somebody();
}

static void test_cancel(void **state)
{
	auto_outcome struct outcome outcome = {0};
	struct bl_process_spec spec = shell("exec cat /dev/zero >/dev/null");
	struct bl_process *process;
	pid_t pid;

	assert_int_equal(bl_loop_new(&outcome.loop, NULL), 0);
	assert_int_equal(bl_process_start(outcome.loop, &spec, on_done, &outcome, &process, &err),
			 0);
	pid = bl_process_pid(process);
	bl_process_cancel(process);
	while (kill(pid, 0) == 0)
		assert_true(bl_loop_once(outcome.loop, 5000) > 0);
	assert_int_equal(outcome.done, 0);
	bl_process_cancel(NULL);
}

static void test_run(void **state)
{
	struct bl_process_spec good = shell("printf hello");
	bl_autofree char *out = NULL;

	assert_int_equal(bl_process_run(&good, &out, &err), 0);
	assert_string_equal(out, "hello");

	struct bl_process_spec bad = shell("echo no disk >&2; exit 4");

	assert_fails(bl_process_run(&bad, NULL, &err), -EIO, "sh: exit status 4: no disk");
	bad = shell("exit 4");
	assert_fails(bl_process_run(&bad, NULL, &err), -EIO, "sh: exit status 4");
	bad = shell("exec cat /dev/zero >/dev/null");
	bad.timeout_ns = 50000000;
	assert_fails(bl_process_run(&bad, NULL, &err), -ETIMEDOUT, "did not end in time");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output_and_status),
		cmocka_unit_test(test_signal_status),
		cmocka_unit_test(test_megabytes_in_and_out),
		cmocka_unit_test(test_output_is_bounded),
		cmocka_unit_test(test_missing_program),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_left_behind_holds_the_pipe),
		cmocka_unit_test(test_clean_environment),
		cmocka_unit_test(test_nothing_is_inherited),
		cmocka_unit_test(test_log_descriptor),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_privileges_are_dropped),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_run),
	};

	/* Directories of root's that somebody else may not look into stay out of it. */
	setenv("PATH", "/usr/bin:/bin", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
