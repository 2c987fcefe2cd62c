/* SPDX-License-Identifier: Apache-2.0 */
/* beeline version: of the command and, when it answers, of the agent. */
#include <stdio.h>

#include <beeline/version.h>

#include "client.h"
#include "rows.h"
#include "terminal.h"
#include "text.h"
#include "verbs.h"

struct version_options {
	const char *socket;
	bool client;
};

static const struct bl_option rows[] = {
	{.name = "client",
	 .type = BL_OPTION_FLAG,
	 .offset = offsetof(struct version_options, client),
	 .help = "of the command only; the agent is not asked"},
	OPTION_SOCKET(struct version_options),
	{0},
};

static int run(void *data, int n_args, char **args)
{
	const struct version_options *options = data;
	bl_auto_json struct cJSON *status = NULL;
	struct bl_err err = BL_ERR_INIT;

	printf("Client Version: %s\n", BL_VERSION);
	if (options->client)
		return 0;
	if (client_ask_once(options->socket, "status", bl_json_object(), &status, &err) < 0)
		return terminal_error(&err);

	bl_autofree char *version = text_clean(bl_json_get_string(status, "version"));

	printf("Agent Version: %s\n", version);
	return 0;
}

const struct bl_verb verb_version = {
	.name = "version",
	.summary = "Show the versions of the command and of the agent",
	.help = "Examples:\n"
		"  beeline version\n"
		"  beeline version --client",
	.options = rows,
	.options_size = sizeof(struct version_options),
	.run = run,
};
