/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The serial console. QEMU serves one client at a time, so the launcher is that client and serves
 * everybody else: what the guest prints goes into a ring, from which each reader is fed at its own
 * pace. A reader that falls behind by more than the ring loses the oldest bytes and nothing else; the
 * guest never waits for one. What readers type goes to the guest; while it does not take it, they wait.
 *
 * QEMU writes the log beside the socket by itself, also while no launcher lives; here it is only read,
 * for what was printed before.
 */
#pragma once

#include <beeline/err.h>
#include <beeline/loop.h>

struct console;

/* Neither path needs to exist yet. */
struct console *console_new(struct bl_loop *loop, const char *socket, const char *log);
void console_free(struct console *console);
/* Connects, and connects again whenever the connection ends, until console_detach(). */
void console_attach(struct console *console);
void console_detach(struct console *console);
/* A new reader: *ret_fd, a stream socket, is the caller's. What was printed last comes first. */
int console_open(struct console *console, int *ret_fd, struct bl_err *err);
