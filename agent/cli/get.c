/* SPDX-License-Identifier: Apache-2.0 */
/* beeline get: objects as a table or as documents, once or as they change. */
#include <errno.h>
#include <string.h>

#include <beeline/plan.h>

#include "client.h"
#include "filter.h"
#include "kind.h"
#include "output.h"
#include "rows.h"
#include "terminal.h"
#include "verbs.h"

struct get_options {
	const char *socket;
	const char *namespace;
	const char *output;
	const char *selector;
	bool all_namespaces;
	bool watch;
	bool no_headers;
	bool ignore_not_found;
};

static const struct bl_option rows[] = {
	OPTION_OUTPUT(struct get_options, OUTPUT_CHOICES),
	OPTION_NAMESPACE(struct get_options),
	OPTION_ALL_NAMESPACES(struct get_options, "objects of every namespace"),
	OPTION_SELECTOR(struct get_options),
	{.name = "watch",
	 .letter = 'w',
	 .type = BL_OPTION_FLAG,
	 .offset = offsetof(struct get_options, watch),
	 .help = "after listing, print each change until interrupted"},
	{.name = "no-headers",
	 .type = BL_OPTION_FLAG,
	 .offset = offsetof(struct get_options, no_headers),
	 .help = "leave out the line of headers"},
	OPTION_IGNORE_NOT_FOUND(struct get_options),
	OPTION_SOCKET(struct get_options),
	{0},
};

/* What one `get` holds while it runs. */
struct get {
	const struct get_options *options;
	struct output output;
	struct client *client;
	const char *namespace; /* NULL: all */
	struct bl_selector filter;
};

static int fetch_one(struct get *get, const struct target *target, struct cJSON *items,
		     struct bl_err *err)
{
	bl_auto_json struct cJSON *result = NULL;
	int r = client_ask(get->client, "get",
			   client_reference(target->kind->kind, get->namespace, target->name),
			   &result, err);

	if (r == -ENOENT && get->options->ignore_not_found)
		return 0;
	if (r < 0)
		return r;
	bl_json_append(items, bl_json_copy(bl_json_get(result, "object")));
	return 0;
}

static int fetch_all(struct get *get, const struct target *target, struct cJSON *items,
		     struct bl_err *err)
{
	bl_auto_json struct cJSON *result = NULL;
	int r = client_ask(get->client, "list",
			   client_reference(target->kind->kind, get->namespace, NULL), &result,
			   err);

	if (r < 0)
		return r;
	bl_json_for_each (item, bl_json_get(result, "items"))
		if (filter_takes(&get->filter, item))
			bl_json_append(items, bl_json_copy(item));
	return 0;
}

/* Rows of one kind, after an empty line when other rows came before; false when there were none. */
static bool print_kind(const struct get *get, const struct kind *kind, const struct cJSON *items,
		       bool follows)
{
	table_auto struct table table = {0};
	int64_t now_s = bl_time_now();

	output_columns(&get->output, kind, &table);
	bl_json_for_each (item, items) {
		const char *name = bl_json_get_string(item, "kind");

		if (name && strcmp(name, kind->kind) == 0)
			output_row(&get->output, kind, item, now_s, &table);
	}
	if (table.n_rows == 0)
		return false;
	if (follows)
		putchar('\n');
	table_flush(&table, stdout);
	return true;
}

static bool is_first_of_kind(const struct targets *targets, size_t i)
{
	for (size_t j = 0; j < i; j++) {
		if (targets->items[j].kind == targets->items[i].kind)
			return false;
	}
	return true;
}

static void print_tables(const struct get *get, const struct targets *targets,
			 const struct cJSON *items)
{
	bool printed = false;

	for (size_t i = 0; i < targets->n_items; i++) {
		if (is_first_of_kind(targets, i))
			printed |= print_kind(get, targets->items[i].kind, items, printed);
	}
}

/* A single named object stands for itself; everything else is a List. */
static void print_documents(const struct get *get, bool single, const struct cJSON *items)
{
	bl_auto_json struct cJSON *list = NULL;

	if (single && bl_json_size(items) == 0)
		return;
	if (single) {
		output_document(&get->output, bl_json_first(items), stdout);
		return;
	}
	list = bl_json_object();
	bl_json_set_string(list, "apiVersion", "v1");
	bl_json_set(list, "items", bl_json_copy(items));
	bl_json_set_string(list, "kind", "List");
	bl_json_set(list, "metadata", bl_json_object());
	output_document(&get->output, list, stdout);
}

static void print_items(const struct get *get, const struct targets *targets,
			const struct cJSON *items)
{
	if (output_is(&get->output, "name")) {
		bl_json_for_each (item, items)
			output_name(item, stdout);
	} else if (!output_is_table(&get->output)) {
		print_documents(get, targets->n_items == 1 && targets->items[0].name, items);
	} else if (bl_json_size(items)) {
		print_tables(get, targets, items);
	} else if (!get->options->ignore_not_found) {
		output_nothing(get->namespace);
	}
}

