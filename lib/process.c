// SPDX-License-Identifier: Apache-2.0
/*
 * Children on the loop. Input goes through a memfd and output through pipes that the loop drains,
 * so no side ever waits for the other. A child is done when it exits, not when its pipes close: a
 * container that it left behind may hold them for years.
 *
 * Between fork and exec only async-signal-safe calls are made, since programs may have threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <beeline/file.h>
#include <beeline/process.h>

#define MESSAGE_MAX  400 /* of a child's stderr in an error */
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* One collected output; text always has room for a NUL. */
struct stream {
	struct bl_io io;
	char *text;
	size_t len, room;
};

struct bl_process {
	struct bl_child child;
	struct bl_timer deadline;
	struct stream out, err;
	bl_process_fn *fn;
	void *data;
	bool timed_out;
};

/* ---- collecting output ---- */

static void stream_append(struct stream *stream, const char *bytes, size_t n)
{
	/* What is over the bound is read all the same: the child must not wait for us. */
	if (n > BL_PROCESS_OUTPUT_MAX - stream->len)
		n = BL_PROCESS_OUTPUT_MAX - stream->len;
	if (stream->len + n + 1 > stream->room) {
		stream->room = (stream->len + n + 1) * 2;
		stream->text = bl_realloc(stream->text, stream->room);
	}
	memcpy(stream->text + stream->len, bytes, n);
	stream->len += n;
	stream->text[stream->len] = '\0';
}

static void stream_close(struct stream *stream)
{
	if (!stream->io.loop)
		return;
	bl_io_remove(&stream->io);
	close(stream->io.fd);
}

