// SPDX-License-Identifier: Apache-2.0
/* beeline policy list, get, describe, delete: network policy as it is in force. */
#include "policy_ask.h"

#include <errno.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/policy.h>

#include "client.h"
#include "items.h"
#include "kind.h"
#include "named.h"
#include "output.h"
#include "policy_report.h"
#include "rows.h"
#include "terminal.h"
#include "text.h"

const struct bl_option policy_list_rows[] = {
	OPTION_OUTPUT(struct policy_options, OUTPUT_CHOICES),
	OPTION_SOCKET(struct policy_options),
	{0},
};

const struct bl_option policy_get_rows[] = {
	OPTION_NAMESPACE(struct policy_options),
	OPTION_OUTPUT(struct policy_options, "wide|json|yaml|jsonpath="),
	OPTION_SOCKET(struct policy_options),
	{0},
};

const struct bl_option policy_describe_rows[] = {
	OPTION_NAMESPACE(struct policy_options),
	OPTION_OUTPUT(struct policy_options, "json|yaml|jsonpath="),
	OPTION_SOCKET(struct policy_options),
	{0},
};

const struct bl_option policy_delete_rows[] = {
	OPTION_NAMESPACE(struct policy_options),
	OPTION_IGNORE_NOT_FOUND(struct policy_options),
	OPTION_SOCKET(struct policy_options),
	{0},
};

static struct output output_of(const struct policy_options *options)
{
	return (struct output){.format = options->output};
}

/* ---- list --------------------------------------------------------------------------------------- */

static int list(const struct policy_options *options, struct bl_err *err)
{
	bl_auto_json struct cJSON *result = NULL;
	const struct output output = output_of(options);
	int r = output_check(&output, err);

	if (r == 0)
		r = client_ask_once(options->socket, "policy-list", NULL, &result, err);
	if (r < 0)
		return r;
	if (output_is(&output, "name"))
		named_print(bl_json_get(result, "endpoints"));
	else if (!output_is_table(&output))
		output_document(&output, result, stdout);
	else if (bl_json_size(bl_json_get(result, "endpoints")) ||
		 bl_json_size(bl_json_get(result, "policies")))
		policy_print_list(result, output_is(&output, "wide"), stdout);
	else
		output_nothing(NULL);
	return 0;
}

int policy_list_run(void *data, int n_args, char **args)
{
	struct bl_err err = BL_ERR_INIT;

	return list(data, &err) < 0 ? terminal_error(&err) : 0;
}

/* ---- of an endpoint ----------------------------------------------------------------------------- */

/* An endpoint's name or a machine's, "vm/a" being no endpoint's. */
static int endpoint_reference(const struct policy_options *options, const char *arg,
			      struct cJSON **ret_params, struct bl_err *err)
{
	const char *machine;

	if (kind_machine(arg, &machine, NULL) < 0)
		return bl_fail(err, -EINVAL,
			       "\"%s\" is no endpoint: write an endpoint's name, vm/NAME or "
			       "vmi/NAME; `beeline policy describe KIND/NAME` shows a policy",
			       arg);
	*ret_params = client_reference(NULL, options->namespace, machine);
	if (machine == arg)
		bl_json_set_string(*ret_params, "endpoint", arg);
	return 0;
}

/* The answer with the list as one of its members. */
static int ask(const struct policy_options *options, const char *method, struct cJSON *params,
	       const char *member, struct cJSON **ret_document, struct bl_err *err)
{
	struct cJSON *items;
	int r = items_ask_once(options->socket, method, params, &items, ret_document, err);

	if (r < 0)
		return r;
	bl_json_set(*ret_document, member, items);
	return 0;
}

/* What stands in the kernel may be what was before. */
static void warn_of_error(const struct cJSON *endpoint)
{
	bl_autofree char *why = text_clean(bl_json_get_string(endpoint, "error"));

	if (*why)
		terminal_warn("the entries are not those of its policies: %s", why);
}

static int get(const struct policy_options *options, const char *arg, struct bl_err *err)
{
	bl_auto_json struct cJSON *document = NULL;
	const struct output output = output_of(options);
	struct cJSON *params;
	int r = output_check(&output, err);

	if (r == 0)
		r = endpoint_reference(options, arg, &params, err);
	if (r == 0)
		r = ask(options, "policy-get", params, "entries", &document, err);
	if (r < 0)
		return r;
	warn_of_error(bl_json_get(document, "endpoint"));
	if (output_is_table(&output))
		policy_print_entries(bl_json_get(document, "entries"), output_is(&output, "wide"),
				     stdout);
	else
		output_document(&output, document, stdout);
	return 0;
}

