/* SPDX-License-Identifier: Apache-2.0 */
/* beeline run: apply a manifest, wait until its guests answer, say how to reach them. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include <beeline/file.h>

#include "apply.h"
#include "client.h"
#include "guest.h"
#include "kind.h"
#include "manifest.h"
#include "rows.h"
#include "terminal.h"
#include "text.h"
#include "verbs.h"

struct run_options {
	const char *socket;
	const char *namespace;
	struct bl_option_list files;
	uint64_t timeout_ns;
};

static const struct bl_option rows[] = {
	OPTION_FILES(struct run_options,
		     "manifest, folder, or - for standard input; the same as an argument"),
	OPTION_NAMESPACE_OF_MANIFESTS(struct run_options),
	{.name = "timeout",
	 .type = BL_OPTION_DURATION,
	 .offset = offsetof(struct run_options, timeout_ns),
	 .argument = "DURATION",
	 .default_value = "5m",
	 .help = "fail when a guest does not answer within this time; 0s: wait for ever"},
	OPTION_SOCKET(struct run_options),
	{0},
};

#define EXIT_INTERRUPTED 130

struct run {
	const struct run_options *options;
	struct client *client;
	struct progress *progress;
	struct bl_timer timeout;
	struct guest *guests; /* borrow names from the objects */
	size_t n_guests;
	size_t n_waiting;
	uint64_t begun_ns;
	bool failed; /* said already: a lost connection fails every watch */
};

static bool is_kind(const struct cJSON *object, const char *kind)
{
	const char *text = bl_json_get_string(object, "kind");

	return text && strcmp(text, kind) == 0;
}

/* " -n team-a", or nothing for the default namespace. */
static char *namespace_flag(const char *namespace)
{
	bl_autofree char *clean = text_clean(namespace);

	if (strcmp(clean, NAMESPACE_DEFAULT) == 0)
		return bl_strdup("");
	return bl_format(" -n %s", clean);
}

static void print_addresses(const struct guest *guest)
{
	for (size_t i = 0; i < guest->n_addresses; i++) {
		const struct guest_address *address = &guest->addresses[i];
		char text[BL_ADDR_TEXT_MAX];

		printf("  %-9s %s (%s%s)\n", i ? "" : "address",
		       bl_addr_format(&address->addr, text), address->how[0] ? "answers " : "",
		       address->how[0] ? address->how : "no answer yet");
	}
}

static void print_ways(const struct guest *guest)
{
	bl_autofree char *name = text_clean(guest->name);
	bl_autofree char *flag = namespace_flag(guest->namespace);
	char text[BL_ADDR_TEXT_MAX];

	printf("  console   beeline console %s%s\n", name, flag);
	if (guest->n_addresses)
		printf("  ssh       beeline ssh USER@%s%s\n", name, flag);
	if (guest->n_addresses)
		printf("  ping      ping %s\n", bl_addr_format(&guest->addresses[0].addr, text));
	printf("  remove    beeline delete %s %s%s\n", guest->has_vm ? "vm" : "vmi", name, flag);
}

static void on_reachable(struct guest *guest, void *data)
{
	struct run *run = data;
	bl_autofree char *name = text_clean(guest->name);
	char after[TEXT_AGE_MAX];

	progress_clear(run->progress);
	text_age((int64_t)((bl_now_ns() - run->begun_ns) / 1000000000), after);
	printf("%s is up%s after %s\n", name,
	       guest->instance.has_network ? " and answers" : ", without a network,", after);
	print_addresses(guest);
	print_ways(guest);
	fflush(stdout);
	if (--run->n_waiting == 0)
		bl_loop_exit(run->client->loop, 0);
}

static void on_failed(struct guest *guest, const struct bl_err *why, void *data)
{
	struct run *run = data;

	if (run->failed)
		return;
	run->failed = true;
	progress_clear(run->progress);
	bl_loop_exit(run->client->loop, terminal_error(why));
}

static void on_timeout(struct bl_timer *timer)
{
	struct run *run = timer->data;
	struct bl_err err = BL_ERR_INIT;
	char text[GUEST_STANDING_MAX];
	char age[TEXT_AGE_MAX];

	progress_clear(run->progress);
	text_age((int64_t)(run->options->timeout_ns / 1000000000), age);
	for (size_t i = 0; i < run->n_guests; i++) {
		const struct guest *guest = &run->guests[i];

		if (guest->reachable)
			continue;
		bl_fail(&err, -ETIMEDOUT, "%s/%s does not answer after %s: %s", guest->namespace,
			guest->name, age, guest_standing(guest, text));
		terminal_error(&err);
	}
	bl_loop_exit(run->client->loop, 1);
}

static void on_interrupt(int signo, void *data)
{
	struct run *run = data;

	progress_clear(run->progress);
	for (size_t i = 0; i < run->n_guests; i++) {
		const struct guest *guest = &run->guests[i];
		bl_autofree char *name = text_clean(guest->name);
		bl_autofree char *flag = namespace_flag(guest->namespace);
		const char *kind = guest->has_vm ? "vm" : "vmi";

		fprintf(stderr,
			"%s goes on as it is; look at it with \"beeline get %s %s%s\", remove it "
			"with \"beeline delete %s %s%s\"\n",
			name, kind, name, flag, kind, name, flag);
	}
	bl_loop_exit(run->client->loop, EXIT_INTERRUPTED);
}

/* A machine's run strategy; "" for anything but a VirtualMachine. */
static const char *run_strategy(const struct cJSON *object)
{
	const char *strategy = bl_json_get_string(object, "spec/runStrategy");

	if (!is_kind(object, KIND_VM))
		return "";
	if (strategy)
		return strategy;
	return bl_json_get_bool(object, "spec/running", false) ? "Always" : "Halted";
}

