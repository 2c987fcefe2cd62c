// SPDX-License-Identifier: Apache-2.0
/*
 * One run of a chain of plugins: ADD forwards, each plugin given its predecessor's result; DEL
 * backwards, each given what ADD returned in the end. A plugin is a child of the loop: its
 * configuration goes to its standard input, its result or error object comes from its standard
 * output. What a network consists of is cni_conf.c's.
 */
#include "cni.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>
#include <beeline/process.h>

#define CNI_PLUGIN_TIMEOUT_NS (60ull * 1000 * 1000 * 1000)

struct cni_run {
	struct bl_loop *loop;
	struct cJSON *conflist;
	struct cJSON *result;
	char *bin_dir, *container_id, *netns, *ifname, *args;
	bool del;
	size_t n_done;
	int lock_fd;
	struct bl_process *process;
	struct bl_err failure; /* the first one; code 0: none */
	cni_fn *fn;
	void *data;
};

static void release_lock(struct cni_run *run)
{
	if (run->lock_fd >= 0)
		close(run->lock_fd);
	run->lock_fd = -1;
}

static void run_free(struct cni_run *run)
{
	release_lock(run);
	bl_json_free(run->conflist);
	bl_json_free(run->result);
	free(run->bin_dir);
	free(run->container_id);
	free(run->netns);
	free(run->ifname);
	free(run->args);
	free(run);
}

static const struct cJSON *plugin_at(const struct cni_run *run, size_t n_done)
{
	const struct cJSON *plugins = bl_json_get(run->conflist, "plugins");
	size_t n = bl_json_size(plugins);
	size_t index = run->del ? n - 1 - n_done : n_done;
	const struct cJSON *plugin = bl_json_first(plugins);

	if (n_done >= n)
		return NULL;
	while (index--)
		plugin = bl_json_next(plugin);
	return plugin;
}

/* The plugin's own part of the list, with the list's name and version and the previous result. */
static char *plugin_input(const struct cni_run *run, const struct cJSON *plugin)
{
	bl_auto_json struct cJSON *input = bl_json_copy(plugin);

	bl_json_set_string(input, "name", bl_json_get_string(run->conflist, "name"));
	bl_json_set_string(input, "cniVersion", bl_json_get_string(run->conflist, "cniVersion"));
	bl_json_remove(input, "capabilities");
	if (run->result)
		bl_json_set(input, "prevResult", bl_json_copy(run->result));
	return bl_json_print(input);
}

static void finish(struct cni_run *run)
{
	bool failed = run->failure.code != 0;

	/* Its owner may start the next run at once. */
	release_lock(run);
	run->fn(failed || run->del ? NULL : run->result, failed ? &run->failure : NULL, run->data);
	run_free(run);
}

/* A failed plugin prints {"code", "msg", "details"} (specification, section 5). */
static void describe_failure(const struct bl_process_result *result, struct bl_err *err)
{
	bl_auto_json struct cJSON *answer = NULL;
	const char *msg = NULL, *details;
	char status[64];

	if (bl_json_parse(result->out, result->out_len, &answer, NULL) == 0)
		msg = bl_json_get_string(answer, "msg");
	if (!msg) {
		bl_fail(err, -EIO, "%s: %.*s", bl_process_status_text(result->status, status),
			(int)strcspn(result->err, "\n"), result->err);
		return;
	}
	details = bl_json_get_string(answer, "details");
	bl_fail(err, -EIO, "%.400s%s%.400s", msg, details && details[0] ? "; " : "",
		details ? details : "");
}

static int take_result(struct cni_run *run, const struct bl_process_result *result,
		       struct bl_err *err)
{
	struct cJSON *answer = NULL;
	int r;

	if (result->timed_out)
		return bl_fail(err, -ETIMEDOUT, "no answer in time");
	if (result->status != 0) {
		describe_failure(result, err);
		return -EIO;
	}
	if (run->del)
		return 0;
	r = bl_json_parse(result->out, result->out_len, &answer, err);
	if (r < 0)
		return r;
	bl_json_free(run->result);
	run->result = answer;
	return 0;
}

static int start_plugin(struct cni_run *run, const struct cJSON *plugin, struct bl_err *err);

static void note_failure(struct cni_run *run, struct bl_err *err)
{
	const char *type = bl_json_get_string(plugin_at(run, run->n_done), "type");

	bl_wrap(err, "CNI plugin %s %s", type, run->del ? "DEL" : "ADD");
	if (!run->failure.code)
		run->failure = *err;
}

/* Goes on with the chain; the run is freed when this was its end. */
static void go_on(struct cni_run *run)
{
	for (;;) {
		const struct cJSON *plugin = plugin_at(run, run->n_done);
		struct bl_err err = BL_ERR_INIT;

		if (!plugin || (run->failure.code && !run->del))
			break;
		if (start_plugin(run, plugin, &err) == 0)
			return;
		note_failure(run, &err);
		run->n_done++;
	}
	finish(run);
}

