/* SPDX-License-Identifier: Apache-2.0 */
/* beeline ct: the connections that the datapath knows of an endpoint, and how it forgets them. */
#include <stdio.h>
#include <string.h>

#include <beeline/file.h>

#include "client.h"
#include "ct_report.h"
#include "kind.h"
#include "output.h"
#include "rows.h"
#include "terminal.h"
#include "verbs.h"

struct ct_options {
	const char *socket, *namespace, *output;
	const char *protocol, *peer;
	long port;
};

#define FILTER_ROWS                                                                        \
	OPTION_NAMESPACE(struct ct_options),                                               \
		{.name = "protocol",                                                       \
		 .type = BL_OPTION_STRING,                                                 \
		 .offset = offsetof(struct ct_options, protocol),                          \
		 .argument = "PROTOCOL",                                                   \
		 .choices = "tcp|udp|sctp|icmp|icmpv6|igmp|gre|esp",                       \
		 .help = "only this protocol"},                                            \
		{.name = "port",                                                           \
		 .type = BL_OPTION_INTEGER,                                                \
		 .offset = offsetof(struct ct_options, port),                              \
		 .argument = "PORT",                                                       \
		 .min = 1,                                                                 \
		 .help = "only this port, of either end; or an echo's identifier"},        \
	{                                                                                  \
		.name = "peer", .type = BL_OPTION_STRING,                                  \
		.offset = offsetof(struct ct_options, peer), .argument = "ADDRESS[/BITS]", \
		.help = "only connections with this address or prefix at the other end"    \
	}

static const struct bl_option list_rows[] = {
	FILTER_ROWS,
	OPTION_OUTPUT(struct ct_options, "wide|json|yaml|jsonpath="),
	OPTION_SOCKET(struct ct_options),
	{0},
};

static const struct bl_option flush_rows[] = {
	FILTER_ROWS,
	OPTION_SOCKET(struct ct_options),
	{0},
};

/* ---- asking ------------------------------------------------------------------------------------- */

/* An answer is about a part of the table; fn gets one after the other. */
struct question {
	const struct ct_options *options;
	const char *method, *arg;
	void (*fn)(const struct cJSON *result, void *data);
	void *data;
};

static int params_of(const struct question *question, double first, struct cJSON **ret_params,
		     struct bl_err *err)
{
	const struct ct_options *options = question->options;
	const char *machine;
	struct cJSON *params;
	int r = kind_machine(question->arg, &machine, err);

	if (r < 0)
		return r;
	params = client_reference(NULL, options->namespace, machine);
	if (machine == question->arg) /* "vm/a" is no endpoint's name */
		bl_json_set_string(params, "endpoint", machine);
	bl_json_set_string(params, "protocol", options->protocol);
	bl_json_set_string(params, "peer", options->peer);
	if (options->port)
		bl_json_set_number(params, "port", (double)options->port);
	bl_json_set_number(params, "first", first);
	*ret_params = params;
	return 0;
}

static int ask(const struct question *question, struct bl_err *err)
{
	client_auto struct client client = CLIENT_INIT;
	double first = 0;
	int r = client_open(question->options->socket, &client, err);

	while (r == 0) {
		bl_auto_json struct cJSON *result = NULL;
		struct cJSON *params;

		r = params_of(question, first, &params, err);
		if (r == 0)
			r = client_ask(&client, question->method, params, &result, err);
		if (r < 0)
			break;
		question->fn(result, question->data);
		first = bl_json_get_number(result, "next", 0);
		if (first == 0)
			break;
	}
	return r;
}

/* ---- list --------------------------------------------------------------------------------------- */

struct list {
	struct output output;
	struct table table;
	struct cJSON *document; /* for other formats */
};

static void add_part(const struct cJSON *result, void *data)
{
	struct list *list = data;
	struct cJSON *items = bl_json_get(list->document, "items");

	if (!bl_json_get(list->document, "endpoint"))
		bl_json_set(list->document, "endpoint",
			    bl_json_copy(bl_json_get(result, "endpoint")));
	bl_json_for_each (connection, bl_json_get(result, "items")) {
		if (output_is_table(&list->output))
			ct_row(&list->table, connection, output_is(&list->output, "wide"));
		else
			bl_json_append(items, bl_json_copy(connection));
	}
}