/* Such a machine waits for somebody to start it. */
static bool wants_start(const struct cJSON *object)
{
	const char *strategy = run_strategy(object);

	return strcmp(strategy, "Halted") == 0 || strcmp(strategy, "Manual") == 0;
}

static bool comes_again(const struct cJSON *object)
{
	const char *strategy = run_strategy(object);

	return strcmp(strategy, "Always") == 0 || strcmp(strategy, "RerunOnFailure") == 0;
}

static int start_machines(struct run *run, const struct cJSON *objects, struct bl_err *err)
{
	bl_json_for_each (object, objects) {
		struct cJSON *params;
		int r;

		if (!wants_start(object))
			continue;
		params = client_reference(NULL, bl_json_get_string(object, "metadata/namespace"),
					  bl_json_get_string(object, "metadata/name"));
		bl_json_set_string(params, "verb", "start");
		r = client_ask(run->client, "vm", params, NULL, err);
		if (r < 0 && r != -EALREADY && r != -EEXIST)
			return r;
	}
	return 0;
}

static void start_guests(struct run *run, const struct cJSON *objects, const struct guest_ops *ops)
{
	run->guests = bl_alloc(bl_json_size(objects) * sizeof(*run->guests));
	bl_json_for_each (object, objects) {
		struct guest *guest = &run->guests[run->n_guests];

		if (!is_kind(object, KIND_VM) && !is_kind(object, KIND_VMI))
			continue;
		*guest = (struct guest){
			.client = run->client,
			.namespace = bl_json_get_string(object, "metadata/namespace"),
			.name = bl_json_get_string(object, "metadata/name"),
			.has_vm = is_kind(object, KIND_VM),
			.comes_again = comes_again(object),
			.progress = run->progress,
			.ops = ops,
		};
		run->n_guests++;
		run->n_waiting++;
		guest_start(guest);
	}
}

static int wait_for_guests(struct run *run, const struct cJSON *objects, struct bl_err *err)
{
	const struct guest_ops ops = {
		.reachable = on_reachable,
		.failed = on_failed,
		.data = run,
	};
	int r;

	r = bl_signal_add(run->client->loop, SIGINT, on_interrupt, run, err);
	if (r == 0)
		r = bl_signal_add(run->client->loop, SIGTERM, on_interrupt, run, err);
	if (r < 0)
		return r;
	if (run->options->timeout_ns)
		bl_timer_arm(run->client->loop, &run->timeout, run->options->timeout_ns, on_timeout,
			     run);
	start_guests(run, objects, &ops);
	r = bl_loop_run(run->client->loop);
	bl_timer_disarm(&run->timeout);
	for (size_t i = 0; i < run->n_guests; i++)
		guest_stop(&run->guests[i]);
	free(run->guests);
	return r < 0 ? bl_fail_errno(err, r, "waiting for the agent") : r;
}

static int has_machine(const struct cJSON *objects, struct bl_err *err)
{
	bl_json_for_each (object, objects) {
		if (is_kind(object, KIND_VM) || is_kind(object, KIND_VMI))
			return 0;
	}
	return bl_fail(err, -EINVAL,
		       "nothing to run: the manifest holds no VirtualMachine and no "
		       "VirtualMachineInstance");
}

static int run_manifests(const struct run_options *options, const char *const *files,
			 size_t n_files, struct bl_err *err)
{
	manifests_auto struct manifests manifests = {0};
	client_auto struct client client = CLIENT_INIT;
	progress_auto struct progress progress = progress_start();
	int r;

	r = manifests_read(files, n_files, options->namespace, MANIFEST_SENT, &manifests, err);
	if (r == 0)
		r = has_machine(manifests.objects, err);
	if (r == 0)
		r = client_open(options->socket, &client, err);
	if (r == 0)
		r = apply_objects(&client, &manifests, NULL, stdout, err);
	if (r < 0)
		return r;

	struct run run = {
		.options = options,
		.client = &client,
		.progress = &progress,
		.begun_ns = bl_now_ns(),
	};

	r = start_machines(&run, manifests.objects, err);
	if (r == 0)
		r = wait_for_guests(&run, manifests.objects, err);
	return r;
}

static int run(void *data, int n_args, char **args)
{
	const struct run_options *options = data;
	size_t n_named = options->files.n_items, n_files = n_named + (size_t)n_args;
	bl_autofree const char **files = bl_alloc((n_files + 1) * sizeof(*files));
	struct bl_err err = BL_ERR_INIT;
	int r;

	if (n_files == 0)
		return terminal_usage("run", "must specify a manifest: beeline run FILE");
	for (size_t i = 0; i < n_files; i++)
		files[i] = i < n_named ? options->files.items[i] : args[i - n_named];
	r = run_manifests(options, files, n_files, &err);
	return r < 0 ? terminal_error(&err) : r;
}

const struct bl_verb verb_run = {
	.name = "run",
	.arguments = "FILE... | -f FILE...",
	.summary = "Apply manifests and wait until their guests answer",
	.help = "Applies KubeVirt manifests, waits until each guest answers a ping or a TCP "
		"connect at\n"
		"its address, and says how to reach it. Ctrl-C stops the waiting, not the "
		"machine.\n"
		"\n"
		"Examples:\n"
		"  beeline run vm.yaml\n"
		"  beeline run vm.yaml --timeout 90s\n"
		"  cat vm.yaml | beeline run -",
	.options = rows,
	.options_size = sizeof(struct run_options),
	.max_args = -1,
	.run = run,
};
