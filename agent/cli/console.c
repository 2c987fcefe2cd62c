/* SPDX-License-Identifier: Apache-2.0 */
/* beeline console: the guest's serial console on this terminal, or between pipes. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "client.h"
#include "kind.h"
#include "pump.h"
#include "rows.h"
#include "terminal.h"
#include "text.h"
#include "verbs.h"

struct console_options {
	const char *socket;
	const char *namespace;
	uint64_t linger_ns;
};

static const struct bl_option rows[] = {
	{.name = "linger",
	 .type = BL_OPTION_DURATION,
	 .offset = offsetof(struct console_options, linger_ns),
	 .argument = "DURATION",
	 .default_value = "2s",
	 .help = "when standard input is no terminal: leave after its end once the guest has been "
		 "silent for this long"},
	OPTION_NAMESPACE(struct console_options),
	OPTION_SOCKET(struct console_options),
	{0},
};

#define ESCAPE_BYTE 0x1d /* Ctrl-] */

/* Signals that would leave the terminal in raw mode end the session in order instead. */
static int open_signals(int *ret_fd, struct bl_err *err)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaddset(&set, signals[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return bl_fail_errno(err, -errno, "blocking signals");
	*ret_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return *ret_fd < 0 ? bl_fail_errno(err, -errno, "making a signalfd") : 0;
}

static int carry(int fd, const struct console_options *options, enum pump_end *ret_end,
		 struct bl_err *err)
{
	terminal_auto_raw struct terminal_raw raw = {.fd = -1};
	bl_autoclose int signals = -1;
	uint64_t linger_ms = options->linger_ns / 1000000;
	int r;

	r = open_signals(&signals, err);
	if (r == 0)
		r = terminal_raw_enter(&raw, STDIN_FILENO, err);
	if (r < 0)
		return r;

	struct pump pump = {
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO,
		.peer = fd,
		.signals = signals,
		.escape = raw.fd < 0 ? PUMP_NO_ESCAPE : ESCAPE_BYTE,
		.linger_ms = linger_ms > INT_MAX ? INT_MAX : (int)linger_ms,
	};

	return pump_run(&pump, ret_end, err);
}

static int console(const struct console_options *options, const char *name, enum pump_end *ret_end,
		   struct bl_err *err)
{
	client_auto struct client client = CLIENT_INIT;
	bl_autoclose int fd = -1;
	struct client_call call = {.method = "console", .fd = -1};
	int r;

	r = client_open(options->socket, &client, err);
	if (r < 0)
		return r;
	call.params = client_reference(NULL, options->namespace, name);
	r = client_call(&client, &call, NULL, &fd, err);
	if (r < 0)
		return r;
	if (isatty(STDIN_FILENO)) {
		bl_autofree char *clean = text_clean(name);

		fprintf(stderr, "Connected to the console of %s. The escape sequence is ^]\n",
			clean);
	}
	return carry(fd, options, ret_end, err);
}

static int run(void *data, int n_args, char **args)
{
	struct bl_err err = BL_ERR_INIT;
	enum pump_end end;
	const char *name;

	if (kind_machine(args[0], &name, &err) < 0 || console(data, name, &end, &err) < 0)
		return terminal_error(&err);
	if (isatty(STDIN_FILENO))
		fprintf(stderr, "\n");
	if (end == PUMP_PEER_CLOSED)
		fprintf(stderr,
			"The console was closed: the machine stopped, or somebody else took "
			"it.\n");
	return end == PUMP_PEER_CLOSED || end == PUMP_SIGNAL;
}

const struct bl_verb verb_console = {
	.name = "console",
	.arguments = "[TYPE/]NAME",
	.summary = "Connect to a guest's serial console",
	.help = "Leave with ^] (Ctrl and the right bracket). The console begins with what the "
		"guest\n"
		"printed last. Standard input may be a file or a pipe.\n"
		"\n"
		"Examples:\n"
		"  beeline console vm-01\n"
		"  printf 'uname -a\\n' | beeline console vm-01",
	.options = rows,
	.options_size = sizeof(struct console_options),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
