// SPDX-License-Identifier: Apache-2.0
/*
 * Which sandboxes there are: by their records below the state directory, and for what is not there by
 * those below the run directory. Several agents share a machine, and directories may change hands; so
 * a sandbox is this agent's only if its record names the id under which it lies.
 */
#include "oci.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include <beeline/file.h>

typedef void sandbox_found_fn(const char *namespace, const char *name, void *data);

static void tell(const struct sandboxes *sandboxes, const struct cJSON *record, const char *id,
		 sandbox_found_fn *fn, void *data)
{
	const char *namespace = bl_json_get_string(record, "namespace");
	const char *name = bl_json_get_string(record, "name");
	bl_auto_sandbox_paths struct sandbox_paths *paths = NULL;

	if (!namespace || !name)
		return;
	paths = sandbox_paths_of(sandboxes, namespace, name);
	if (strcmp(paths->id, id) == 0)
		fn(namespace, name, data);
}

static void report_stored(const struct sandboxes *sandboxes, const char *dir, const char *id,
			  sandbox_found_fn *fn, void *data)
{
	bl_autofree char *path = bl_format("%s/sandbox.json", dir);
	bl_auto_json struct cJSON *record = NULL;
	int r = sandbox_file_read(path, &record, NULL);

	/* The record is the first file to come and the last to go: without it nothing is left. */
	if (r == -ENOENT)
		bl_dir_remove(dir, NULL);
	if (r == 0)
		tell(sandboxes, record, id, fn, data);
}

static void report_running(const struct sandboxes *sandboxes, const char *dir, const char *id,
			   sandbox_found_fn *fn, void *data)
{
	bl_autofree char *stored = bl_format("%s/sandboxes/%s", sandboxes->config.state_dir, id);
	bl_autofree char *path = bl_format("%s/sandbox.json", dir);
	bl_auto_json struct cJSON *record = NULL;

	if (!bl_file_exists(stored) && sandbox_file_read(path, &record, NULL) == 0)
		tell(sandboxes, record, id, fn, data);
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static int walk(const struct sandboxes *sandboxes, const char *top,
		void (*report)(const struct sandboxes *sandboxes, const char *dir, const char *id,
			       sandbox_found_fn *fn, void *data),
		sandbox_found_fn *fn, void *data, struct bl_err *err)
{
	bl_autofree char *path = bl_format("%s/sandboxes", top);
	bl_cleanup(close_dir) DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return errno == ENOENT ? 0 : bl_fail_errno(err, -errno, "opening %s", path);
	while ((entry = readdir(dir))) {
		bl_autofree char *entry_path = bl_format("%s/%s", path, entry->d_name);

		if (entry->d_name[0] != '.')
			report(sandboxes, entry_path, entry->d_name, fn, data);
	}
	return 0;
}

int sandboxes_for_each(struct sandboxes *sandboxes, sandbox_found_fn *fn, void *data,
		       struct bl_err *err)
{
	int r = walk(sandboxes, sandboxes->config.state_dir, report_stored, fn, data, err);

	return r < 0 ? r
		     : walk(sandboxes, sandboxes->config.run_dir, report_running, fn, data, err);
}
