// SPDX-License-Identifier: Apache-2.0
/*
 * Notices containers that end by themselves: one pidfd per running container's PID 1. It is nobody's
 * child here as a rule, so there is no status to speak of; that it ended is all.
 */
#include "oci.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include <beeline/file.h>

#define PROC_FILE_MAX (64 * 1024)

struct sandbox_watch {
	struct sandboxes *sandboxes;
	struct sandbox_watch *next;
	struct bl_io io;
	char *namespace, *name;
};

static int read_proc(pid_t pid, const char *name, char **ret_text)
{
	bl_autofree char *path = bl_format("/proc/%d/%s", pid, name);

	return bl_file_read(path, PROC_FILE_MAX, ret_text, NULL, NULL);
}

/* "NSpid:\t4711\t1": the first process of a pid namespace below ours, and no zombie. */
static bool is_init_of_namespace(pid_t pid)
{
	bl_autofree char *status = NULL;
	int outer, inner;
	char *at;

	if (read_proc(pid, "status", &status) < 0 || strstr(status, "\nState:\tZ"))
		return false;
	at = strstr(status, "\nNSpid:");
	return at && sscanf(at, "\nNSpid: %d %d", &outer, &inner) == 2 && inner == 1;
}

/* Its cgroup is named by the sandbox's id, as the last part of a path or within a scope. */
static bool is_in_cgroup(pid_t pid, const char *id)
{
	bl_autofree char *cgroup = NULL;
	bl_autofree char *group = bl_format("/%s\n", id);
	bl_autofree char *scope = bl_format("-%s.scope\n", id);

	return read_proc(pid, "cgroup", &cgroup) == 0 &&
	       (strstr(cgroup, group) || strstr(cgroup, scope));
}

static pid_t pid_of_text(const char *text)
{
	long pid = strtol(text, NULL, 10);

	return pid > 1 ? (pid_t)pid : 0;
}

static pid_t pid_of_runtime(const struct sandbox_paths *paths)
{
	bl_autofree char *text = NULL;

	return bl_file_read(paths->pid, 32, &text, NULL, NULL) < 0 ? 0 : pid_of_text(text);
}

/* One of the processes in its cgroup. */
static pid_t pid_of_cgroup(const struct sandboxes *sandboxes, const struct sandbox_paths *paths)
{
	bl_autofree char *text = cgroup_processes(&sandboxes->cgroups, paths->id);
	char *rest;

	for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest)) {
		pid_t pid = pid_of_text(line);

		if (pid && is_init_of_namespace(pid))
			return pid;
	}
	return 0;
}

pid_t sandbox_pid(const struct sandboxes *sandboxes, const struct sandbox_paths *paths)
{
	pid_t pid = pid_of_runtime(paths);

	if (!pid)
		pid = pid_of_cgroup(sandboxes, paths);
	return pid && is_init_of_namespace(pid) && is_in_cgroup(pid, paths->id) ? pid : 0;
}

static void watch_free(struct sandbox_watch *watch)
{
	int fd = watch->io.fd;

	if (watch->io.loop) {
		bl_io_remove(&watch->io);
		close(fd);
	}
	free(watch->namespace);
	free(watch->name);
	free(watch);
}

static struct sandbox_watch **find(struct sandboxes *sandboxes, const char *namespace,
				   const char *name)
{
	struct sandbox_watch **at = &sandboxes->watches;

	while (*at && (strcmp((*at)->namespace, namespace) != 0 || strcmp((*at)->name, name) != 0))
		at = &(*at)->next;
	return at;
}

static void on_end(struct bl_io *io, uint32_t events)
{
	struct sandbox_watch *watch = io->data;
	struct sandboxes *sandboxes = watch->sandboxes;
	siginfo_t info;

	/* Where the agent is its own init, the container's PID 1 has become its child. */
	waitid(P_PIDFD, (id_t)io->fd, &info, WEXITED | WNOHANG);
	*find(sandboxes, watch->namespace, watch->name) = watch->next;
	if (sandboxes->on_exit)
		sandboxes->on_exit(watch->namespace, watch->name, sandboxes->on_exit_data);
	watch_free(watch);
}

int sandbox_watch_add(struct sandboxes *sandboxes, const char *namespace, const char *name,
		      struct bl_err *err)
{
	bl_auto_sandbox_paths struct sandbox_paths *paths =
		sandbox_paths_of(sandboxes, namespace, name);
	struct sandbox_watch *watch;
	bl_autoclose int fd = -1;
	pid_t pid = sandbox_pid(sandboxes, paths);
	int r;

	if (*find(sandboxes, namespace, name))
		return 0;
	/* First the handle, then the check: so the number cannot change hands in between. */
	fd = pid ? pidfd_open(pid, 0) : -1;
	if (fd < 0 || sandbox_pid(sandboxes, paths) != pid)
		return bl_fail(err, -ESRCH, "the container of %s/%s has ended", namespace, name);
	watch = bl_alloc(sizeof(*watch));
	r = bl_io_add(sandboxes->loop, &watch->io, fd, EPOLLIN, on_end, watch, err);
	if (r < 0) {
		free(watch);
		return r;
	}
	bl_take_fd(&fd);
	watch->sandboxes = sandboxes;
	watch->namespace = bl_strdup(namespace);
	watch->name = bl_strdup(name);
	watch->next = sandboxes->watches;
	sandboxes->watches = watch;
	return 0;
}

void sandbox_watch_remove(struct sandboxes *sandboxes, const char *namespace, const char *name)
{
	struct sandbox_watch **at = find(sandboxes, namespace, name), *watch = *at;

	if (!watch)
		return;
	*at = watch->next;
	watch_free(watch);
}

void sandbox_watches_free(struct sandboxes *sandboxes)
{
	while (sandboxes->watches) {
		struct sandbox_watch *watch = sandboxes->watches;

		sandboxes->watches = watch->next;
		watch_free(watch);
	}
}
