/* SPDX-License-Identifier: Apache-2.0 */
/* beeline endpoint: the eBPF line for any VMM's tap, not only for machines of ours. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <beeline/file.h>

#include "client.h"
#include "endpoint_report.h"
#include "named.h"
#include "output.h"
#include "rows.h"
#include "terminal.h"
#include "text.h"
#include "verbs.h"

struct endpoint_options {
	const char *socket;
	const char *output;
	const char *netns, *uplink, *tap, *binding, *mac, *hostname, *namespace;
	struct bl_option_list ports, dns, search, labels;
	bool spoof_guard;
};

#define ADD_STRING(option, member, what, text)                                         \
	{                                                                              \
		.name = option, .type = BL_OPTION_STRING,                              \
		.offset = offsetof(struct endpoint_options, member), .argument = what, \
		.help = text                                                           \
	}
#define ADD_LIST(option, member, what, text)                                           \
	{                                                                              \
		.name = option, .type = BL_OPTION_LIST,                                \
		.offset = offsetof(struct endpoint_options, member), .argument = what, \
		.help = text                                                           \
	}

static const struct bl_option add_rows[] = {
	ADD_STRING("netns", netns, "PATH",
		   "network namespace: a path, or a name below /run/netns (required)"),
	{.name = "uplink",
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct endpoint_options, uplink),
	 .argument = "DEVICE",
	 .default_value = "eth0",
	 .help = "the namespace's way out, that holds its addresses"},
	{.name = "tap",
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct endpoint_options, tap),
	 .argument = "DEVICE",
	 .default_value = "tap0",
	 .help = "the VM's tap"},
	{.name = "binding",
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct endpoint_options, binding),
	 .argument = "BINDING",
	 .default_value = "pod",
	 .choices = "pod|masquerade",
	 .help = "pod: the guest has the pod's address; masquerade: 10.0.2.2 behind it"},
	ADD_STRING("mac", mac, "MAC",
		   "the guest's address on the tap (default: the uplink's; masquerade: by NAME)"),
	ADD_LIST("ports", ports, "[NAME=]PORT[/PROTOCOL],...",
		 "names for policies, and all that masquerade lets in: http=80/TCP,5000-5010/UDP"),
	{.name = "spoof-guard",
	 .type = BL_OPTION_FLAG,
	 .offset = offsetof(struct endpoint_options, spoof_guard),
	 .default_value = "true",
	 .help = "drop what the guest sends under addresses that are not its own"},
	ADD_LIST("dns", dns, "ADDRESS", "name server for the guest (default: the host's)"),
	ADD_LIST("search", search, "DOMAIN", "search domain for the guest"),
	ADD_STRING("hostname", hostname, "NAME", "host name that DHCP hands out"),
	{.name = "namespace",
	 .letter = 'n',
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct endpoint_options, namespace),
	 .argument = "NAMESPACE",
	 .default_value = NAMESPACE_DEFAULT,
	 .help = "for policies and filters"},
	ADD_LIST("label", labels, "KEY=VALUE", "for policies and filters"),
	OPTION_SOCKET(struct endpoint_options),
	{0},
};

static const struct bl_option show_rows[] = {
	OPTION_OUTPUT(struct endpoint_options, "json|yaml|name|jsonpath="),
	OPTION_SOCKET(struct endpoint_options),
	{0},
};

static const struct bl_option plain_rows[] = {
	OPTION_SOCKET(struct endpoint_options),
	{0},
};

/* Values that were given one by one or split by commas. */
static struct cJSON *strings(const struct bl_option_list *list)
{
	struct cJSON *array = bl_json_array();

	for (size_t i = 0; i < list->n_items; i++) {
		for (const char *at = list->items[i]; *at;) {
			size_t len = strcspn(at, ",");
			bl_autofree char *value = bl_format("%.*s", (int)len, at);

			bl_json_append(array, bl_json_string(value));
			at += len;
			at += *at == ',';
		}
	}
	return array;
}

static int add_labels(struct cJSON *params, const struct bl_option_list *list, struct bl_err *err)
{
	struct cJSON *labels = bl_json_ensure(params, "labels");

	for (size_t i = 0; i < list->n_items; i++) {
		const char *equals = strchr(list->items[i], '=');
		bl_autofree char *key = NULL;

		if (!equals || equals == list->items[i])
			return bl_fail(err, -EINVAL, "--label %s: expected KEY=VALUE",
				       list->items[i]);
		key = bl_format("%.*s", (int)(equals - list->items[i]), list->items[i]);
		bl_json_set_string(labels, key, equals + 1);
	}
	return 0;
}

/* "demo" is a name that `ip netns` knows, anything with a slash a path. */
static char *netns_path(const char *netns)
{
	return strchr(netns, '/') ? bl_strdup(netns) : bl_format("/run/netns/%s", netns);
}

