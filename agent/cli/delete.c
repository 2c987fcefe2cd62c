/* SPDX-License-Identifier: Apache-2.0 */
/* beeline delete: objects by name, by manifest, or all of a type; waits until they are gone. */
#include <errno.h>
#include <string.h>

#include <beeline/file.h>

#include "client.h"
#include "filter.h"
#include "kind.h"
#include "manifest.h"
#include "rows.h"
#include "terminal.h"
#include "text.h"
#include "verbs.h"

struct delete_options {
	const char *socket;
	const char *namespace;
	struct bl_option_list files;
	const char *selector;
	uint64_t timeout_ns;
	long grace_s;
	bool force;
	bool now;
	bool all;
	bool all_namespaces;
	bool wait;
	bool ignore_not_found;
};

static const struct bl_option rows[] = {
	OPTION_FILES(struct delete_options,
		     "delete what this manifest (or folder, or - for standard input) names"),
	{.name = "all",
	 .type = BL_OPTION_FLAG,
	 .offset = offsetof(struct delete_options, all),
	 .help = "every object of the type in the namespace"},
	OPTION_NAMESPACE_GIVEN(struct delete_options,
			       "namespace of the objects (default \"default\")"),
	OPTION_ALL_NAMESPACES(struct delete_options,
			      "with --all or a selector: in every namespace"),
	OPTION_SELECTOR(struct delete_options),
	OPTION_GRACE(struct delete_options),
	{.name = "now",
	 .type = BL_OPTION_FLAG,
	 .offset = offsetof(struct delete_options, now),
	 .help = "the same as --grace-period 1"},
	OPTION_FORCE(struct delete_options),
	{.name = "wait",
	 .type = BL_OPTION_FLAG,
	 .offset = offsetof(struct delete_options, wait),
	 .default_value = "true",
	 .help = "wait until the object is gone with all it had"},
	{.name = "timeout",
	 .type = BL_OPTION_DURATION,
	 .offset = offsetof(struct delete_options, timeout_ns),
	 .argument = "DURATION",
	 .default_value = "0s",
	 .help = "give up waiting after this long; 0s: never"},
	OPTION_IGNORE_NOT_FOUND(struct delete_options),
	OPTION_SOCKET(struct delete_options),
	{0},
};

/* All deletions run at once; each reports when it ends. */
struct batch {
	const struct delete_options *options;
	struct bl_selector filter;
	struct client *client;
	struct progress *progress;
	size_t n_waiting;
	int exit_code;
};

struct deletion {
	struct batch *batch;
	char *resource;
	char *name;
};

static void deletion_free(struct deletion *deletion)
{
	free(deletion->resource);
	free(deletion->name);
	free(deletion);
}

/* A guest may take its whole grace period to shut down. */
static void show_waiting(const struct batch *batch)
{
	if (batch->n_waiting && batch->options->wait)
		progress_tick(batch->progress, "waiting for %zu to be gone", batch->n_waiting);
}

static void on_done(const struct cJSON *result, const struct bl_err *why, int *fds,
		    unsigned int n_fds, void *data)
{
	struct deletion *deletion = data;
	struct batch *batch = deletion->batch;

	progress_clear(batch->progress);
	if (!why) {
		printf("%s \"%s\" deleted\n", deletion->resource, deletion->name);
		fflush(stdout);
	} else if (why->code != -ENOENT || !batch->options->ignore_not_found) {
		batch->exit_code = terminal_error(why);
	}
	deletion_free(deletion);
	batch->n_waiting--;
	show_waiting(batch);
	if (batch->n_waiting == 0)
		bl_loop_exit(batch->client->loop, 0);
}

static long grace(const struct delete_options *options)
{
	if (options->force)
		return 0;
	return options->now ? 1 : options->grace_s;
}

static void start(struct batch *batch, const char *kind, const char *namespace, const char *name)
{
	static const struct bl_rpc_reply_ops ops = {.done = on_done};
	struct deletion *deletion = bl_alloc(sizeof(*deletion));
	bl_autofree char *resource = kind_resource(kind);
	struct cJSON *params = client_reference(kind, namespace, name);

	deletion->batch = batch;
	deletion->resource = text_clean(resource);
	deletion->name = text_clean(name);
	batch->n_waiting++;
	bl_json_set_bool(params, "wait", batch->options->wait);
	client_set_grace(params, grace(batch->options));
	bl_rpc_call(batch->client->rpc, "delete", params, NULL, 0, batch->options->timeout_ns, &ops,
		    deletion);
}

static int start_all_of(struct batch *batch, const struct kind *kind, const char *namespace,
			struct bl_err *err)
{
	bl_auto_json struct cJSON *result = NULL;
	int r = client_ask(batch->client, "list", client_reference(kind->kind, namespace, NULL),
			   &result, err);

