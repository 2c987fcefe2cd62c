/* SPDX-License-Identifier: Apache-2.0 */
/* beeline status: how the agent itself is. */
#include <beeline/file.h>

#include "client.h"
#include "output.h"
#include "rows.h"
#include "table.h"
#include "terminal.h"
#include "text.h"
#include "verbs.h"

struct status_options {
	const char *socket;
	const char *output;
};

static const struct bl_option rows[] = {
	OPTION_OUTPUT(struct status_options, "json|yaml|jsonpath="),
	OPTION_SOCKET(struct status_options),
	{0},
};

/* What is shown of the answer; one that an agent of another version lacks is left out. */
static const struct {
	const char *path, *title;
} lines[] = {
	{"version", "Version"},
	{"nodeName", "Node"},
	{"pid", "Process"},
	{"stateDir", "State directory"},
	{"runDir", "Run directory"},
	{"bpffs", "BPF directory"},
	{"vmUser", "User of the VMs"},
	{"kvm/usable", "KVM usable"},
	{"kvm/reason", "KVM reason"},
	{"vhostNet", "vhost-net"},
	{"policyMode", "Network policy"},
	{"counts/VirtualMachine", "VirtualMachines"},
	{"counts/VirtualMachineInstance", "VirtualMachineInstances"},
	{"counts/endpoints", "Endpoints"},
	{"counts/endpointsAmiss", "Endpoints amiss"},
};

/* One line each. */
static char *value_of(const struct cJSON *member)
{
	if (bl_json_is_string(member))
		return text_clean(bl_json_text(member));
	if (bl_json_is_bool(member))
		return bl_strdup(bl_json_true(member) ? "yes" : "no");
	return bl_json_print(member);
}

static void print_lines(const struct cJSON *status)
{
	table_auto struct table table = {.has_headers = true};

	table_column(&table, "WHAT");
	table_column(&table, "VALUE");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const struct cJSON *member = bl_json_get(status, lines[i].path);
		bl_autofree char *value = member ? value_of(member) : NULL;

		if (value)
			table_row(&table, (const char *[]){lines[i].title, value});
	}
	table_flush(&table, stdout);
}

static int status(const struct status_options *options, struct bl_err *err)
{
	bl_auto_json struct cJSON *result = NULL;
	struct output output = {.format = options->output};
	int r = output_check(&output, err);

	if (r == 0)
		r = client_ask_once(options->socket, "status", NULL, &result, err);
	if (r < 0)
		return r;
	if (options->output)
		output_document(&output, result, stdout);
	else
		print_lines(result);
	return 0;
}

static int run(void *data, int n_args, char **args)
{
	struct bl_err err = BL_ERR_INIT;

	return status(data, &err) < 0 ? terminal_error(&err) : 0;
}

const struct bl_verb verb_status = {
	.name = "status",
	.summary = "Show how the agent is: version, KVM, counts, directories",
	.help = "Examples:\n"
		"  beeline status\n"
		"  beeline status -o json",
	.options = rows,
	.options_size = sizeof(struct status_options),
	.run = run,
};