static int add_params(const struct endpoint_options *options, const char *name, const char *netns,
		      struct cJSON *params, struct bl_err *err)
{
	bl_json_set_string(params, "name", name);
	bl_json_set_string(params, "netns", netns);
	bl_json_set_string(params, "uplink", options->uplink);
	bl_json_set_string(params, "tap", options->tap);
	bl_json_set_string(params, "binding", options->binding);
	bl_json_set_string(params, "mac", options->mac);
	bl_json_set(params, "ports", strings(&options->ports));
	bl_json_set_bool(params, "spoofGuard", options->spoof_guard);
	bl_json_set(params, "dns", strings(&options->dns));
	bl_json_set(params, "search", strings(&options->search));
	bl_json_set_string(params, "hostname", options->hostname);
	bl_json_set_string(params, "namespace", options->namespace);
	return add_labels(params, &options->labels, err);
}

static int add(const struct endpoint_options *options, const char *name, struct bl_err *err)
{
	client_auto struct client client = CLIENT_INIT;
	bl_auto_json struct cJSON *params = bl_json_object();
	bl_auto_json struct cJSON *result = NULL;
	bl_autofree char *path = netns_path(options->netns);
	bl_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct client_call call = {.method = "endpoint-add", .fd = fd};
	int r;

	if (fd < 0)
		return bl_fail_errno(err, -errno, "%s", path);
	r = add_params(options, name, path, params, err);
	if (r == 0)
		r = client_open(options->socket, &client, err);
	if (r < 0)
		return r;
	call.params = bl_take_ptr(params);
	r = client_call(&client, &call, &result, NULL, err);
	if (r < 0)
		return r;
	endpoint_print_table(bl_json_get(result, "endpoint"), stdout);
	return 0;
}

static int run_add(void *data, int n_args, char **args)
{
	const struct endpoint_options *options = data;
	struct bl_err err = BL_ERR_INIT;

	if (!options->netns)
		return terminal_usage("endpoint add", "--netns is required");
	return add(options, args[0], &err) < 0 ? terminal_error(&err) : 0;
}

/* The list, or with a name one endpoint with its counters. */
static int show(const struct endpoint_options *options, const char *name, struct bl_err *err)
{
	bl_auto_json struct cJSON *result = NULL;
	struct output output = {.format = options->output};
	int r = output_check(&output, err);

	if (r == 0)
		r = client_ask_once(options->socket, name ? "endpoint-get" : "endpoint-list",
				    client_reference(NULL, NULL, name), &result, err);
	if (r < 0)
		return r;
	if (output_is(&output, "name"))
		named_print(name ? result : bl_json_get(result, "items"));
	else if (options->output)
		output_document(&output, result, stdout);
	else if (name)
		endpoint_print_counters(result, stdout);
	else
		endpoint_print_table(bl_json_get(result, "items"), stdout);
	return 0;
}

static int run_list(void *data, int n_args, char **args)
{
	struct bl_err err = BL_ERR_INIT;

	return show(data, NULL, &err) < 0 ? terminal_error(&err) : 0;
}

static int run_get(void *data, int n_args, char **args)
{
	struct bl_err err = BL_ERR_INIT;

	return show(data, args[0], &err) < 0 ? terminal_error(&err) : 0;
}

static int run_delete(void *data, int n_args, char **args)
{
	const struct endpoint_options *options = data;

	return named_delete(options->socket, "endpoint", args, n_args);
}

static const struct bl_verb endpoint_verbs[] = {
	{.name = "add",
	 .arguments = "NAME --netns PATH",
	 .summary = "Connect a tap to its namespace's uplink",
	 .help = "Tap and uplink exist already; addresses, routes and MTU are read from the\n"
		 "namespace. The line stays until `beeline endpoint delete`, also while no agent "
		 "runs.\n"
		 "\n"
		 "Examples:\n"
		 "  beeline endpoint add fc-1 --netns fc-1 --tap tap0 --uplink eth0\n"
		 "  beeline endpoint add ch-2 --netns /proc/4242/ns/net --binding masquerade \\\n"
		 "      --ports 22/TCP,80/TCP",
	 .options = add_rows,
	 .options_size = sizeof(struct endpoint_options),
	 .min_args = 1,
	 .max_args = 1,
	 .run = run_add},
	{.name = "list",
	 .summary = "List the endpoints, those of virtual machines included",
	 .options = show_rows,
	 .options_size = sizeof(struct endpoint_options),
	 .run = run_list},
	{.name = "get",
	 .arguments = "NAME",
	 .summary = "Show one endpoint and the counters of its traffic, by direction and reason",
	 .options = show_rows,
	 .options_size = sizeof(struct endpoint_options),
	 .min_args = 1,
	 .max_args = 1,
	 .run = run_get},
	{.name = "delete",
	 .arguments = "NAME...",
	 .summary = "Disconnect endpoints",
	 .options = plain_rows,
	 .options_size = sizeof(struct endpoint_options),
	 .min_args = 1,
	 .max_args = -1,
	 .run = run_delete},
	{0},
};

const struct bl_verb verb_endpoint = {
	.name = "endpoint",
	.arguments = "add|list|get|delete",
	.summary = "Manage the eBPF line of single VM interfaces, for any VMM",
	.help = "Examples:\n"
		"  beeline endpoint add fc-1 --netns fc-1 --tap tap0\n"
		"  beeline endpoint list\n"
		"  beeline endpoint get default_vm-01_default",
	.children = endpoint_verbs,
};