/* One read; whether there may be more right now. */
static bool stream_read(struct stream *stream)
{
	char bytes[16384];
	ssize_t n = read(stream->io.fd, bytes, sizeof(bytes));

	if (n > 0)
		stream_append(stream, bytes, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		stream_close(stream);
	return n > 0;
}

static void on_stream(struct bl_io *io, uint32_t events)
{
	stream_read(io->data);
}

/* What is in the pipe of a child that ended; a pipe's capacity bounds it even when somebody else
 * goes on writing. */
static void stream_drain(struct stream *stream)
{
	for (int i = 0; i < 64 && stream->io.loop && stream_read(stream); i++)
		;
	stream_close(stream);
}

static int stream_open(struct bl_loop *loop, struct stream *stream, int *ret_write_fd,
		       struct bl_err *err)
{
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return bl_fail_errno(err, -errno, "making a pipe");
	/* Only our end: the child expects a plain pipe. */
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	r = bl_io_add(loop, &stream->io, fds[0], EPOLLIN, on_stream, stream, err);
	if (r < 0) {
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	stream_append(stream, "", 0);
	*ret_write_fd = fds[1];
	return 0;
}

/* ---- the child's side ---- */

static _Noreturn void die(const char *what)
{
	const char *const parts[] = {what, ": ", strerrordesc_np(errno), "\n"};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (write(STDERR_FILENO, parts[i], strlen(parts[i])) < 0)
			break;
	_exit(127);
}

static void place_fds(int in, int out, int err)
{
	int fds[] = {in, out, err};

	/* Out of the way first, since one may stand where another belongs. */
	for (int i = 0; i < 3; i++)
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
	for (int i = 0; i < 3; i++)
		if (dup2(fds[i], i) < 0)
			_exit(127);
	close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
}

static void limit(int resource, uint64_t bytes)
{
	struct rlimit rlimit = {.rlim_cur = bytes, .rlim_max = bytes};

	if (bytes && setrlimit(resource, &rlimit) < 0)
		die("setrlimit");
}

static void drop_privileges(const struct bl_process_spec *spec)
{
	if (!spec->uid)
		return;
	if (setgroups(0, NULL) < 0 && geteuid() == 0)
		die("setgroups");
	if (setresgid(spec->gid, spec->gid, spec->gid) < 0)
		die("setresgid");
	if (setresuid(spec->uid, spec->uid, spec->uid) < 0)
		die("setresuid");
}

static _Noreturn void become(const struct bl_process_spec *spec, char *const *env)
{
	sigset_t none;

	/* A group of its own, so that a deadline takes what it started along. */
	setsid();
	for (int signo = 1; signo < NSIG; signo++)
		signal(signo, SIG_DFL);
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	if (spec->netns_fd >= 0 && setns(spec->netns_fd, CLONE_NEWNET) < 0)
		die("setns");
	limit(RLIMIT_AS, spec->max_memory_bytes);
	limit(RLIMIT_FSIZE, spec->max_file_bytes);
	drop_privileges(spec);
	execvpe(spec->argv[0], (char *const *)spec->argv, env);
	die(spec->argv[0]);
}

/* ---- starting ---- */

/* The descriptor for the child's standard input; the caller closes it unless it is spec's. */
static int open_input(const struct bl_process_spec *spec, int *ret_fd, struct bl_err *err)
{
	bl_autoclose int fd = -1;
	size_t done = 0;

	if (spec->stdin_fd >= 0) {
		fd = fcntl(spec->stdin_fd, F_DUPFD_CLOEXEC, 3);
	} else if (spec->input) {
		fd = memfd_create("input", MFD_CLOEXEC);
		while (fd >= 0 && done < spec->input_len) {
			ssize_t n = write(fd, spec->input + done, spec->input_len - done);

			if (n < 0)
				return bl_fail_errno(err, -errno, "preparing input");
			done += (size_t)n;
		}
		if (fd >= 0)
			lseek(fd, 0, SEEK_SET);
	} else {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return bl_fail_errno(err, -errno, "opening standard input");
	*ret_fd = bl_take_fd(&fd);
	return 0;
}

static int open_outputs(struct bl_loop *loop, const struct bl_process_spec *spec,
			struct bl_process *process, int ret_fds[2], struct bl_err *err)
{
	int r;

	if (spec->log_fd >= 0) {
		ret_fds[0] = fcntl(spec->log_fd, F_DUPFD_CLOEXEC, 3);
		ret_fds[1] = fcntl(spec->log_fd, F_DUPFD_CLOEXEC, 3);
		if (ret_fds[0] < 0 || ret_fds[1] < 0)
			return bl_fail_errno(err, -errno, "duplicating the log's descriptor");
		return 0;
	}
	r = stream_open(loop, &process->out, &ret_fds[0], err);
	return r < 0 ? r : stream_open(loop, &process->err, &ret_fds[1], err);
}

static void process_free(struct bl_process *process)
{
	bl_timer_disarm(&process->deadline);
	bl_child_forget(&process->child);
	stream_close(&process->out);
	stream_close(&process->err);
	free(process->out.text);
	free(process->err.text);
	free(process);
}
BL_DEFINE_AUTO(process, struct bl_process *, process_free)

static void on_exit_status(struct bl_child *child, int status)
{
	struct bl_process *process = child->data;
	struct bl_process_result result = {.status = status, .timed_out = process->timed_out};

	bl_timer_disarm(&process->deadline);
	stream_drain(&process->out);
	stream_drain(&process->err);
	result.out = process->out.text ? process->out.text : "";
	result.out_len = process->out.len;
	result.err = process->err.text ? process->err.text : "";
	process->fn(&result, process->data);
	process_free(process);
}

static void on_deadline(struct bl_timer *timer)
{
	struct bl_process *process = timer->data;

	process->timed_out = true;
	kill(-process->child.pid, SIGKILL);
	kill(process->child.pid, SIGKILL); /* in case it had no time to make its group */
}

static pid_t fork_child(const struct bl_process_spec *spec, int in, const int outs[2])
{
	const char *path = getenv("PATH"), *home = getenv("HOME");
	bl_autofree char *path_env = bl_format("PATH=%s", path ? path : DEFAULT_PATH);
	bl_autofree char *home_env = bl_format("HOME=%s", home ? home : "/");
	char lang_env[] = "LANG=C";
	char *const clean_env[] = {path_env, home_env, lang_env, NULL};
	char *const *env = spec->env ? (char *const *)spec->env : clean_env;
	pid_t pid = fork();

	if (pid == 0) {
		place_fds(in, outs[0], outs[1]);
		become(spec, env);
	}
	return pid < 0 ? -errno : pid;
}

int bl_process_start(struct bl_loop *loop, const struct bl_process_spec *spec, bl_process_fn *fn,
		     void *data, struct bl_process **ret_process, struct bl_err *err)
{
	bl_cleanup(bl_auto_process_fn) struct bl_process *process = bl_alloc(sizeof(*process));
	bl_autoclose int in = -1;
	int outs[2] = {-1, -1};
	pid_t pid;
	int r;

	process->fn = fn;
	process->data = data;
	r = open_input(spec, &in, err);
	if (r == 0)
		r = open_outputs(loop, spec, process, outs, err);
	pid = r == 0 ? fork_child(spec, in, outs) : r;
	for (int i = 0; i < 2; i++)
		if (outs[i] >= 0)
			close(outs[i]);
	if (r < 0)
		return r;
	if (pid < 0)
		return bl_fail_errno(err, (int)pid, "forking for %s", spec->argv[0]);
	r = bl_child_watch(loop, &process->child, pid, on_exit_status, process, err);
	if (r < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return r;
	}
	if (spec->timeout_ns)
		bl_timer_arm(loop, &process->deadline, spec->timeout_ns, on_deadline, process);
	if (ret_process)
		*ret_process = process;
	process = NULL;
	return 0;
}

void bl_process_cancel(struct bl_process *process)
{
	if (!process)
		return;
	kill(-process->child.pid, SIGKILL);
	kill(process->child.pid, SIGKILL);
	bl_child_abandon(&process->child);
	process_free(process);
}

void bl_process_abandon(struct bl_process *process)
{
	if (!process)
		return;
	bl_child_abandon(&process->child);
	process_free(process);
}

pid_t bl_process_pid(const struct bl_process *process)
{
	return process->child.pid;
}

/* ---- running to the end ---- */

struct run {
	struct bl_loop *loop;
	const char *program;
	char *out;
	struct bl_err *err;
};

static void on_run_done(const struct bl_process_result *result, void *data)
{
	struct run *run = data;
	size_t len = strnlen(result->err, MESSAGE_MAX);
	char text[64];
	int r = 0;

	while (len && result->err[len - 1] == '\n')
		len--;
	if (result->timed_out)
		r = bl_fail(run->err, -ETIMEDOUT, "%s did not end in time", run->program);
	else if (result->status != 0)
		r = bl_fail(run->err, -EIO, "%s: %s%s%.*s", run->program,
			    bl_process_status_text(result->status, text), len ? ": " : "", (int)len,
			    result->err);
	else
		run->out = bl_strdup(result->out);
	bl_loop_exit(run->loop, r);
}

int bl_process_run(const struct bl_process_spec *spec, char **ret_out, struct bl_err *err)
{
	bl_auto_loop struct bl_loop *loop = NULL;
	struct run run = {.program = spec->argv[0], .err = err};
	int r = bl_loop_new(&loop, err);

	if (r < 0)
		return r;
	run.loop = loop;
	r = bl_process_start(loop, spec, on_run_done, &run, NULL, err);
	if (r < 0)
		return r;
	r = bl_loop_run(loop);
	if (r == 0 && ret_out)
		*ret_out = bl_take_ptr(run.out);
	free(run.out);
	return r;
}

const char *bl_process_status_text(int status, char text[64])
{
	if (status == -1)
		snprintf(text, 64, "status unknown");
	else if (WIFSIGNALED(status))
		snprintf(text, 64, "killed by signal %d", WTERMSIG(status));
	else
		snprintf(text, 64, "exit status %d", WEXITSTATUS(status));
	return text;
}
