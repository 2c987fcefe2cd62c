/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event loop and one thread per program: epoll, level-triggered. Sources are embedded in their
 * owners and must stay at their address while registered; a callback may remove and free any
 * source, its own included. Guests of the loop (curl, libvirt, netlink, ring buffers, signals,
 * children) come as file descriptors or timers. Nothing in a callback blocks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

#include <beeline/cleanup.h>
#include <beeline/err.h>

struct bl_loop;
struct bl_io;
struct bl_timer;
struct bl_child;

typedef void bl_io_fn(struct bl_io *io, uint32_t events);
typedef void bl_timer_fn(struct bl_timer *timer);
/* status is as waitpid() gives it. */
typedef void bl_child_fn(struct bl_child *child, int status);
typedef void bl_signal_fn(int signo, void *data);

/* A watched descriptor; the owner keeps the fd open while it is registered and closes it after. */
struct bl_io {
	struct bl_loop *loop; /* NULL when not registered */
	bl_io_fn *fn;
	void *data;
	int fd;
};

/* Fires once at its deadline; arming again moves it. */
struct bl_timer {
	struct bl_loop *loop; /* NULL when not armed */
	bl_timer_fn *fn;
	void *data;
	uint64_t deadline_ns; /* CLOCK_MONOTONIC */
	struct bl_timer *next;
};

/* A child process, reaped through its pidfd. */
struct bl_child {
	struct bl_io io;
	bl_child_fn *fn;
	void *data;
	pid_t pid; /* 0 when there is none */
};

int bl_loop_new(struct bl_loop **ret_loop, struct bl_err *err);
void bl_loop_free(struct bl_loop *loop); /* after everything that is registered with it */
BL_DEFINE_AUTO(loop, struct bl_loop *, bl_loop_free)
#define bl_auto_loop bl_cleanup(bl_auto_loop_fn)

/* Runs until bl_loop_exit(); returns its code, or a negative errno when epoll fails. */
int bl_loop_run(struct bl_loop *loop);
/* Dispatches what is ready, waiting at most timeout_ms (-1: for ever); returns the number of
 * callbacks or a negative errno. For tests and tools. */
int bl_loop_once(struct bl_loop *loop, int timeout_ms);
void bl_loop_exit(struct bl_loop *loop, int code);

int bl_io_add(struct bl_loop *loop, struct bl_io *io, int fd, uint32_t events, bl_io_fn *fn,
	      void *data, struct bl_err *err);
void bl_io_modify(struct bl_io *io, uint32_t events);
void bl_io_remove(struct bl_io *io); /* no-op when not registered */

void bl_timer_arm(struct bl_loop *loop, struct bl_timer *timer, uint64_t after_ns, bl_timer_fn *fn,
		  void *data);
void bl_timer_disarm(struct bl_timer *timer); /* no-op when not armed */
uint64_t bl_now_ns(void);                     /* CLOCK_MONOTONIC */

/* Watches a child that was just forked; the loop reaps it and calls fn once. */
int bl_child_watch(struct bl_loop *loop, struct bl_child *child, pid_t pid, bl_child_fn *fn,
		   void *data, struct bl_err *err);
/* Stops watching; the child is neither killed nor reaped. */
void bl_child_forget(struct bl_child *child);
/* Stops watching too, but the loop reaps the child in silence when it ends. */
void bl_child_abandon(struct bl_child *child);

/* Blocks signo in this process and delivers it here. One handler per signal. */
int bl_signal_add(struct bl_loop *loop, int signo, bl_signal_fn *fn, void *data,
		  struct bl_err *err);
