// SPDX-License-Identifier: Apache-2.0
/*
 * runc as a child of the loop. `run --detach` returns when the container's PID 1 has been started,
 * which then belongs to the host's init; how it ends is seen through its pid, not through us.
 */
#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>
#include <beeline/json.h>
#include <beeline/process.h>

#define RUNTIME_TIMEOUT_NS (120ull * 1000 * 1000 * 1000)
#define EXEC_FAILED        127 /* a child's exit status, as the shell has it */
#define LOG_MAX            (64 * 1024)

struct runtime_call {
	struct bl_process *process;
	const char *program;
	char *log; /* the runtime's log file; NULL: what it printed is enough */
	runtime_fn *fn;
	void *data;
};

static void call_free(struct runtime_call *call)
{
	free(call->log);
	free(call);
}

/* The log holds one JSON object a line; the last error is the cause. */
static char *read_complaint(const char *path)
{
	bl_autofree char *text = NULL;
	char *complaint = NULL, *rest;

	if (!path || bl_file_read(path, LOG_MAX, &text, NULL, NULL) < 0)
		return NULL;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		bl_auto_json struct cJSON *entry = NULL;
		const char *level, *msg;

		if (bl_json_parse(line, strlen(line), &entry, NULL) < 0)
			continue;
		level = bl_json_get_string(entry, "level");
		msg = bl_json_get_string(entry, "msg");
		if (!level || !msg || strcmp(level, "error") != 0)
			continue;
		free(complaint);
		complaint = bl_strdup(msg);
	}
	return complaint;
}

static void on_runtime_exit(const struct bl_process_result *result, void *data)
{
	struct runtime_call *call = data;
	struct bl_err err = BL_ERR_INIT;
	char status[64];

	if (result->timed_out) {
		bl_fail(&err, -ETIMEDOUT, "container runtime: no answer in time");
	} else if (WIFEXITED(result->status) && WEXITSTATUS(result->status) == EXEC_FAILED) {
		bl_fail(&err, -ENOENT, "the container runtime '%s' cannot be executed",
			call->program);
	} else if (result->status != 0) {
		bl_autofree char *complaint = read_complaint(call->log);

		const char *words = complaint ? complaint : result->err;

		bl_fail(&err, -EIO, "container runtime: %s: %.*s",
			bl_process_status_text(result->status, status), (int)strcspn(words, "\n"),
			words);
	}
	call->fn(err.code ? &err : NULL, call->data);
	call_free(call);
}

static int start(const struct runtime *runtime, const struct bl_process_spec *spec,
		 struct runtime_call *call, struct runtime_call **ret_call, struct bl_err *err)
{
	int r = bl_process_start(runtime->loop, spec, on_runtime_exit, call, &call->process, err);

	if (r < 0) {
		call_free(call);
		return bl_wrap(err, "container runtime");
	}
	*ret_call = call;
	return 0;
}

static struct runtime_call *call_new(const struct runtime *runtime, runtime_fn *fn, void *data)
{
	struct runtime_call *call = bl_alloc(sizeof(*call));

	call->program = runtime->program;
	call->fn = fn;
	call->data = data;
	return call;
}

int runtime_run(const struct runtime *runtime, const char *id, const char *bundle,
		const char *pid_file, runtime_fn *fn, void *data, struct runtime_call **ret_call,
		struct bl_err *err)
{
	bl_autoclose int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct runtime_call *call = call_new(runtime, fn, data);
	struct bl_process_spec spec = BL_PROCESS_SPEC_INIT;
	const char *argv[20];
	size_t n = 0;

	call->log = bl_format("%s/runtime.log", bundle);
	argv[n++] = runtime->program;
	argv[n++] = "--root";
	argv[n++] = runtime->root;
	argv[n++] = "--log";
	argv[n++] = call->log;
	argv[n++] = "--log-format";
	argv[n++] = "json";
	if (runtime->systemd_cgroup)
		argv[n++] = "--systemd-cgroup";
	argv[n++] = "run";
	argv[n++] = "--detach";
	argv[n++] = "--pid-file";
	argv[n++] = pid_file;
	argv[n++] = "--bundle";
	argv[n++] = bundle;
	argv[n++] = id;
	argv[n] = NULL;
	spec.argv = argv;
	spec.log_fd = null_fd;
	spec.timeout_ns = RUNTIME_TIMEOUT_NS;
	return start(runtime, &spec, call, ret_call, err);
}

int runtime_delete(const struct runtime *runtime, const char *id, runtime_fn *fn, void *data,
		   struct runtime_call **ret_call, struct bl_err *err)
{
	struct runtime_call *call = call_new(runtime, fn, data);
	struct bl_process_spec spec = BL_PROCESS_SPEC_INIT;
	const char *argv[] = {runtime->program, "--root", runtime->root, "delete",
			      "--force",        id,       NULL};

	spec.argv = argv;
	spec.timeout_ns = RUNTIME_TIMEOUT_NS;
	return start(runtime, &spec, call, ret_call, err);
}

void runtime_abandon(struct runtime_call *call)
{
	if (!call)
		return;
	bl_process_abandon(call->process);
	call_free(call);
}

bool runtime_knows(const struct runtime *runtime, const char *id)
{
	bl_autofree char *path = bl_format("%s/%s", runtime->root, id);

	return bl_file_exists(path);
}
