/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal that a person may sit at: whether there is one, its colours, its raw mode, and a
 * line of progress that is rewritten in place. Without a terminal progress is a plain line per
 * change.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <termios.h>

#include <beeline/cleanup.h>
#include <beeline/err.h>

/* Colours only on a terminal that knows them, and never with NO_COLOR (https://no-color.org). */
bool terminal_has_colour(int fd);

enum terminal_colour { TERMINAL_RED, TERMINAL_YELLOW, TERMINAL_DIM };
/* Writes text, coloured where colour is true. */
void terminal_paint(FILE *file, bool colour, enum terminal_colour which, const char *text);

/* "error: ..." on stderr, cleaned; returns the exit code 1. */
int terminal_error(const struct bl_err *err);
/* A mistake in how the command was called: points to the verb's --help; returns the exit code 2. */
int terminal_usage(const char *verb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "warning: ..." likewise. */
void terminal_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Raw mode for the life of the struct; a descriptor that is no terminal is left alone. */
struct terminal_raw {
	int fd; /* -1: nothing to restore */
	struct termios before;
};
int terminal_raw_enter(struct terminal_raw *raw, int fd, struct bl_err *err);
void terminal_raw_leave(struct terminal_raw *raw);
#define terminal_auto_raw bl_cleanup(terminal_raw_leave)

/* Progress on stderr. */
struct progress {
	bool live;  /* a terminal: the line is rewritten */
	bool dirty; /* a live line stands there */
	char *last; /* owned: what was shown last */
};
struct progress progress_start(void);
/* Shows text when it differs from what was shown. */
void progress_show(struct progress *progress, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The same, but only on a terminal: for numbers that change all the time. */
void progress_tick(struct progress *progress, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Takes the live line away, so that other text can be printed. */
void progress_clear(struct progress *progress);
void progress_end(struct progress *progress);
#define progress_auto bl_cleanup(progress_end)
