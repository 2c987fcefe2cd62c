/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal that a person may sit at; see terminal.h. */
#include "terminal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <beeline/file.h>

#include "text.h"

bool terminal_has_colour(int fd)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(fd) && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

void terminal_paint(FILE *file, bool colour, enum terminal_colour which, const char *text)
{
	static const char *const codes[] = {
		[TERMINAL_RED] = "31",
		[TERMINAL_YELLOW] = "33",
		[TERMINAL_DIM] = "2",
	};

	if (colour)
		fprintf(file, "\033[%sm%s\033[0m", codes[which], text);
	else
		fputs(text, file);
}

static void say(enum terminal_colour colour, const char *label, const char *text)
{
	bl_autofree char *clean = text_clean_block(text);

	fflush(stdout);
	terminal_paint(stderr, terminal_has_colour(STDERR_FILENO), colour, label);
	fprintf(stderr, " %s\n", clean);
}

int terminal_error(const struct bl_err *err)
{
	say(TERMINAL_RED, "error:", err->message);
	return 1;
}

int terminal_usage(const char *verb, const char *fmt, ...)
{
	char text[BL_ERR_MESSAGE_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	say(TERMINAL_RED, "error:", text);
	fprintf(stderr, "See 'beeline %s --help'.\n", verb);
	return 2;
}

void terminal_warn(const char *fmt, ...)
{
	char text[BL_ERR_MESSAGE_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	say(TERMINAL_YELLOW, "warning:", text);
}

int terminal_raw_enter(struct terminal_raw *raw, int fd, struct bl_err *err)
{
	struct termios mode;

	raw->fd = -1;
	if (!isatty(fd))
		return 0;
	if (tcgetattr(fd, &raw->before) < 0)
		return bl_fail_errno(err, -errno, "reading the terminal's mode");
	mode = raw->before;
	cfmakeraw(&mode);
	if (tcsetattr(fd, TCSADRAIN, &mode) < 0)
		return bl_fail_errno(err, -errno, "setting the terminal to raw mode");
	raw->fd = fd;
	return 0;
}

void terminal_raw_leave(struct terminal_raw *raw)
{
	if (raw->fd < 0)
		return;
	tcsetattr(raw->fd, TCSADRAIN, &raw->before);
	raw->fd = -1;
}

struct progress progress_start(void)
{
	const char *term = getenv("TERM");

	return (struct progress){
		.live = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0,
	};
}

/* A line that wraps could not be rewritten: cut to the window's width. */
static int window_columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

static void draw(struct progress *progress, const char *text)
{
	if (progress->live)
		fprintf(stderr, "\r%.*s\033[K", window_columns() - 1, text);
	else
		fprintf(stderr, "%s\n", text);
	fflush(stderr);
	progress->dirty = progress->live;
}

static void show(struct progress *progress, const char *fmt, va_list args)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, args);

	bl_autofree char *clean = text_clean(text);

	if (progress->last && strcmp(progress->last, clean) == 0 &&
	    (progress->dirty || !progress->live))
		return;
	fflush(stdout);
	draw(progress, clean);
	free(progress->last);
	progress->last = bl_take_ptr(clean);
}

void progress_show(struct progress *progress, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	show(progress, fmt, args);
	va_end(args);
}

void progress_tick(struct progress *progress, const char *fmt, ...)
{
	va_list args;

	if (!progress->live)
		return;
	va_start(args, fmt);
	show(progress, fmt, args);
	va_end(args);
}

void progress_clear(struct progress *progress)
{
	if (progress->dirty)
		fputs("\r\033[K", stderr);
	fflush(stderr);
	progress->dirty = false;
}

void progress_end(struct progress *progress)
{
	progress_clear(progress);
	free(progress->last);
	progress->last = NULL;
}