static int list(const struct ct_options *options, const char *arg, struct bl_err *err)
{
	bl_auto_json struct cJSON *document = bl_json_object();
	struct list list = {.output = {.format = options->output}, .document = document};
	const struct question question = {options, "ct-list", arg, add_part, &list};
	int r = output_check(&list.output, err);

	bl_json_set(document, "items", bl_json_array());
	ct_columns(&list.table, output_is(&list.output, "wide"));
	if (r == 0)
		r = ask(&question, err);
	if (r == 0 && !output_is_table(&list.output))
		output_document(&list.output, document, stdout);
	else if (r == 0 && list.table.n_rows == 0)
		fputs("No connections found\n", stderr);
	else if (r == 0)
		table_flush(&list.table, stdout);
	table_clear(&list.table);
	return r;
}

static int run_list(void *data, int n_args, char **args)
{
	struct bl_err err = BL_ERR_INIT;

	return list(data, args[0], &err) < 0 ? terminal_error(&err) : 0;
}

/* ---- flush -------------------------------------------------------------------------------------- */

static void add_flushed(const struct cJSON *result, void *data)
{
	*(double *)data += bl_json_get_number(result, "flushed", 0);
}

static int run_flush(void *data, int n_args, char **args)
{
	double n = 0;
	const struct question question = {data, "ct-flush", args[0], add_flushed, &n};
	struct bl_err err = BL_ERR_INIT;

	if (ask(&question, &err) < 0)
		return terminal_error(&err);
	printf("%.0f connection%s forgotten\n", n, n == 1 ? "" : "s");
	return 0;
}

static const struct bl_verb ct_verbs[] = {
	{.name = "list",
	 .arguments = "NAME",
	 .summary = "List the connections that the datapath knows of an endpoint",
	 .help = "NAME is an endpoint's (see `beeline endpoint list`) or a machine's. An entry "
		 "stands\n"
		 "for both directions of a connection:\n"
		 "  OPENED-BY  vm, its pod (of masquerade), or remote\n"
		 "  LOCAL      the port at this end; of an echo its identifier; of a datagram in "
		 "fragments\n"
		 "             its id. Under which of its addresses the VM has it the entry does "
		 "not say\n"
		 "  STATE      of TCP: opening, established, closing (one end has sent its FIN), "
		 "closed\n"
		 "  EXPIRES    when it is forgotten, if no packet comes\n"
		 "  VERDICT    current: policy let it in as it is now; older: it did before a "
		 "change, and\n"
		 "             judges the next packet anew; none: nobody was asked\n"
		 "  RULE       that let it in, of a current verdict\n"
		 "and with -o wide:\n"
		 "  WHO        has the remote address\n"
		 "  OWNER      vm, or its pod\n"
		 "  EPOCH      of policies and identities in which it was judged; 0: in none\n"
		 "\n"
		 "Packets and bytes of a connection are not counted.\n"
		 "\n"
		 "Examples:\n"
		 "  beeline ct list vm-01\n"
		 "  beeline ct list vm-01 --protocol tcp --port 443 --peer 192.0.2.0/24\n"
		 "  beeline ct list default_vm-01_default -o json",
	 .options = list_rows,
	 .options_size = sizeof(struct ct_options),
	 .min_args = 1,
	 .max_args = 1,
	 .run = run_list},
	{.name = "flush",
	 .arguments = "NAME",
	 .summary = "Have the datapath forget connections of an endpoint",
	 .help = "All of them, or those that the options describe, while packets flow. What lives "
		 "on is\n"
		 "judged by policy as if its next packet opened it, whichever end sends that: "
		 "where only\n"
		 "the VM may open it, it goes on when the VM sends.\n"
		 "\n"
		 "Examples:\n"
		 "  beeline ct flush vm-01\n"
		 "  beeline ct flush vm-01 --peer 192.0.2.7 --protocol udp",
	 .options = flush_rows,
	 .options_size = sizeof(struct ct_options),
	 .min_args = 1,
	 .max_args = 1,
	 .run = run_flush},
	{0},
};

const struct bl_verb verb_ct = {
	.name = "ct",
	.arguments = "list|flush",
	.summary = "Show and forget connections of single VM interfaces",
	.help = "Examples:\n"
		"  beeline ct list vm-01\n"
		"  beeline ct flush vm-01 --peer 192.0.2.7",
	.children = ct_verbs,
};
