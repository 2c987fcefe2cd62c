/* SPDX-License-Identifier: Apache-2.0 */
/* beeline logs: a machine's log file, to its end or as it grows. */
#include <errno.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <beeline/file.h>

#include "client.h"
#include "kind.h"
#include "rows.h"
#include "terminal.h"
#include "text.h"
#include "verbs.h"

struct logs_options {
	const char *socket;
	const char *namespace;
	const char *source;
	long tail;
	bool follow;
};

static const struct bl_option rows[] = {
	{.name = "follow",
	 .letter = 'f',
	 .type = BL_OPTION_FLAG,
	 .offset = offsetof(struct logs_options, follow),
	 .help = "go on printing what is written, until interrupted"},
	{.name = "source",
	 .letter = 'c',
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct logs_options, source),
	 .argument = "SOURCE",
	 .default_value = "launcher",
	 .choices = "launcher|console|qemu",
	 .help = "which log: of the launcher, of the guest's serial console, of the emulator"},
	{.name = "tail",
	 .type = BL_OPTION_INTEGER,
	 .offset = offsetof(struct logs_options, tail),
	 .argument = "LINES",
	 .default_value = "-1",
	 .min = -1,
	 .help = "begin with the last so many lines; -1: with the first"},
	OPTION_NAMESPACE(struct logs_options),
	OPTION_SOCKET(struct logs_options),
	{0},
};

#define CHUNK      65536
#define LINE_BYTES 8192

/* Where printing stands. On a terminal whole lines are cleaned; elsewhere bytes are copied. */
struct printer {
	int fd;
	off_t offset;
	bool clean;
	char line[LINE_BYTES + 1];
	size_t n_line;
};

static void flush_line(struct printer *printer)
{
	bl_autofree char *text = NULL;

	printer->line[printer->n_line] = '\0';
	text = text_clean_block(printer->line);
	fputs(text, stdout);
	printer->n_line = 0;
}

static void print_clean(struct printer *printer, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\0')
			continue;
		printer->line[printer->n_line++] = bytes[i];
		if (bytes[i] == '\n' || printer->n_line == LINE_BYTES)
			flush_line(printer);
	}
}

/* Prints what stands behind the offset. A file that became shorter was begun anew. */
static int print_rest(struct printer *printer, struct bl_err *err)
{
	char bytes[CHUNK];
	struct stat st;
	ssize_t n;

	if (fstat(printer->fd, &st) == 0 && st.st_size < printer->offset)
		printer->offset = 0;
	while ((n = pread(printer->fd, bytes, sizeof(bytes), printer->offset)) > 0) {
		printer->offset += n;
		if (printer->clean)
			print_clean(printer, bytes, (size_t)n);
		else
			fwrite(bytes, 1, (size_t)n, stdout);
	}
	fflush(stdout);
	return n < 0 ? bl_fail_errno(err, -errno, "reading the log") : 0;
}

/* Offset of the last n_lines lines; a last line without its end counts. */
static off_t tail_offset(int fd, long n_lines)
{
	off_t at = lseek(fd, 0, SEEK_END);
	off_t end = at;
	long found = 0;
	char bytes[CHUNK];

	while (at > 0) {
		off_t begin = at > CHUNK ? at - CHUNK : 0;
		ssize_t n = pread(fd, bytes, (size_t)(at - begin), begin);

		if (n <= 0)
			return 0;
		for (ssize_t i = n - 1; i >= 0; i--) {
			if (bytes[i] == '\n' && begin + i + 1 < end && ++found == n_lines)
				return begin + i + 1;
		}
		at = begin;
	}
	return 0;
}

struct follow {
	struct printer *printer;
	struct bl_loop *loop;
	struct bl_err *err;
};

static void on_change(struct bl_io *io, uint32_t events)
{
	struct follow *follow = io->data;
	char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct stat st;
	int r;

	if (read(io->fd, bytes, sizeof(bytes)) < 0 && errno != EAGAIN)
		bl_loop_exit(follow->loop, bl_fail_errno(follow->err, -errno, "reading inotify"));
	r = print_rest(follow->printer, follow->err);
	if (r < 0)
		bl_loop_exit(follow->loop, r);
	else if (fstat(follow->printer->fd, &st) == 0 && st.st_nlink == 0)
		bl_loop_exit(follow->loop, 0); /* the machine is gone, and its log with it */
}

/* inotify wants a path; the one below /proc/self/fd leads to the open file itself. */
static int follow_file(struct bl_loop *loop, struct printer *printer, struct bl_err *err)
{
	struct follow follow = {.printer = printer, .loop = loop, .err = err};
	bl_autofree char *path = bl_format("/proc/self/fd/%d", printer->fd);
	bl_autoclose int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct bl_io io = {0};
	int r;

	if (fd < 0 || inotify_add_watch(fd, path, IN_MODIFY | IN_ATTRIB) < 0)
		return bl_fail_errno(err, -errno, "watching the log");
	r = bl_io_add(loop, &io, fd, EPOLLIN, on_change, &follow, err);
	if (r == 0)
		r = print_rest(printer, err);
	if (r == 0)
		r = bl_loop_run(loop);
	bl_io_remove(&io);
	return r;
}

static int logs(const struct logs_options *options, const char *name, struct bl_err *err)
{
	client_auto struct client client = CLIENT_INIT;
	bl_autoclose int fd = -1;
	struct client_call call = {.method = "logs", .fd = -1};
	int r;

	r = client_open(options->socket, &client, err);
	if (r < 0)
		return r;
	call.params = client_reference(NULL, options->namespace, name);
	bl_json_set_string(call.params, "source", options->source);
	r = client_call(&client, &call, NULL, &fd, err);
	if (r < 0)
		return r;

	struct printer printer = {.fd = fd, .clean = isatty(STDOUT_FILENO)};

	if (options->tail == 0)
		printer.offset = lseek(fd, 0, SEEK_END);
	else if (options->tail > 0)
		printer.offset = tail_offset(fd, options->tail);
	r = options->follow ? follow_file(client.loop, &printer, err) : print_rest(&printer, err);
	if (printer.n_line)
		flush_line(&printer);
	return r;
}

static int run(void *data, int n_args, char **args)
{
	struct bl_err err = BL_ERR_INIT;
	const char *name;

	if (kind_machine(args[0], &name, &err) < 0 || logs(data, name, &err) < 0)
		return terminal_error(&err);
	return 0;
}

const struct bl_verb verb_logs = {
	.name = "logs",
	.arguments = "[TYPE/]NAME",
	.summary = "Print a machine's log",
	.help = "Examples:\n"
		"  beeline logs vm-01\n"
		"  beeline logs vm-01 -f --tail 20\n"
		"  beeline logs vm-01 --source console",
	.options = rows,
	.options_size = sizeof(struct logs_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
