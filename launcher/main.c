// SPDX-License-Identifier: Apache-2.0
/*
 * beeline-launcher: one VM in its pod. Parses options and ties the rooms together; `--monitor` becomes
 * the pod's PID 1 instead (monitor.c) and runs this program again below it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include <beeline/log.h>
#include <beeline/loop.h>
#include <beeline/option.h>

#include "lifecycle.h"
#include "monitor.h"
#include "server.h"

struct options {
	bool monitor;
	const char *namespace, *name, *uid;
	const char *log_level, *log_format;
};

#define ROW(member) .offset = offsetof(struct options, member)

static const struct bl_option option_rows[] = {
	{.name = "monitor",
	 .type = BL_OPTION_FLAG,
	 ROW(monitor),
	 .help = "be PID 1 of the pod: start the launcher, and start it again when it dies"},
	{.name = "namespace",
	 .type = BL_OPTION_STRING,
	 ROW(namespace),
	 .argument = "NAMESPACE",
	 .help = "namespace of the VirtualMachineInstance"},
	{.name = "name",
	 .type = BL_OPTION_STRING,
	 ROW(name),
	 .argument = "NAME",
	 .help = "name of the VirtualMachineInstance"},
	{.name = "uid",
	 .type = BL_OPTION_STRING,
	 ROW(uid),
	 .argument = "UID",
	 .help = "uid of the VirtualMachineInstance"},
	{.name = "log-level",
	 .type = BL_OPTION_STRING,
	 ROW(log_level),
	 .argument = "LEVEL",
	 .default_value = "info",
	 .env = "BEELINE_LOG_LEVEL",
	 .choices = "debug|info|warn|error",
	 .help = "least important messages to log"},
	{.name = "log-format",
	 .type = BL_OPTION_STRING,
	 ROW(log_format),
	 .argument = "FORMAT",
	 .default_value = "text",
	 .env = "BEELINE_LOG_FORMAT",
	 .choices = "text|json",
	 .help = "form of the log lines"},
	{},
};

/* Lets the last notice reach the agent. */
#define FAREWELL_NS (100ull * 1000 * 1000)

struct program {
	struct bl_loop *loop;
	struct bl_timer farewell;
	struct lifecycle *lifecycle;
	struct server *server;
};

static void on_state(void *data)
{
	struct program *program = data;

	if (program->server)
		server_announce(program->server);
}

static void on_farewell(struct bl_timer *timer)
{
	struct program *program = timer->data;

	bl_loop_exit(program->loop, EXIT_SUCCESS);
}

static void on_finished(void *data)
{
	struct program *program = data;

	bl_timer_arm(program->loop, &program->farewell, FAREWELL_NS, on_farewell, program);
}

static const struct lifecycle_ops lifecycle_ops = {
	.changed = on_state,
	.finished = on_finished,
};

static void on_terminate(int signo, void *data)
{
	struct program *program = data;

	lifecycle_terminate(program->lifecycle);
}

static enum bl_log_level level_of(const char *name)
{
	static const char *const names[] = {
		[BL_LOG_DEBUG] = "debug",
		[BL_LOG_INFO] = "info",
		[BL_LOG_WARN] = "warn",
		[BL_LOG_ERROR] = "error",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(name, names[i]) == 0)
			return (enum bl_log_level)i;
	}
	return BL_LOG_INFO;
}

static int begin(struct program *program, const struct options *options, struct bl_err *err)
{
	struct lifecycle_identity identity = {options->namespace, options->name, options->uid};
	int r;

	signal(SIGPIPE, SIG_IGN);
	/* Started through /proc/self/exe, the process would be called "exe". */
	prctl(PR_SET_NAME, "beeline-launcher");
	r = bl_loop_new(&program->loop, err);
	if (r == 0)
		r = lifecycle_new(program->loop, &identity, &lifecycle_ops, program,
				  &program->lifecycle, err);
	if (r == 0)
		r = server_new(program->loop, program->lifecycle, &program->server, err);
	if (r == 0)
		r = bl_signal_add(program->loop, SIGTERM, on_terminate, program, err);
	if (r == 0)
		r = bl_signal_add(program->loop, SIGINT, on_terminate, program, err);
	return r;
}

static int run(void *data, int n_args, char **args)
{
	const struct options *options = data;
	struct program program = {};
	struct bl_err err = BL_ERR_INIT;

	if (!options->namespace || !options->name || !options->uid) {
		fprintf(stderr, "beeline-launcher: --namespace, --name and --uid are needed\n");
		return 2;
	}
	bl_log_init(level_of(options->log_level),
		    strcmp(options->log_format, "json") == 0 ? BL_LOG_JSON : BL_LOG_TEXT);
	if (begin(&program, options, &err) < 0) {
		bl_error("launcher not started", "reason", err.message);
		return EXIT_FAILURE;
	}
	bl_info("launcher started", "namespace", options->namespace, "name", options->name);
	return bl_loop_run(program.loop);
}

static const struct bl_verb verbs[] = {
	{.name = "",
	 .summary = "Runs one virtual machine in its pod.",
	 .options = option_rows,
	 .options_size = sizeof(struct options),
	 .run = run},
	{},
};

/* Takes --monitor out of argv. The monitor comes before everything else, so that PID 1 touches
 * neither options nor libraries. */
static bool take_monitor(char **argv)
{
	bool found = false;
	char **to = argv;

	for (char **from = argv; *from; from++) {
		if (strcmp(*from, "--monitor") == 0)
			found = true;
		else
			*to++ = *from;
	}
	*to = NULL;
	return found;
}

static bool wants_help(char **argv)
{
	for (; *argv; argv++) {
		if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0)
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	if (!wants_help(argv) && take_monitor(argv))
		return monitor_run(argv);
	return bl_verbs_main("beeline-launcher", "Runs one virtual machine in its pod.", verbs,
			     argc, argv);
}