	if (r < 0)
		return r;
	bl_json_for_each (item, bl_json_get(result, "items")) {
		const char *name = bl_json_get_string(item, "metadata/name");

		if (name && filter_takes(&batch->filter, item))
			start(batch, kind->kind, bl_json_get_string(item, "metadata/namespace"),
			      name);
	}
	return 0;
}

static int start_targets(struct batch *batch, const struct targets *targets, struct bl_err *err)
{
	const char *given = batch->options->namespace;
	const char *one = given ? given : NAMESPACE_DEFAULT;
	const char *namespace = batch->options->all_namespaces ? NULL : one;

	for (size_t i = 0; i < targets->n_items; i++) {
		const struct target *target = &targets->items[i];
		int r = 0;

		if (target->name)
			start(batch, target->kind->kind, namespace, target->name);
		else
			r = start_all_of(batch, target->kind, namespace, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void start_objects(struct batch *batch, const struct cJSON *objects)
{
	bl_json_for_each (object, objects)
		start(batch, bl_json_get_string(object, "kind"),
		      bl_json_get_string(object, "metadata/namespace"),
		      bl_json_get_string(object, "metadata/name"));
}

static int finish(struct batch *batch, struct bl_err *err)
{
	int r = 0;

	show_waiting(batch);
	while (batch->n_waiting && r == 0)
		r = bl_loop_run(batch->client->loop);
	if (r < 0)
		return bl_fail_errno(err, r, "waiting for the agent");
	return batch->exit_code;
}

static int delete (const struct delete_options *options, const struct targets *targets,
		   struct bl_err *err)
{
	manifests_auto struct manifests manifests = {0};
	filter_auto struct bl_selector filter = {0};
	client_auto struct client client = CLIENT_INIT;
	progress_auto struct progress progress = progress_start();
	int r = filter_parse(options->selector, &filter, err);

	if (r == 0 && options->files.n_items)
		r = manifests_read(options->files.items, options->files.n_items, options->namespace,
				   MANIFEST_SENT, &manifests, err);
	if (r < 0)
		return r;
	r = client_open(options->socket, &client, err);
	if (r < 0)
		return r;

	struct batch batch = {
		.options = options,
		.filter = filter, /* borrowed */
		.client = &client,
		.progress = &progress,
	};

	start_objects(&batch, manifests.objects);
	r = start_targets(&batch, targets, err);
	if (r < 0)
		return r;
	if (batch.n_waiting == 0)
		fprintf(stderr, "No resources found\n");
	return finish(&batch, err);
}

static const char *mistake(const struct delete_options *options, const struct targets *targets)
{
	if (options->files.n_items && (targets->n_items || options->selector))
		return "name objects either by -f or by type and name";
	if (options->files.n_items == 0 && targets->n_items == 0)
		return "say what to delete: -f FILE, TYPE NAME, or TYPE --all";
	for (size_t i = 0; i < targets->n_items; i++) {
		if (!targets->items[i].name && !options->all && !options->selector)
			return "resource(s) were provided, but no name was specified: give a NAME, "
			       "--all or --selector";
		if (targets->items[i].name &&
		    (options->all || options->all_namespaces || options->selector))
			return "a name cannot be given together with --all, --all-namespaces or "
			       "--selector";
	}
	return NULL;
}

static int run(void *data, int n_args, char **args)
{
	const struct delete_options *options = data;
	targets_auto struct targets targets = {0};
	struct bl_err err = BL_ERR_INIT;
	const char *wrong;
	int r;

	if (targets_parse(args, (size_t)n_args, NULL, &targets, &err) < 0)
		return terminal_error(&err);
	wrong = mistake(options, &targets);
	if (wrong)
		return terminal_usage("delete", "%s", wrong);
	r = delete (options, &targets, &err);
	return r < 0 ? terminal_error(&err) : r;
}

const struct bl_verb verb_delete = {
	.name = "delete",
	.arguments = "TYPE NAME... | TYPE/NAME... | TYPE --all | TYPE -l LABELS | -f FILE...",
	.summary = "Delete objects and wait until they are gone",
	.help = "Deleting a VirtualMachine stops its guest (ACPI first, then by force when the "
		"grace\n"
		"period ends) and removes its pod, its taps and its disks' overlays.\n"
		"\n"
		"Examples:\n"
		"  beeline delete vm vm-01\n"
		"  beeline delete vm/vm-01 vm/vm-02\n"
		"  beeline delete -f vm.yaml --ignore-not-found\n"
		"  beeline delete vm --all --timeout 2m",
	.options = rows,
	.options_size = sizeof(struct delete_options),
	.max_args = -1,
	.run = run,
};
