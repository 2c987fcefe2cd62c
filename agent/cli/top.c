/* SPDX-License-Identifier: Apache-2.0 */
/*
 * beeline top: which VMs have the most traffic, live. On a terminal a screen of its own that is drawn
 * anew each interval; elsewhere, or with --batch, one table or JSON line after the other.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <beeline/file.h>

#include "client.h"
#include "rows.h"
#include "terminal.h"
#include "top_rows.h"
#include "verbs.h"

#define CTRL_C 3

struct top_options {
	const char *socket, *sort, *output;
	uint64_t interval_ns;
	bool batch;
	long count;
};

static const struct bl_option rows[] = {
	{.name = "interval",
	 .letter = 'd',
	 .type = BL_OPTION_DURATION,
	 .offset = offsetof(struct top_options, interval_ns),
	 .argument = "DURATION",
	 .default_value = "2s",
	 .help = "time between two looks, over which rates are taken"},
	{.name = "sort",
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct top_options, sort),
	 .argument = "COLUMN",
	 .default_value = "bytes",
	 .choices = "bytes|packets|drops|connections|name",
	 .help = "what comes first: the most of it"},
	{.name = "batch",
	 .letter = 'b',
	 .type = BL_OPTION_FLAG,
	 .offset = offsetof(struct top_options, batch),
	 .help = "plain tables one after the other, as when the output is no terminal"},
	{.name = "count",
	 .letter = 'n',
	 .type = BL_OPTION_INTEGER,
	 .offset = offsetof(struct top_options, count),
	 .argument = "N",
	 .default_value = "0",
	 .help = "leave after N tables; 0: go on until interrupted"},
	{.name = "output",
	 .letter = 'o',
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct top_options, output),
	 .argument = "FORMAT",
	 .choices = "json",
	 .help = "one JSON object a line for each look; never a live screen"},
	OPTION_SOCKET(struct top_options),
	{0},
};

struct session {
	const struct top_options *options;
	struct client *client;
	enum top_sort sort;
	bool live;
	struct bl_timer timer;
	struct bl_io keys;
	struct cJSON *before, *after; /* owned; NULL: not asked yet */
	long n_shown;
	struct bl_err failure; /* why the agent did not answer */
};

/* ---- drawing ------------------------------------------------------------------------------------- */

/* One line of the screen, cut to its width. Whole characters go: a cell holds no control. */
static void draw_line(const char *line, size_t len, size_t width)
{
	size_t columns = 0, at = 0;

	for (; at < len; at++) {
		bool starts = ((unsigned char)line[at] & 0xc0) != 0x80;

		if (starts && columns == width)
			break;
		columns += starts;
	}
	printf("%.*s\033[K\r\n", (int)at, line);
}

static void draw(const char *text)
{
	struct winsize size = {0};
	size_t left;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col)
		size = (struct winsize){.ws_row = 24, .ws_col = 80};
	fputs("\033[H", stdout);
	left = size.ws_row - 1u;
	for (const char *end; left && (end = strchr(text, '\n')); text = end + 1, left--)
		draw_line(text, (size_t)(end - text), size.ws_col);
	fputs("\033[J", stdout);
	fflush(stdout);
}

static void show_live(const struct session *session, const struct top *top)
{
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	if (!file)
		return;
	fprintf(file, "%zu interfaces, rates over %.1f s; sort: b p d c n, leave: q\n\n",
		top->n_rows, top->seconds);
	top_print(top, file);
	fclose(file);
	draw(text);
	free(text);
}

static void show(struct session *session)
{
	top_auto struct top top;

	top_read(session->before, session->after, session->sort, &top);
	if (session->live) {
		show_live(session, &top);
	} else if (session->options->output) {
		bl_auto_json struct cJSON *json = top_json(&top);
		bl_autofree char *text = bl_json_print(json);

		puts(text);
	} else {
		if (session->n_shown)
			putchar('\n');
		top_print(&top, stdout);
	}
	fflush(stdout);
}

/* ---- looking ------------------------------------------------------------------------------------- */

static void ask(struct session *session);

static void on_timer(struct bl_timer *timer)
{
	ask(timer->data);
}

static void on_answer(const struct cJSON *result, const struct bl_err *why, int *fds,
		      unsigned int n_fds, void *data)
{
	struct session *session = data;

	if (why) {
		session->failure = *why;
		bl_loop_exit(session->client->loop, 0);
		return;
	}
	bl_json_free(session->before);
	session->before = session->after;
	session->after = bl_json_copy(result);
	if (session->before) {
		show(session);
		session->n_shown++;
	}
	if (session->options->count && session->n_shown == session->options->count)
		bl_loop_exit(session->client->loop, 0);
	else
		bl_timer_arm(session->client->loop, &session->timer, session->options->interval_ns,
			     on_timer, session);
}