int policy_get_run(void *data, int n_args, char **args)
{
	struct bl_err err = BL_ERR_INIT;

	return get(data, args[0], &err) < 0 ? terminal_error(&err) : 0;
}

/* ---- describe ----------------------------------------------------------------------------------- */

/* "cnp/demo" of "demo" in no kind is told apart by the slash; a machine has one, too. */
static int find_target(const char *arg, struct targets *ret_targets, bool *ret_is_policy,
		       struct bl_err *err)
{
	char *args[] = {(char *)arg};
	int r = 0;

	*ret_is_policy = false;
	if (strchr(arg, '/'))
		r = targets_parse(args, 1, NULL, ret_targets, err);
	if (r == 0 && ret_targets->n_items)
		*ret_is_policy = bl_policy_is_kind(ret_targets->items[0].kind->kind);
	return r;
}

static int describe_policy(const struct policy_options *options, const struct target *target,
			   struct cJSON **ret_document, struct bl_err *err)
{
	struct cJSON *params =
		client_reference(target->kind->kind, options->namespace, target->name);

	return ask(options, "policy-describe", params, "rules", ret_document, err);
}

static int describe_endpoint(const struct policy_options *options, const char *arg,
			     struct cJSON **ret_document, struct bl_err *err)
{
	struct cJSON *params;
	int r = endpoint_reference(options, arg, &params, err);

	return r == 0 ? ask(options, "policy-rules", params, "rules", ret_document, err) : r;
}

static int describe(const struct policy_options *options, const char *arg, struct bl_err *err)
{
	bl_auto_json struct cJSON *document = NULL;
	targets_auto struct targets targets = {0};
	const struct output output = output_of(options);
	bool is_policy;
	int r = output_check(&output, err);

	if (r == 0)
		r = find_target(arg, &targets, &is_policy, err);
	if (r == 0 && is_policy)
		r = describe_policy(options, &targets.items[0], &document, err);
	else if (r == 0)
		r = describe_endpoint(options, arg, &document, err);
	if (r < 0)
		return r;
	if (options->output)
		output_document(&output, document, stdout);
	else if (is_policy)
		policy_print_policy(bl_json_get(document, "policy"), bl_json_get(document, "rules"),
				    stdout);
	else
		policy_print_endpoint(bl_json_get(document, "endpoint"),
				      bl_json_get(document, "rules"), stdout);
	return 0;
}

int policy_describe_run(void *data, int n_args, char **args)
{
	struct bl_err err = BL_ERR_INIT;

	return describe(data, args[0], &err) < 0 ? terminal_error(&err) : 0;
}

/* ---- delete ------------------------------------------------------------------------------------- */

static int check_policies(const struct targets *targets, struct bl_err *err)
{
	for (size_t i = 0; i < targets->n_items; i++) {
		const struct target *target = &targets->items[i];

		if (!bl_policy_is_kind(target->kind->kind))
			return bl_fail(err, -EINVAL,
				       "%s is no kind of policy: use `beeline delete`",
				       target->kind->resource);
		if (!target->name)
			return bl_fail(err, -EINVAL, "which %s? Write %s/NAME",
				       target->kind->resource, target->kind->resource);
	}
	return 0;
}

static int delete_one(const struct policy_options *options, struct client *client,
		      const struct target *target, struct bl_err *err)
{
	bl_autofree char *name = text_clean(target->name);
	int r = client_ask(client, "delete",
			   client_reference(target->kind->kind, options->namespace, target->name),
			   NULL, err);

	if (r == -ENOENT && options->ignore_not_found)
		return 0;
	if (r == 0)
		printf("%s \"%s\" deleted\n", target->kind->resource, name);
	return r;
}

int policy_delete_run(void *data, int n_args, char **args)
{
	const struct policy_options *options = data;
	targets_auto struct targets targets = {0};
	client_auto struct client client = CLIENT_INIT;
	struct bl_err err = BL_ERR_INIT;
	int exit_code = 0;

	if (targets_parse(args, (size_t)n_args, NULL, &targets, &err) < 0 ||
	    check_policies(&targets, &err) < 0 || client_open(options->socket, &client, &err) < 0)
		return terminal_error(&err);
	for (size_t i = 0; i < targets.n_items; i++)
		if (delete_one(options, &client, &targets.items[i], &err) < 0)
			exit_code = terminal_error(&err);
	return exit_code;
}
