// SPDX-License-Identifier: Apache-2.0
/*
 * Runs operations: each is a list of steps over one sandbox. Nothing is kept in memory that a step
 * could not find again on disk or in the kernel, so an operation that dies with the agent is repaired
 * by the next one.
 */
#include "oci.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <beeline/file.h>

static bool same_sandbox(const struct sandbox_op *a, const struct sandbox_op *b)
{
	return strcmp(a->paths->id, b->paths->id) == 0;
}

static void op_free(struct sandbox_op *op)
{
	bl_timer_disarm(&op->start);
	cni_abandon(op->cni);
	runtime_abandon(op->call);
	if (op->end.loop) {
		int fd = op->end.fd;

		bl_io_remove(&op->end);
		close(fd);
	}
	sandbox_container_free(op->container);
	sandbox_paths_free(op->paths);
	free(op->namespace);
	free(op->name);
	free(op->uid);
	free(op);
}

static void run_steps(struct sandbox_op *op);

static void on_start(struct bl_timer *timer)
{
	run_steps(timer->data);
}

static void start(struct sandbox_op *op)
{
	op->started = true;
	bl_timer_arm(op->sandboxes->loop, &op->start, 0, on_start, op);
}

static void unlink_op(struct sandbox_op *op)
{
	struct sandbox_op **at = &op->sandboxes->ops;

	while (*at != op)
		at = &(*at)->next;
	*at = op->next;
}

/* The callback may queue the next operation, so this one is off the list before it. */
static void finish(struct sandbox_op *op, const struct bl_err *err)
{
	unlink_op(op);
	for (struct sandbox_op *next = op->sandboxes->ops; next; next = next->next)
		if (same_sandbox(next, op)) {
			start(next);
			break;
		}
	if (op->fn)
		op->fn(err, op->data);
	op_free(op);
}

static void run_steps(struct sandbox_op *op)
{
	struct bl_err err = BL_ERR_INIT;
	int r = 0;

	while (r == 0 && op->steps[op->n_done])
		r = op->steps[op->n_done++](op, &err);
	if (r != SANDBOX_OP_WAIT)
		finish(op, r < 0 ? &err : NULL);
}

void sandbox_op_resume(struct sandbox_op *op, const struct bl_err *err)
{
	op->cni = NULL;
	op->call = NULL;
	if (err)
		finish(op, err);
	else
		run_steps(op);
}

struct sandbox_op *sandbox_op_add(struct sandboxes *sandboxes, const char *namespace,
				  const char *name, sandbox_step *const *steps)
{
	struct sandbox_op *op = bl_alloc(sizeof(*op)), **end = &sandboxes->ops;
	bool busy = false;

	op->sandboxes = sandboxes;
	op->namespace = bl_strdup(namespace);
	op->name = bl_strdup(name);
	op->paths = sandbox_paths_of(sandboxes, namespace, name);
	op->steps = steps;
	for (; *end; end = &(*end)->next)
		busy |= same_sandbox(*end, op);
	*end = op;
	if (!busy)
		start(op);
	return op;
}

void sandbox_ops_free(struct sandboxes *sandboxes)
{
	while (sandboxes->ops) {
		struct sandbox_op *op = sandboxes->ops;

		sandboxes->ops = op->next;
		op_free(op);
	}
}
