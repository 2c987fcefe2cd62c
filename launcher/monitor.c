// SPDX-License-Identifier: Apache-2.0
/*
 * PID 1 of the pod: see monitor.h. Must not fail, so it allocates nothing after its start and has no
 * dependency but libc: one poll() over a signalfd and the pipe that everything below it logs into.
 */
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <beeline/launcher.h>

#define LOG_MAX        (1024 * 1024)
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 10000
/* A launcher that lived this long was not killed by its own start. */
#define HEALTHY_MS 60000

struct monitor {
	char *const *argv;
	int signals;
	int pipe[2]; /* stderr of all below us; both ends stay open, so it outlives every launcher */
	int log;     /* -1: only our own stderr */
	off_t log_size;
	pid_t launcher; /* 0: not running */
	int64_t started_ms, restart_ms;
	int64_t backoff_ms;
	int pending_signal; /* to be told to every launcher until one exits with 0 */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- log ---- */

static void open_log(struct monitor *monitor)
{
	struct stat st;

	mkdir(BL_LAUNCHER_PRIVATE_DIR, 0755);
	monitor->log = open(BL_LAUNCHER_LOG, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	monitor->log_size = monitor->log >= 0 && fstat(monitor->log, &st) == 0 ? st.st_size : 0;
}

static void rotate_log(struct monitor *monitor)
{
	rename(BL_LAUNCHER_LOG, BL_LAUNCHER_LOG ".1");
	close(monitor->log);
	open_log(monitor);
}

/* A log that cannot be written must not stop the VM: what does not fit is dropped. */
static void write_log(struct monitor *monitor, const char *bytes, size_t len)
{
	ssize_t n = write(STDERR_FILENO, bytes, len);

	if (monitor->log < 0)
		return;
	n = write(monitor->log, bytes, len);
	if (n > 0)
		monitor->log_size += n;
	if (monitor->log_size > LOG_MAX)
		rotate_log(monitor);
}

__attribute__((format(printf, 2, 3))) static void say(struct monitor *monitor, const char *fmt, ...)
{
	char line[256];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (len > 0)
		write_log(monitor, line,
			  (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1);
}

static void drain_pipe(struct monitor *monitor)
{
	char bytes[8192];
	ssize_t n;

	while ((n = read(monitor->pipe[0], bytes, sizeof(bytes))) > 0)
		write_log(monitor, bytes, (size_t)n);
}

/* ---- the launcher ---- */

static _Noreturn void become_launcher(const struct monitor *monitor)
{
	/* SIGTERM and SIGINT stay blocked until the launcher's loop takes them: one that comes now
	 * waits. The rest is as we found it. */
	dup2(monitor->pipe[1], STDERR_FILENO);
	dup2(monitor->pipe[1], STDOUT_FILENO);
	execv("/proc/self/exe", monitor->argv);
	_exit(127);
}

static void restart_later(struct monitor *monitor)
{
	if (now_ms() - monitor->started_ms > HEALTHY_MS)
		monitor->backoff_ms = BACKOFF_MIN_MS;
	monitor->restart_ms = now_ms() + monitor->backoff_ms;
	monitor->backoff_ms *= 2;
	if (monitor->backoff_ms > BACKOFF_MAX_MS)
		monitor->backoff_ms = BACKOFF_MAX_MS;
}

static void start_launcher(struct monitor *monitor)
{
	pid_t pid = fork();

	if (pid == 0)
		become_launcher(monitor);
	monitor->started_ms = now_ms();
	if (pid < 0) {
		say(monitor, "level=error msg=\"launcher not started\" reason=\"%s\"\n",
		    strerror(errno));
		restart_later(monitor);
		return;
	}
	monitor->launcher = pid;
	if (monitor->pending_signal)
		kill(pid, monitor->pending_signal);
}

/* Returns whether the pod is done. */
static bool on_launcher_end(struct monitor *monitor, int status)
{
	monitor->launcher = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	say(monitor, "level=warn msg=\"launcher ended, starting it again\" status=%d signal=%d\n",
	    WIFEXITED(status) ? WEXITSTATUS(status) : -1,
	    WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	restart_later(monitor);
	return false;
}

static bool reap(struct monitor *monitor)
{
	bool done = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == monitor->launcher)
			done = on_launcher_end(monitor, status);
	}
	return done;
}

/* ---- signals ---- */

static bool on_signals(struct monitor *monitor)
{
	struct signalfd_siginfo info;
	bool done = false;

	while (read(monitor->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			done |= reap(monitor);
			continue;
		}
		monitor->pending_signal = (int)info.ssi_signo;
		if (monitor->launcher)
			kill(monitor->launcher, monitor->pending_signal);
	}
	return done;
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int wait_ms(const struct monitor *monitor)
{
	int64_t left;

	if (monitor->launcher)
		return -1;
	left = monitor->restart_ms - now_ms();
	return left > 0 ? (int)left : 0;
}

static void supervise(struct monitor *monitor)
{
	struct pollfd fds[] = {
		{.fd = monitor->signals, .events = POLLIN},
		{.fd = monitor->pipe[0], .events = POLLIN},
	};
	bool done = false;

	while (!done) {
		if (!monitor->launcher && wait_ms(monitor) == 0)
			start_launcher(monitor);
		if (poll(fds, 2, wait_ms(monitor)) < 0)
			continue;
		drain_pipe(monitor);
		done = on_signals(monitor);
	}
	drain_pipe(monitor);
}

int monitor_run(char *const *argv)
{
	struct monitor monitor = {.argv = argv, .log = -1, .backoff_ms = BACKOFF_MIN_MS};

	signal(SIGPIPE, SIG_IGN);
	/* In a container PID 1 is the reaper anyway; outside of one this makes it so. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	monitor.signals = open_signals();
	if (monitor.signals < 0 || pipe2(monitor.pipe, O_CLOEXEC) < 0) {
		perror("beeline-launcher");
		return EXIT_FAILURE;
	}
	/* Only our end: who logs may wait for us. */
	fcntl(monitor.pipe[0], F_SETFL, O_NONBLOCK);
	open_log(&monitor);
	supervise(&monitor);
	return EXIT_SUCCESS;
}
