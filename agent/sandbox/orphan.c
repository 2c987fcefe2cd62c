// SPDX-License-Identifier: Apache-2.0
/*
 * Runtimes that outlived the agent that started them. A `runc run` whose agent was killed goes on, and
 * would make anew what the next agent has just removed: a container's cgroup, its state. So whoever
 * works on a container first waits for the runtimes that still do; they end by themselves within
 * moments. This agent's own never run at that time, as operations on one sandbox do not overlap.
 */
#include "oci.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include <beeline/file.h>

#define ARGUMENTS_MAX 8192

static bool has_argument(const char *arguments, size_t len, const char *wanted)
{
	for (size_t at = 0; at < len; at += strlen(arguments + at) + 1)
		if (strcmp(arguments + at, wanted) == 0)
			return true;
	return false;
}

/* Does the process run our runtime on this container? It names our state directory and the id. */
static bool is_at_work(const struct sandbox_op *op, const char *pid)
{
	bl_autofree char *path = bl_format("/proc/%s/cmdline", pid), *arguments = NULL;
	size_t len;

	return bl_file_read(path, ARGUMENTS_MAX, &arguments, &len, NULL) == 0 &&
	       has_argument(arguments, len, op->sandboxes->runtime.root) &&
	       has_argument(arguments, len, op->paths->id);
}

/* A handle of one that is at work; -1: none is. */
static int find_one(const struct sandbox_op *op)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	int found = -1;

	while (dir && found < 0 && (entry = readdir(dir))) {
		bl_autoclose int fd = -1;

		if (!isdigit((unsigned char)entry->d_name[0]) || !is_at_work(op, entry->d_name))
			continue;
		/* first the handle, then the check: the number may have changed hands */
		fd = pidfd_open((pid_t)strtol(entry->d_name, NULL, 10), 0);
		if (fd >= 0 && is_at_work(op, entry->d_name))
			found = bl_take_fd(&fd);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void on_end(struct bl_io *io, uint32_t events);

static int await_next(struct sandbox_op *op, struct bl_err *err)
{
	bl_autoclose int fd = find_one(op);
	int r = fd < 0 ? 0 : bl_io_add(op->sandboxes->loop, &op->end, fd, EPOLLIN, on_end, op, err);

	if (fd < 0 || r < 0)
		return r;
	bl_take_fd(&fd);
	return SANDBOX_OP_WAIT;
}

static void on_end(struct bl_io *io, uint32_t events)
{
	struct sandbox_op *op = io->data;
	struct bl_err err = BL_ERR_INIT;
	int fd = io->fd, r;

	bl_io_remove(io);
	close(fd);
	r = await_next(op, &err);
	if (r != SANDBOX_OP_WAIT)
		sandbox_op_resume(op, r < 0 ? &err : NULL);
}

int sandbox_step_await_runtime(struct sandbox_op *op, struct bl_err *err)
{
	return await_next(op, err);
}
