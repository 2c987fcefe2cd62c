/* SPDX-License-Identifier: Apache-2.0 */
/* beeline describe: one object in full, as an indented list of titled fields like kubectl's. */
#include <errno.h>
#include <string.h>

#include <beeline/file.h>

#include "client.h"
#include "filter.h"
#include "kind.h"
#include "output.h"
#include "rows.h"
#include "terminal.h"
#include "text.h"
#include "verbs.h"

struct describe_options {
	const char *socket;
	const char *namespace;
	const char *selector;
	bool all_namespaces;
};

static const struct bl_option rows[] = {
	OPTION_NAMESPACE(struct describe_options),
	OPTION_ALL_NAMESPACES(struct describe_options, "objects of every namespace"),
	OPTION_SELECTOR(struct describe_options),
	OPTION_SOCKET(struct describe_options),
	{0},
};

#define INDENT 2

static bool is_nested(const struct cJSON *value)
{
	return (bl_json_is_object(value) || bl_json_is_array(value)) && bl_json_size(value);
}

static char *scalar_text(const struct cJSON *value)
{
	bl_autofree char *printed = NULL;

	if (bl_json_is_string(value))
		return text_clean_block(bl_json_text(value));
	if (bl_json_is_object(value) || bl_json_is_array(value) || bl_json_is_null(value))
		return bl_strdup("<none>");
	printed = bl_json_print(value);
	return text_clean(printed);
}

/* Width of the titles whose values stand beside them, so that these line up. */
static size_t title_width(const struct cJSON *object)
{
	size_t width = 0;

	bl_json_for_each (member, object) {
		bl_autofree char *title = text_title(bl_json_key(member));

		if (!is_nested(member) && text_width(title) > width)
			width = text_width(title);
	}
	return width;
}

/* Text of several lines goes below its title, indented. */
static void print_block(const char *text, int indent)
{
	putchar('\n');
	for (const char *at = text; *at;) {
		size_t len = strcspn(at, "\n");

		printf("%*s%.*s\n", indent, "", (int)len, at);
		at += len;
		at += *at == '\n';
	}
}

static void print_scalar(const char *title, const struct cJSON *value, size_t width, int indent)
{
	bl_autofree char *text = scalar_text(value);

	printf("%*s%s:", indent, "", title);
	if (strchr(text, '\n'))
		print_block(text, indent + INDENT);
	else
		printf("%*s%s\n", (int)(width - text_width(title) + 2), "", text);
}

static void print_object(const struct cJSON *object, int indent);

static void print_array(const struct cJSON *array, int indent)
{
	bl_json_for_each (item, array) {
		bl_autofree char *text = NULL;

		if (is_nested(item)) {
			print_object(item, indent);
			if (bl_json_next(item))
				putchar('\n');
			continue;
		}
		text = scalar_text(item);
		printf("%*s%s\n", indent, "", text);
	}
}

static void print_object(const struct cJSON *object, int indent)
{
	size_t width = title_width(object);

	if (bl_json_is_array(object)) {
		print_array(object, indent);
		return;
	}
	bl_json_for_each (member, object) {
		bl_autofree char *title = text_title(bl_json_key(member));

		if (!is_nested(member)) {
			print_scalar(title, member, width, indent);
			continue;
		}
		printf("%*s%s:\n", indent, "", title);
		print_object(member, indent + INDENT);
	}
}

/* Labels and annotations: "key=value" each on a line, keys as they are. */
static void print_map(const char *title, const struct cJSON *map)
{
	const char *label = title;

	if (bl_json_size(map) == 0)
		printf("%-14s<none>\n", title);
	bl_json_for_each (member, map) {
		bl_autofree char *key = text_clean(bl_json_key(member));
		bl_autofree char *value = text_clean(bl_json_text(member));

		printf("%-14s%s=%s\n", label, key, value);
		label = "";
	}
}

