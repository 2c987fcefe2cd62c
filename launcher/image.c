// SPDX-License-Identifier: Apache-2.0
/* qemu-img in a child: see image.h. */
#include "image.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <beeline/file.h>
#include <beeline/process.h>

#define CREATE_TIMEOUT_NS (60ull * 1000 * 1000 * 1000)
#define CREATE_ARGUMENTS  12

struct image_job {
	image_fn *fn;
	void *data;
	char *path;
	char *temporary;
};

static void job_free(struct image_job *job)
{
	free(job->path);
	free(job->temporary);
	free(job);
}

/* qemu-img's last line says what was wrong; an empty one is replaced by the status. */
static int judge(const struct image_job *job, const struct bl_process_result *result,
		 struct bl_err *err)
{
	char status[64];

	if (result->timed_out)
		return bl_fail(err, -ETIMEDOUT, "qemu-img: creating '%s' took too long", job->path);
	if (result->status != 0) {
		int len = (int)strcspn(result->err ? result->err : "", "\n");

		return bl_fail(err, -EIO, "qemu-img: %.*s (%s)", len,
			       result->err ? result->err : "",
			       bl_process_status_text(result->status, status));
	}
	if (rename(job->temporary, job->path) < 0)
		return bl_fail_errno(err, -errno, "renaming '%s'", job->temporary);
	return 0;
}

static void on_exit_of_child(const struct bl_process_result *result, void *data)
{
	struct image_job *job = data;
	struct bl_err err = BL_ERR_INIT;
	int r = judge(job, result, &err);
	image_fn *fn = job->fn;
	void *fn_data = job->data;

	if (r < 0)
		unlink(job->temporary);
	job_free(job);
	fn(r < 0 ? &err : NULL, fn_data);
}

int image_create(struct bl_loop *loop, const struct image_spec *spec, image_fn *fn, void *data,
		 struct bl_err *err)
{
	struct image_job *job = bl_alloc(sizeof(*job));
	bl_autofree char *size = bl_format("%" PRId64, spec->capacity_bytes);
	const char *argv[CREATE_ARGUMENTS] = {"qemu-img", "create", "-q", "-f", "qcow2"};
	struct bl_process_spec process = BL_PROCESS_SPEC_INIT;
	int n = 5, r;

	job->fn = fn;
	job->data = data;
	job->path = bl_strdup(spec->path);
	job->temporary = bl_format("%s.new", spec->path);
	if (spec->backing) {
		argv[n++] = "-b";
		argv[n++] = spec->backing;
		argv[n++] = "-F";
		argv[n++] = spec->backing_format;
	}
	argv[n++] = job->temporary;
	if (!spec->backing)
		argv[n++] = size;
	process.argv = argv;
	process.timeout_ns = CREATE_TIMEOUT_NS;
	r = bl_process_start(loop, &process, on_exit_of_child, job, NULL, err);
	if (r < 0)
		job_free(job);
	return r;
}