static int get_once(struct get *get, const struct targets *targets, struct bl_err *err)
{
	bl_auto_json struct cJSON *items = bl_json_array();
	int result = 0;

	for (size_t i = 0; i < targets->n_items; i++) {
		const struct target *target = &targets->items[i];
		int r = target->name ? fetch_one(get, target, items, err)
				     : fetch_all(get, target, items, err);

		if (r == -ENOENT && targets->n_items > 1) {
			terminal_error(err);
			result = 1;
		} else if (r < 0) {
			return r;
		}
	}
	if (result == 0 || bl_json_size(items))
		print_items(get, targets, items);
	return result;
}

/* A watch of one kind: rows are printed as they come, the first ones together. */
struct watch {
	const struct get *get;
	const struct kind *kind;
	struct table *table;
	bool synced;
	bool printed; /* a document */
};

/* Documents of YAML need a line between them, those of JSON do not. */
static void print_document(struct watch *watch, const struct cJSON *object)
{
	const struct output *output = &watch->get->output;

	if (watch->printed && output_is(output, "yaml"))
		puts("---");
	output_document(output, object, stdout);
	watch->printed = true;
}

static void on_change(const struct cJSON *event, void *data)
{
	struct watch *watch = data;
	const struct output *output = &watch->get->output;
	const struct cJSON *object = bl_json_get(event, "object");

	if (object && !filter_takes(&watch->get->filter, object))
		return;
	if (!object)
		watch->synced = true;
	else if (output_is(output, "name"))
		output_name(object, stdout);
	else if (!output_is_table(output))
		print_document(watch, object);
	else
		output_row(output, watch->kind, object, bl_time_now(), watch->table);
	if (watch->synced)
		table_flush(watch->table, stdout);
}

/* As kubectl does: what is named must be there, or the watch would wait in silence for a typing error. */
static int check_exists(struct get *get, const struct target *target, struct bl_err *err)
{
	struct cJSON *reference =
		client_reference(target->kind->kind, get->namespace, target->name);

	if (target->name && !get->options->ignore_not_found)
		return client_ask(get->client, "get", reference, NULL, err);
	bl_json_free(reference);
	return 0;
}

static int get_watch(struct get *get, const struct targets *targets, struct bl_err *err)
{
	const struct target *target = &targets->items[0];
	table_auto struct table table = {0};
	struct watch watch = {.get = get, .kind = target->kind, .table = &table};
	struct client_call call = {.method = "watch", .fd = -1, .event = on_change, .data = &watch};
	int r = check_exists(get, target, err);

	if (r < 0)
		return r;
	call.params = client_reference(target->kind->kind, get->namespace, target->name);
	output_columns(&get->output, target->kind, &table);
	return client_call(get->client, &call, NULL, NULL, err);
}

static int get(const struct get_options *options, const struct targets *targets, struct bl_err *err)
{
	client_auto struct client client = CLIENT_INIT;
	filter_auto struct bl_selector filter = {0};
	int r = filter_parse(options->selector, &filter, err);

	if (r == 0)
		r = client_open(options->socket, &client, err);
	if (r < 0)
		return r;

	struct get get = {
		.options = options,
		.output = {.format = options->output,
			   .namespaces = options->all_namespaces,
			   .no_headers = options->no_headers},
		.client = &client,
		.namespace = options->all_namespaces ? NULL : options->namespace,
		.filter = filter, /* borrowed */
	};

	for (size_t i = 1; i < targets->n_items; i++)
		get.output.resources |= targets->items[i].kind != targets->items[0].kind;
	return options->watch ? get_watch(&get, targets, err) : get_once(&get, targets, err);
}

static int run(void *data, int n_args, char **args)
{
	const struct get_options *options = data;
	const struct output output = {.format = options->output};
	targets_auto struct targets targets = {0};
	struct bl_err err = BL_ERR_INIT;
	int r;

	if (targets_parse(args, (size_t)n_args, NULL, &targets, &err) < 0 ||
	    output_check(&output, &err) < 0)
		return terminal_error(&err);
	if (options->watch && targets.n_items > 1)
		return terminal_usage("get", "a watch follows one type, or one object of it");
	if (options->all_namespaces && targets.items[0].name)
		return terminal_usage("get", "an object cannot be named across all namespaces");
	if (options->selector && targets.items[0].name)
		return terminal_usage("get", "an object cannot be named together with a selector");
	r = get(options, &targets, &err);
	return r < 0 ? terminal_error(&err) : r;
}

const struct bl_verb verb_get = {
	.name = "get",
	.arguments = "TYPE[,TYPE] [NAME...] | TYPE/NAME...",
	.summary = "Show objects",
	.help = "TYPE is vm (virtualmachines), vmi (virtualmachineinstances), or all.\n"
		"\n"
		"Examples:\n"
		"  beeline get vm\n"
		"  beeline get vmi -A -o wide\n"
		"  beeline get vm vm-01 -o yaml\n"
		"  beeline get vm/vm-01 vmi/vm-01\n"
		"  beeline get vm -l app=web,tier!=test\n"
		"  beeline get vmi vm-01 -o jsonpath='{.status.interfaces[0].ipAddress}'\n"
		"  beeline get vmi -w",
	.options = rows,
	.options_size = sizeof(struct get_options),
	.min_args = 1,
	.max_args = -1,
	.run = run,
};