static void print_head(const struct cJSON *object)
{
	static const struct {
		const char *title, *path;
	} lines[] = {
		{"Name:", "metadata/name"},
		{"Namespace:", "metadata/namespace"},
		{"API Version:", "apiVersion"},
		{"Kind:", "kind"},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		bl_autofree char *text = text_clean(bl_json_get_string(object, lines[i].path));

		printf("%-14s%s\n", lines[i].title, text);
	}
	print_map("Labels:", bl_json_get(object, "metadata/labels"));
	print_map("Annotations:", bl_json_get(object, "metadata/annotations"));
}

/* What print_head() has said is left out of the rest. */
static struct cJSON *without_head(const struct cJSON *object)
{
	static const char *const top[] = {"apiVersion", "kind"};
	static const char *const meta[] = {"name", "namespace", "labels", "annotations"};
	struct cJSON *rest = bl_json_copy(object);
	struct cJSON *metadata = bl_json_get(rest, "metadata");

	for (size_t i = 0; i < sizeof(top) / sizeof(*top); i++)
		bl_json_remove(rest, top[i]);
	for (size_t i = 0; metadata && i < sizeof(meta) / sizeof(*meta); i++)
		bl_json_remove(metadata, meta[i]);
	if (bl_json_size(metadata) == 0)
		bl_json_remove(rest, "metadata");
	return rest;
}

static void print_description(const struct cJSON *object)
{
	bl_auto_json struct cJSON *rest = without_head(object);

	print_head(object);
	print_object(rest, 0);
}

/* What one `describe` holds while it runs. */
struct description {
	const struct describe_options *options;
	const char *namespace; /* NULL: all */
	struct bl_selector filter;
	struct client client;
	size_t n_printed;
};

static void print_next(struct description *description, const struct cJSON *object)
{
	if (description->n_printed++)
		printf("\n\n");
	print_description(object);
}

static int describe_target(struct description *description, const struct target *target,
			   struct bl_err *err)
{
	bl_auto_json struct cJSON *result = NULL;
	struct cJSON *reference =
		client_reference(target->kind->kind, description->namespace, target->name);
	int r = client_ask(&description->client, target->name ? "get" : "list", reference, &result,
			   err);

	if (r < 0)
		return r;
	if (target->name)
		print_next(description, bl_json_get(result, "object"));
	bl_json_for_each (item, bl_json_get(result, "items"))
		if (filter_takes(&description->filter, item))
			print_next(description, item);
	return 0;
}

static int describe(struct description *description, const struct targets *targets,
		    struct bl_err *err)
{
	const struct describe_options *options = description->options;
	int r = filter_parse(options->selector, &description->filter, err);

	if (r == 0)
		r = client_open(options->socket, &description->client, err);
	for (size_t i = 0; r == 0 && i < targets->n_items; i++)
		r = describe_target(description, &targets->items[i], err);
	if (r == 0 && description->n_printed == 0)
		output_nothing(description->namespace);
	return r;
}

static void description_clear(struct description *description)
{
	bl_selector_clear(&description->filter);
	client_close(&description->client);
}

static int run(void *data, int n_args, char **args)
{
	const struct describe_options *options = data;
	targets_auto struct targets targets = {0};
	bl_cleanup(description_clear) struct description description = {
		.options = options,
		.namespace = options->all_namespaces ? NULL : options->namespace,
		.client = CLIENT_INIT,
	};
	struct bl_err err = BL_ERR_INIT;

	if (targets_parse(args, (size_t)n_args, NULL, &targets, &err) < 0)
		return terminal_error(&err);
	if ((options->all_namespaces || options->selector) && targets.items[0].name)
		return terminal_usage("describe", "an object cannot be named together with a "
						  "selector or --all-namespaces");
	return describe(&description, &targets, &err) < 0 ? terminal_error(&err) : 0;
}

const struct bl_verb verb_describe = {
	.name = "describe",
	.arguments = "TYPE [NAME...] | TYPE/NAME...",
	.summary = "Show everything about objects, their conditions included",
	.help = "Examples:\n"
		"  beeline describe vm vm-01\n"
		"  beeline describe vmi/vm-01",
	.options = rows,
	.options_size = sizeof(struct describe_options),
	.min_args = 1,
	.max_args = -1,
	.run = run,
};
