/* SPDX-License-Identifier: Apache-2.0 */
/* beeline apply: manifests to the agent's store. */
#include "apply.h"

#include <errno.h>

#include "kind.h"
#include "rows.h"
#include "terminal.h"
#include "text.h"
#include "verbs.h"

struct apply_options {
	const char *socket;
	const char *namespace, *validate;
	struct bl_option_list files;
};

static const struct bl_option rows[] = {
	OPTION_FILES(struct apply_options,
		     "manifest, folder of manifests, or - for standard input; may be repeated"),
	OPTION_NAMESPACE_OF_MANIFESTS(struct apply_options),
	{.name = "validate",
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct apply_options, validate),
	 .argument = "HOW",
	 .default_value = "strict",
	 .choices = "strict|warn|ignore",
	 .help = "what an unknown field is: an error, a warning, or nothing"},
	OPTION_SOCKET(struct apply_options),
	{0},
};

static void print_results(const struct cJSON *results, FILE *file)
{
	bl_json_for_each (result, results) {
		const char *kind = bl_json_get_string(result, "kind");
		bl_autofree char *resource = kind_resource(kind ? kind : "");
		bl_autofree char *clean_resource = text_clean(resource);
		bl_autofree char *name = text_clean(bl_json_get_string(result, "name"));
		bl_autofree char *outcome = text_clean(bl_json_get_string(result, "outcome"));

		fprintf(file, "%s/%s %s\n", clean_resource, name, outcome);
	}
	fflush(file);
}

int apply_objects(struct client *client, const struct manifests *manifests, const char *validate,
		  FILE *file, struct bl_err *err)
{
	bl_auto_json struct cJSON *result = NULL;
	struct cJSON *params = bl_json_object();
	int r;

	bl_json_set(params, "objects", bl_json_copy(manifests->objects));
	bl_json_set(params, "sources", bl_json_copy(manifests->sources));
	bl_json_set_string(params, "validate", validate);
	r = client_ask(client, "apply", params, &result, err);
	if (r < 0)
		return r;
	bl_json_for_each (warning, bl_json_get(result, "warnings"))
		if (bl_json_text(warning))
			terminal_warn("%s", bl_json_text(warning));
	print_results(bl_json_get(result, "results"), file);
	return 0;
}

static int apply(const struct apply_options *options, struct bl_err *err)
{
	client_auto struct client client = CLIENT_INIT;
	manifests_auto struct manifests manifests = {0};
	int r;

	r = manifests_read(options->files.items, options->files.n_items, options->namespace,
			   MANIFEST_SENT, &manifests, err);
	if (r < 0)
		return r;
	r = client_open(options->socket, &client, err);
	if (r < 0)
		return r;
	return apply_objects(&client, &manifests, options->validate, stdout, err);
}

static int run(void *data, int n_args, char **args)
{
	struct apply_options *options = data;
	struct bl_err err = BL_ERR_INIT;

	if (options->files.n_items == 0)
		return terminal_usage("apply", "must specify one of -f FILE, -f FOLDER or -f -");
	return apply(options, &err) < 0 ? terminal_error(&err) : 0;
}

const struct bl_verb verb_apply = {
	.name = "apply",
	.arguments = "-f FILE [-f FILE]...",
	.summary = "Create or change objects from manifests",
	.help = "Reads Kubernetes manifests (YAML or JSON, several documents in a file) and brings "
		"the\n"
		"agent's store in line with them. All or nothing: every object is checked before "
		"the\n"
		"first is stored. The spec of a VirtualMachineInstance cannot be changed: delete "
		"the\n"
		"object before it is applied again.\n"
		"\n"
		"An unknown field is an error. With --validate=warn or ignore it has no effect, "
		"but "
		"that a\n"
		"rule of a policy which holds one allows nothing, as it may have been meant to "
		"narrow the\n"
		"rule. In a policy beside its rules, or in a selector, it stays an error.\n"
		"\n"
		"Warnings, on standard error, say what is stored and does not do what it seems "
		"to: a policy\n"
		"that selects nobody, or does not fit; an address that two pods have.\n"
		"\n"
		"Examples:\n"
		"  beeline apply -f vm.yaml\n"
		"  beeline apply -f manifests/ -n team-a\n"
		"  sed s/vm-01/vm-02/ vm.yaml | beeline apply -f -",
	.options = rows,
	.options_size = sizeof(struct apply_options),
	.run = run,
};
