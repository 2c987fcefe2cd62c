// SPDX-License-Identifier: Apache-2.0
/*
 * Both ends of the pipe between the agent and its unpacking child: lines "p <bytes>" for progress and
 * at most one "e <sentence>". Success is exit status 0.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

#include "unpack.h"

#define LINE_MAX_LEN 1024
#define MEMORY_MAX   (1ull << 30)
#define CPU_SECONDS  3600
#define FILES_MAX    16

struct image_child {
	struct bl_child child;
	struct bl_io pipe;
	struct image_child_spec spec;
	char line[LINE_MAX_LEN];
	size_t len;
	struct bl_err failure; /* what the child said; code 0: nothing */
};

/* ---- the child's side ---- */

static void send_progress(uint64_t bytes, void *data)
{
	dprintf(*(int *)data, "p %llu\n", (unsigned long long)bytes);
}

static void limit(int resource, rlim_t most)
{
	struct rlimit rlimit = {.rlim_cur = most, .rlim_max = most};

	if (setrlimit(resource, &rlimit) < 0)
		_exit(EXIT_FAILURE);
}

/* Everything the agent has open, and the privilege to start anew, stays behind. The input becomes
 * descriptor 0, the disk 1, the pipe 2. */
static void confine(const struct image_child_spec *spec, int pipe_fd)
{
	int in = fcntl(spec->in_fd, F_DUPFD, 3), out = fcntl(spec->out_fd, F_DUPFD, 3);
	int report = fcntl(pipe_fd, F_DUPFD, 3);
	sigset_t none;

	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(report, 2) < 0 ||
	    close_range(3, ~0u, 0) < 0)
		_exit(EXIT_FAILURE);
	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_CPU, CPU_SECONDS);
	limit(RLIMIT_DATA, MEMORY_MAX);
	limit(RLIMIT_FSIZE, IMAGE_DISK_MAX);
	limit(RLIMIT_NOFILE, FILES_MAX);
	if (setgroups(0, NULL) < 0 || setresgid(spec->uid, spec->uid, spec->uid) < 0 ||
	    setresuid(spec->uid, spec->uid, spec->uid) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(EXIT_FAILURE);
	limit(RLIMIT_NPROC, 0);
}

static _Noreturn void unpack(const struct image_child_spec *spec, int pipe_fd)
{
	struct bl_err err = BL_ERR_INIT;
	const char *format;
	int report = 2;

	confine(spec, pipe_fd);
	if (image_unpack(0, 1, send_progress, &report, &format, &err) == 0)
		_exit(EXIT_SUCCESS);
	dprintf(report, "e %d %s\n", err.code, err.message);
	_exit(EXIT_FAILURE);
}

/* ---- the agent's side ---- */

static void child_free(struct image_child *child)
{
	int fd = child->pipe.fd;

	if (child->pipe.loop) {
		bl_io_remove(&child->pipe);
		close(fd);
	}
	free(child);
}

static void take_line(struct image_child *child, char *line)
{
	int code, start = 0;

	if (line[0] == 'p')
		child->spec.progress(strtoull(line + 1, NULL, 10), child->spec.data);
	else if (sscanf(line, "e %d %n", &code, &start) == 1 && start && code < 0)
		bl_fail(&child->failure, code, "%s", line + start);
}

static void take_byte(struct image_child *child, char byte)
{
	if (byte != '\n') {
		if (child->len + 1 < sizeof(child->line))
			child->line[child->len++] = byte;
		return;
	}
	child->line[child->len] = '\0';
	child->len = 0;
	take_line(child, child->line);
}

/* One read; whether there may be more right now. */
static bool read_some(struct image_child *child)
{
	char bytes[4096];
	ssize_t n = read(child->pipe.fd, bytes, sizeof(bytes));

	for (ssize_t i = 0; i < n; i++)
		take_byte(child, bytes[i]);
	return n > 0;
}

static void on_pipe(struct bl_io *io, uint32_t events)
{
	struct image_child *child = io->data;
	int fd = io->fd;

	if (!read_some(child) && (events & (EPOLLHUP | EPOLLERR))) {
		bl_io_remove(io);
		close(fd);
	}
}

static void on_end(struct bl_child *process, int status)
{
	struct image_child *child = process->data;

	while (child->pipe.loop && read_some(child))
		;
	if (status != 0 && !child->failure.code)
		bl_fail(&child->failure, -EIO, "unpacking was ended by %s %d",
			WIFSIGNALED(status) ? "signal" : "exit status",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	child->spec.done(status != 0 ? &child->failure : NULL, child->spec.data);
	child_free(child);
}

int image_child_start(struct bl_loop *loop, const struct image_child_spec *spec,
		      struct image_child **ret_child, struct bl_err *err)
{
	bl_autofree struct image_child *child = bl_alloc(sizeof(*child));
	bl_autoclose int read_fd = -1, write_fd = -1;
	int fds[2], r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return bl_fail_errno(err, -errno, "making a pipe");
	read_fd = fds[0];
	write_fd = fds[1];
	fcntl(read_fd, F_SETFL, O_NONBLOCK);
	pid = fork();
	if (pid == 0)
		unpack(spec, write_fd);
	if (pid < 0)
		return bl_fail_errno(err, -errno, "forking to unpack an image");
	child->spec = *spec;
	r = bl_io_add(loop, &child->pipe, read_fd, EPOLLIN, on_pipe, child, err);
	if (r == 0) {
		bl_take_fd(&read_fd);
		r = bl_child_watch(loop, &child->child, pid, on_end, child, err);
	}
	if (r < 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		child_free(bl_take_ptr(child));
		return r;
	}
	*ret_child = bl_take_ptr(child);
	return 0;
}

void image_child_cancel(struct image_child *child)
{
	if (!child)
		return;
	kill(child->child.pid, SIGKILL);
	bl_child_abandon(&child->child);
	child_free(child);
}
