// SPDX-License-Identifier: Apache-2.0
/*
 * The event loop: one epoll set, a list of timers sorted by deadline, children by pidfd, signals by
 * signalfd. A callback may remove any source, so an event that was already fetched for a removed
 * source is struck from the batch. Knows nothing of what its sources mean.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>

#include <beeline/file.h>
#include <beeline/loop.h>

#define BATCH 32

struct signal_source {
	struct bl_io io;
	bl_signal_fn *fn;
	void *data;
	struct signal_source *next;
};

/* A child that nobody waits for any more but that must not stay a zombie. */
struct orphan {
	struct bl_child child;
	struct orphan *next;
};

struct bl_loop {
	int epoll_fd;
	int exit_code;
	bool exiting;
	struct epoll_event batch[BATCH];
	int n_batch;
	struct bl_timer *timers; /* the nearest deadline first */
	struct signal_source *signals;
	struct orphan *orphans;
};

uint64_t bl_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int bl_loop_new(struct bl_loop **ret_loop, struct bl_err *err)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);
	struct bl_loop *loop;

	if (fd < 0)
		return bl_fail_errno(err, -errno, "creating an epoll set");
	loop = bl_alloc(sizeof(*loop));
	loop->epoll_fd = fd;
	*ret_loop = loop;
	return 0;
}

void bl_loop_free(struct bl_loop *loop)
{
	if (!loop)
		return;
	while (loop->signals) {
		struct signal_source *source = loop->signals;

		loop->signals = source->next;
		close(source->io.fd);
		free(source);
	}
	while (loop->orphans) {
		struct orphan *orphan = loop->orphans;

		loop->orphans = orphan->next;
		close(orphan->child.io.fd);
		free(orphan);
	}
	close(loop->epoll_fd);
	free(loop);
}

/* ---- descriptors ---- */

int bl_io_add(struct bl_loop *loop, struct bl_io *io, int fd, uint32_t events, bl_io_fn *fn,
	      void *data, struct bl_err *err)
{
	struct epoll_event event = {.events = events, .data.ptr = io};

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return bl_fail_errno(err, -errno, "watching descriptor %d", fd);
	*io = (struct bl_io){.loop = loop, .fn = fn, .data = data, .fd = fd};
	return 0;
}

void bl_io_modify(struct bl_io *io, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = io};

	/* Fails only for a descriptor that was closed while it was registered. */
	if (epoll_ctl(io->loop->epoll_fd, EPOLL_CTL_MOD, io->fd, &event) < 0)
		abort();
}

void bl_io_remove(struct bl_io *io)
{
	struct bl_loop *loop = io->loop;

	if (!loop)
		return;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL);
	for (int i = 0; i < loop->n_batch; i++)
		if (loop->batch[i].data.ptr == io)
			loop->batch[i].data.ptr = NULL;
	io->loop = NULL;
}

/* ---- timers ---- */

void bl_timer_arm(struct bl_loop *loop, struct bl_timer *timer, uint64_t after_ns, bl_timer_fn *fn,
		  void *data)
{
	struct bl_timer **at = &loop->timers;
	uint64_t deadline_ns;

	if (__builtin_add_overflow(bl_now_ns(), after_ns, &deadline_ns))
		deadline_ns = UINT64_MAX;
	bl_timer_disarm(timer);
	while (*at && (*at)->deadline_ns <= deadline_ns)
		at = &(*at)->next;
	*timer = (struct bl_timer){
		.loop = loop, .fn = fn, .data = data, .deadline_ns = deadline_ns, .next = *at};
	*at = timer;
}

void bl_timer_disarm(struct bl_timer *timer)
{
	struct bl_timer **at;

	if (!timer->loop)
		return;
	for (at = &timer->loop->timers; *at != timer;)
		at = &(*at)->next;
	*at = timer->next;
	timer->next = NULL;
	timer->loop = NULL;
}

/* Fires what is due now; what a callback arms waits for the next turn, so that descriptors get
 * theirs. */
static int fire_timers(struct bl_loop *loop)
{
	uint64_t now = bl_now_ns();
	int n = 0;

	while (loop->timers && loop->timers->deadline_ns < now) {
		struct bl_timer *timer = loop->timers;

		bl_timer_disarm(timer);
		timer->fn(timer);
		n++;
	}
	return n;
}