static void ask(struct session *session)
{
	static const struct bl_rpc_reply_ops ops = {.done = on_answer};

	bl_rpc_call(session->client->rpc, "endpoint-counters", bl_json_object(), NULL, 0, 0, &ops,
		    session);
}

/* ---- the person ---------------------------------------------------------------------------------- */

static void on_key(struct bl_io *io, uint32_t events)
{
	static const char letters[] = {
		[TOP_BYTES] = 'b',       [TOP_PACKETS] = 'p', [TOP_DROPS] = 'd',
		[TOP_CONNECTIONS] = 'c', [TOP_NAME] = 'n',
	};
	struct session *session = io->data;
	char key;

	if (read(io->fd, &key, 1) != 1 || key == 'q' || key == CTRL_C) {
		bl_loop_exit(session->client->loop, 0);
		return;
	}
	for (size_t i = 0; i < sizeof(letters); i++)
		if (letters[i] == key)
			session->sort = (enum top_sort)i;
	if (session->before)
		show(session);
}

static void on_signal(int signo, void *data)
{
	struct session *session = data;

	if (signo != SIGWINCH)
		bl_loop_exit(session->client->loop, 0);
	else if (session->before)
		show(session);
}

static int hear(struct session *session, struct bl_err *err)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(signals) / sizeof(*signals); i++)
		r = bl_signal_add(session->client->loop, signals[i], on_signal, session, err);
	if (r == 0 && isatty(STDIN_FILENO))
		r = bl_io_add(session->client->loop, &session->keys, STDIN_FILENO, EPOLLIN, on_key,
			      session, err);
	return r;
}

/* A screen beside the one that the person had, without a cursor; then the old one again. */
static void screen(bool enter)
{
	fputs(enter ? "\033[?1049h\033[?25l" : "\033[?25h\033[?1049l", stdout);
	fflush(stdout);
}

static int watch(struct session *session, struct bl_err *err)
{
	terminal_auto_raw struct terminal_raw raw = {.fd = -1};
	int r = 0;

	if (session->live) {
		r = terminal_raw_enter(&raw, STDIN_FILENO, err);
		if (r == 0)
			r = hear(session, err);
		if (r < 0)
			return r;
		screen(true);
	}
	ask(session);
	r = bl_loop_run(session->client->loop);
	if (session->live)
		screen(false);
	bl_timer_disarm(&session->timer);
	bl_io_remove(&session->keys);
	if (r < 0)
		return bl_fail_errno(err, r, "asking the agent");
	return session->failure.code
		       ? bl_fail(err, session->failure.code, "%s", session->failure.message)
		       : 0;
}

static bool is_live(const struct top_options *options)
{
	const char *term = getenv("TERM");

	return !options->batch && !options->output && isatty(STDOUT_FILENO) && term &&
	       strcmp(term, "dumb") != 0;
}

static int run(void *data, int n_args, char **args)
{
	const struct top_options *options = data;
	client_auto struct client client = CLIENT_INIT;
	struct session session = {
		.options = options,
		.client = &client,
		.sort = top_sort_of(options->sort),
		.live = is_live(options),
	};
	struct bl_err err = BL_ERR_INIT;
	int r;

	if (options->count < 0)
		return terminal_usage("top", "--count cannot be negative");
	if (options->interval_ns < 100000000)
		return terminal_usage("top", "--interval: at least 100ms");
	r = client_open(options->socket, &client, &err);
	if (r == 0)
		r = watch(&session, &err);
	bl_json_free(session.before);
	bl_json_free(session.after);
	return r < 0 ? terminal_error(&err) : r;
}

const struct bl_verb verb_top = {
	.name = "top",
	.summary = "Show which VMs have the most traffic, live",
	.help = "Bytes, packets and drops of each VM's interface per second, its connections, and "
		"those\n"
		"that were forgotten before their time, as its table had no room for another.\n"
		"\n"
		"On a terminal b, p, d, c and n sort by bytes, packets, drops, connections and "
		"name,\n"
		"q leaves.\n"
		"\n"
		"Examples:\n"
		"  beeline top\n"
		"  beeline top --sort drops --interval 5s\n"
		"  beeline top -b -n 1 -o json",
	.options = rows,
	.options_size = sizeof(struct top_options),
	.run = run,
};
