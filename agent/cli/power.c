/* SPDX-License-Identifier: Apache-2.0 */
/* beeline start, stop, restart, pause, unpause: one request per machine, five rows of one table. */
#include <errno.h>

#include "client.h"
#include "kind.h"
#include "rows.h"
#include "terminal.h"
#include "text.h"
#include "verbs.h"

struct power_options {
	const char *socket;
	const char *namespace;
	long grace_s;
	bool force;
};

static const struct bl_option plain_rows[] = {
	OPTION_NAMESPACE(struct power_options),
	OPTION_SOCKET(struct power_options),
	{0},
};

static const struct bl_option end_rows[] = {
	OPTION_GRACE(struct power_options),
	OPTION_FORCE(struct power_options),
	OPTION_NAMESPACE(struct power_options),
	OPTION_SOCKET(struct power_options),
	{0},
};

/* method: "vm" for what changes a VirtualMachine's run state, "vmi" for its running instance. */
static int request(struct client *client, const struct power_options *options, const char *method,
		   const char *verb, const char *name, struct bl_err *err)
{
	struct cJSON *params = client_reference(NULL, options->namespace, name);

	bl_json_set_string(params, "verb", verb);
	client_set_grace(params, options->force ? 0 : options->grace_s);
	return client_ask(client, method, params, NULL, err);
}

/* "NAME...", "TYPE NAME..." and "TYPE/NAME..." all name machines here, as with virtctl. */
static int parse(char **args, int n_args, struct targets *ret_targets, struct bl_err *err)
{
	const struct kind *kind;
	const struct kind *vm;
	int r;

	if (n_args > 1 && kind_find(args[0], &kind, NULL) == 0)
		return targets_parse(args, (size_t)n_args, NULL, ret_targets, err);
	r = kind_find("vm", &vm, err);
	return r < 0 ? r : targets_parse(args, (size_t)n_args, vm, ret_targets, err);
}

static int power(const struct power_options *options, const char *method, const char *verb,
		 const struct targets *targets)
{
	client_auto struct client client = CLIENT_INIT;
	struct bl_err err = BL_ERR_INIT;
	int exit_code = 0;

	if (client_open(options->socket, &client, &err) < 0)
		return terminal_error(&err);
	for (size_t i = 0; i < targets->n_items; i++) {
		bl_autofree char *name = text_clean(targets->items[i].name);

		if (request(&client, options, method, verb, targets->items[i].name, &err) < 0)
			exit_code = terminal_error(&err);
		else
			printf("%s %s was scheduled to %s\n", method[2] ? "VMI" : "VM", name, verb);
	}
	return exit_code;
}

static int run(void *data, int n_args, char **args, const char *method, const char *verb)
{
	targets_auto struct targets targets = {0};
	struct bl_err err = BL_ERR_INIT;

	if (parse(args, n_args, &targets, &err) < 0)
		return terminal_error(&err);
	return power(data, method, verb, &targets);
}

#define POWER_VERB(verb_name, method_name, options_rows, summary_text, help_text) \
	static int run_##verb_name(void *options, int n_args, char **args)        \
	{                                                                         \
		return run(options, n_args, args, method_name, #verb_name);       \
	}                                                                         \
	const struct bl_verb verb_##verb_name = {                                 \
		.name = #verb_name,                                               \
		.arguments = "[TYPE/]NAME...",                                    \
		.summary = summary_text,                                          \
		.help = help_text,                                                \
		.options = options_rows,                                          \
		.options_size = sizeof(struct power_options),                     \
		.min_args = 1,                                                    \
		.max_args = -1,                                                   \
		.run = run_##verb_name,                                           \
	}

POWER_VERB(start, "vm", plain_rows, "Start virtual machines",
	   "For machines whose run strategy is Manual, Halted or RerunOnFailure.\n"
	   "\n"
	   "Examples:\n"
	   "  beeline start vm-01\n"
	   "  beeline start vm-01 vm-02 -n team-a");
POWER_VERB(stop, "vm", end_rows, "Stop virtual machines",
	   "Asks the guest to shut down (ACPI); after its terminationGracePeriodSeconds it is\n"
	   "ended by force. The VirtualMachine and its definition stay.\n"
	   "\n"
	   "Examples:\n"
	   "  beeline stop vm-01\n"
	   "  beeline stop vm-01 --force\n"
	   "  beeline stop vm-01 --grace-period 120");
POWER_VERB(restart, "vm", end_rows, "Stop virtual machines and start them again",
	   "The new instance has the machine's current definition.\n"
	   "\n"
	   "Examples:\n"
	   "  beeline restart vm-01");
POWER_VERB(pause, "vmi", plain_rows, "Freeze running virtual machines",
	   "The guest keeps its memory and devices but gets no CPU time until `beeline unpause`.\n"
	   "\n"
	   "Examples:\n"
	   "  beeline pause vm-01\n"
	   "  beeline pause vmi vm-01");
POWER_VERB(unpause, "vmi", plain_rows, "Let paused virtual machines go on",
	   "Examples:\n"
	   "  beeline unpause vm-01");