/* Milliseconds to wait, rounded up: a timer never fires early. */
static int wait_ms(const struct bl_loop *loop, int timeout_ms)
{
	uint64_t now = bl_now_ns(), ms;

	if (!loop->timers)
		return timeout_ms;
	if (loop->timers->deadline_ns < now)
		return 0;
	ms = (loop->timers->deadline_ns - now) / 1000000 + 1;
	if (ms > INT32_MAX)
		ms = INT32_MAX;
	return timeout_ms >= 0 && (uint64_t)timeout_ms < ms ? timeout_ms : (int)ms;
}

/* ---- running ---- */

int bl_loop_once(struct bl_loop *loop, int timeout_ms)
{
	int n = epoll_wait(loop->epoll_fd, loop->batch, BATCH, wait_ms(loop, timeout_ms));
	int dispatched = 0;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	loop->n_batch = n;
	for (int i = 0; i < n; i++) {
		struct bl_io *io = loop->batch[i].data.ptr;

		if (!io)
			continue;
		io->fn(io, loop->batch[i].events);
		dispatched++;
	}
	loop->n_batch = 0;
	return dispatched + fire_timers(loop);
}

int bl_loop_run(struct bl_loop *loop)
{
	while (!loop->exiting) {
		int r = bl_loop_once(loop, -1);

		if (r < 0)
			return r;
	}
	loop->exiting = false;
	return loop->exit_code;
}

void bl_loop_exit(struct bl_loop *loop, int code)
{
	loop->exiting = true;
	loop->exit_code = code;
}

/* ---- children ---- */

static void on_child(struct bl_io *io, uint32_t events)
{
	struct bl_child *child = io->data;
	int status = -1;
	pid_t pid = waitpid(child->pid, &status, WNOHANG);

	if (pid == 0)
		return;
	bl_child_forget(child);
	child->fn(child, pid > 0 ? status : -1);
}

int bl_child_watch(struct bl_loop *loop, struct bl_child *child, pid_t pid, bl_child_fn *fn,
		   void *data, struct bl_err *err)
{
	bl_autoclose int fd = pidfd_open(pid, 0);
	int r;

	if (fd < 0)
		return bl_fail_errno(err, -errno, "opening child %d", (int)pid);
	r = bl_io_add(loop, &child->io, fd, EPOLLIN, on_child, child, err);
	if (r < 0)
		return r;
	bl_take_fd(&fd);
	child->fn = fn;
	child->data = data;
	child->pid = pid;
	return 0;
}

void bl_child_forget(struct bl_child *child)
{
	if (!child->io.loop)
		return;
	bl_io_remove(&child->io);
	close(child->io.fd);
	child->pid = 0;
}

static void on_orphan(struct bl_child *child, int status)
{
	struct orphan *orphan = (struct orphan *)child;
	struct bl_loop *loop = child->data;
	struct orphan **at = &loop->orphans;

	while (*at != orphan)
		at = &(*at)->next;
	*at = orphan->next;
	free(orphan);
}

void bl_child_abandon(struct bl_child *child)
{
	struct bl_loop *loop = child->io.loop;
	pid_t pid = child->pid;
	struct orphan *orphan;

	if (!loop)
		return;
	bl_child_forget(child);
	orphan = bl_alloc(sizeof(*orphan));
	if (bl_child_watch(loop, &orphan->child, pid, on_orphan, loop, NULL) < 0) {
		free(orphan);
		return;
	}
	orphan->next = loop->orphans;
	loop->orphans = orphan;
}

/* ---- signals ---- */

static void on_signal(struct bl_io *io, uint32_t events)
{
	struct signal_source *source = io->data;
	struct signalfd_siginfo info;

	if (read(io->fd, &info, sizeof(info)) == sizeof(info))
		source->fn((int)info.ssi_signo, source->data);
}

int bl_signal_add(struct bl_loop *loop, int signo, bl_signal_fn *fn, void *data, struct bl_err *err)
{
	bl_autofree struct signal_source *source = bl_alloc(sizeof(*source));
	bl_autoclose int fd = -1;
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, signo);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return bl_fail_errno(err, -errno, "making a signalfd for signal %d", signo);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return bl_fail(err, -EINVAL, "blocking signal %d", signo);
	r = bl_io_add(loop, &source->io, fd, EPOLLIN, on_signal, source, err);
	if (r < 0)
		return r;
	bl_take_fd(&fd);
	source->fn = fn;
	source->data = data;
	source->next = loop->signals;
	loop->signals = bl_take_ptr(source);
	return 0;
}
