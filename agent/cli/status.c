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
	OPTION_OUTPUT(struct status_options, "json|yaml"),
	OPTION_SOCKET(struct status_options),
	{0},
};

/* Members of the answer, one a line; those of inner objects with the outer title before them. */
static void add_lines(const struct cJSON *object, const char *outer, struct table *table)
{
	bl_json_for_each (member, object) {
		bl_autofree char *own = text_title(bl_json_key(member));
		bl_autofree char *title = *outer ? bl_format("%s %s", outer, own) : bl_strdup(own);
		bl_autofree char *value = NULL;

		if (bl_json_is_object(member)) {
			add_lines(member, title, table);
			continue;
		}
		value = bl_json_is_string(member) ? bl_strdup(bl_json_text(member))
						  : bl_json_print(member);
		table_row(table, (const char *[]){title, value});
	}
}

static void print_lines(const struct cJSON *status)
{
	table_auto struct table table = {.has_headers = true};

	table_column(&table, "WHAT");
	table_column(&table, "VALUE");
	add_lines(status, "", &table);
	table_flush(&table, stdout);
}

static int status(const struct status_options *options, struct bl_err *err)
{
	bl_auto_json struct cJSON *result = NULL;
	struct output output = {.format = options->output};
	int r = client_ask_once(options->socket, "status", bl_json_object(), &result, err);

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
