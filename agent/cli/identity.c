// SPDX-License-Identifier: Apache-2.0
/* beeline identity and beeline ipcache: by which numbers policies know whom. */
#include <stdlib.h>

#include <beeline/file.h>

#include "client.h"
#include "items.h"
#include "output.h"
#include "policy_report.h"
#include "rows.h"
#include "terminal.h"
#include "verbs.h"

struct identity_options {
	const char *socket;
	const char *output;
};

static const struct bl_option identity_rows[] = {
	OPTION_OUTPUT(struct identity_options, "json|yaml|jsonpath="),
	OPTION_SOCKET(struct identity_options),
	{0},
};

static const struct bl_option ipcache_rows[] = {
	OPTION_OUTPUT(struct identity_options, "wide|json|yaml|jsonpath="),
	OPTION_SOCKET(struct identity_options),
	{0},
};

typedef void print_fn(const struct cJSON *items, bool wide, FILE *file);

/* As a table, or as an object with one member, as lists of Kubernetes are. */
static int list(const struct identity_options *options, const char *method, print_fn *print,
		struct bl_err *err)
{
	const struct output output = {.format = options->output};
	bl_auto_json struct cJSON *document = bl_json_object();
	struct cJSON *items;
	int r = output_check(&output, err);

	if (r == 0)
		r = items_ask_once(options->socket, method, bl_json_object(), &items, NULL, err);
	if (r < 0)
		return r;
	bl_json_set(document, "items", items);
	if (output_is_table(&output))
		print(items, output_is(&output, "wide"), stdout);
	else
		output_document(&output, document, stdout);
	return 0;
}

static int run_identities(void *data, int n_args, char **args)
{
	struct bl_err err = BL_ERR_INIT;
	int r = list(data, "identity-list", policy_print_identities, &err);

	return r < 0 ? terminal_error(&err) : 0;
}

static int run_prefixes(void *data, int n_args, char **args)
{
	struct bl_err err = BL_ERR_INIT;
	int r = list(data, "ipcache-list", policy_print_prefixes, &err);

	return r < 0 ? terminal_error(&err) : 0;
}

static const struct bl_verb identity_verbs[] = {
	{.name = "list",
	 .summary = "List the identities that there are, with their labels",
	 .help = "Policies judge packets by the identity of the peer, which is a number for a set "
		 "of\n"
		 "labels. Numbers are Cilium's: reserved ones below 256, pods and VMs up to "
		 "65535,\n"
		 "prefixes that policies name from 16777216 on, other nodes from 33554432 on.",
	 .options = identity_rows,
	 .options_size = sizeof(struct identity_options),
	 .run = run_identities},
	{0},
};

const struct bl_verb verb_identity = {
	.name = "identity",
	.arguments = "list",
	.summary = "Show the identities that policies know",
	.children = identity_verbs,
};

static const struct bl_verb ipcache_verbs[] = {
	{.name = "list",
	 .summary = "List prefixes and addresses with their identities",
	 .help = "The longest prefix that holds an address is who it is.",
	 .options = ipcache_rows,
	 .options_size = sizeof(struct identity_options),
	 .run = run_prefixes},
	{0},
};

const struct bl_verb verb_ipcache = {
	.name = "ipcache",
	.arguments = "list",
	.summary = "Show which address has which identity",
	.children = ipcache_verbs,
};