static void on_plugin_exit(const struct bl_process_result *result, void *data)
{
	struct cni_run *run = data;
	struct bl_err err = BL_ERR_INIT;

	run->process = NULL;
	if (take_result(run, result, &err) < 0)
		note_failure(run, &err);
	run->n_done++;
	go_on(run);
}

static int start_plugin(struct cni_run *run, const struct cJSON *plugin, struct bl_err *err)
{
	bl_autofree char *path =
		bl_format("%s/%s", run->bin_dir, bl_json_get_string(plugin, "type"));
	bl_autofree char *input = plugin_input(run, plugin);
	bl_autofree char *id = bl_format("CNI_CONTAINERID=%s", run->container_id);
	bl_autofree char *netns = bl_format("CNI_NETNS=%s", run->netns);
	bl_autofree char *ifname = bl_format("CNI_IFNAME=%s", run->ifname);
	bl_autofree char *cni_path = bl_format("CNI_PATH=%s", run->bin_dir);
	bl_autofree char *args = bl_format("CNI_ARGS=%s", run->args);
	const char *argv[] = {path, NULL};
	const char *env[] = {run->del ? "CNI_COMMAND=DEL" : "CNI_COMMAND=ADD",
			     id,
			     netns,
			     ifname,
			     cni_path,
			     args,
			     "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
			     NULL};
	struct bl_process_spec spec = BL_PROCESS_SPEC_INIT;
	size_t len = strlen(input);

	spec.argv = argv;
	spec.env = env;
	spec.stdin_fd = run->lock_fd;
	spec.timeout_ns = CNI_PLUGIN_TIMEOUT_NS;
	if (pwrite(run->lock_fd, input, len, 0) != (ssize_t)len ||
	    ftruncate(run->lock_fd, (off_t)len) < 0 || lseek(run->lock_fd, 0, SEEK_SET) < 0)
		return bl_fail_errno(err, -errno, "writing the plugin's input");
	return bl_process_start(run->loop, &spec, on_plugin_exit, run, &run->process, err);
}

static struct cni_run *run_new(struct bl_loop *loop, const struct cni_attachment *attachment,
			       cni_fn *fn, void *data)
{
	struct cni_run *run = bl_alloc(sizeof(*run));

	run->loop = loop;
	run->lock_fd = -1;
	run->conflist = bl_json_copy(attachment->conflist);
	run->bin_dir = bl_strdup(attachment->bin_dir);
	run->container_id = bl_strdup(attachment->container_id);
	run->netns = bl_strdup(attachment->netns);
	run->ifname = bl_strdup(attachment->ifname);
	run->args = bl_strdup(attachment->args);
	run->fn = fn;
	run->data = data;
	return run;
}

static int take_lock(struct cni_run *run, const char *path, struct bl_err *err)
{
	run->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (run->lock_fd < 0)
		return bl_fail_errno(err, -errno, "opening %s", path);
	if (flock(run->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return bl_fail(err, -EBUSY, "a CNI plugin of an earlier agent has not ended yet");
	return 0;
}

/* The first plugin of ADD must start; DEL goes on whatever a plugin does, so it starts at the first
 * one that can be started. */
static int run_first(struct cni_run *run, const char *lock, struct cni_run **ret_run,
		     struct bl_err *err)
{
	const struct cJSON *plugin;
	int r = take_lock(run, lock, err);

	while (r != -EBUSY && run->lock_fd >= 0 && (plugin = plugin_at(run, run->n_done))) {
		r = start_plugin(run, plugin, err);
		if (r == 0) {
			*ret_run = run;
			return 0;
		}
		note_failure(run, err);
		if (!run->del)
			break;
		run->n_done++;
	}
	run_free(run);
	return r;
}

int cni_add(struct bl_loop *loop, const struct cni_attachment *attachment, cni_fn *fn, void *data,
	    struct cni_run **ret_run, struct bl_err *err)
{
	return run_first(run_new(loop, attachment, fn, data), attachment->lock, ret_run, err);
}

int cni_del(struct bl_loop *loop, const struct cni_attachment *attachment, cni_fn *fn, void *data,
	    struct cni_run **ret_run, struct bl_err *err)
{
	struct cni_run *run = run_new(loop, attachment, fn, data);

	run->del = true;
	if (attachment->result)
		run->result = bl_json_copy(attachment->result);
	return run_first(run, attachment->lock, ret_run, err);
}

void cni_abandon(struct cni_run *run)
{
	if (!run)
		return;
	bl_process_abandon(run->process);
	run_free(run);
}
