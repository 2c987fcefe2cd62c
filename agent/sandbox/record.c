// SPDX-License-Identifier: Apache-2.0
/*
 * What is written down of a sandbox: whose it is, and how its network was made. Each file is written
 * twice. The one below the state directory counts, as leases outlive a reboot; its twin below the run
 * directory is read when that one is lost, so that a state directory which somebody removes under
 * running VMs leaves behind nothing that cannot be taken away.
 */
#include "oci.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <beeline/file.h>

#define RECORD_MAX (1024 * 1024)

int sandbox_file_read(const char *path, struct cJSON **ret_json, struct bl_err *err)
{
	bl_autofree char *text = NULL;
	size_t len;
	int r = bl_file_read(path, RECORD_MAX, &text, &len, err);

	if (r == 0)
		r = bl_json_parse(text, len, ret_json, err);
	return r < 0 && r != -ENOENT ? bl_wrap(err, "%s", path) : r;
}

int sandbox_file_write(const char *path, const struct cJSON *json, struct bl_err *err)
{
	bl_autofree char *text = bl_json_print_pretty(json);

	return bl_file_write(path, text, strlen(text), 0600, err);
}

static int read_either(const char *path, const char *twin, struct cJSON **ret_json,
		       struct bl_err *err)
{
	int r = sandbox_file_read(path, ret_json, err);

	return r < 0 && sandbox_file_read(twin, ret_json, NULL) == 0 ? 0 : r;
}

static int write_both(const char *path, const char *twin, const struct cJSON *json,
		      struct bl_err *err)
{
	int r = sandbox_file_write(path, json, err);

	return r < 0 ? r : sandbox_file_write(twin, json, err);
}

int sandbox_record_read(const struct sandbox_paths *paths, struct cJSON **ret_record,
			struct bl_err *err)
{
	return read_either(paths->record, paths->record_twin, ret_record, err);
}

int sandbox_record_write(struct sandbox_op *op, struct bl_err *err)
{
	bl_auto_json struct cJSON *record = bl_json_object();
	int r = bl_dir_make(op->paths->state, 0700, err);

	if (r == 0)
		r = bl_dir_make(op->paths->run, 0755, err);
	if (r < 0)
		return r;
	bl_json_set_string(record, "namespace", op->namespace);
	bl_json_set_string(record, "name", op->name);
	bl_json_set_string(record, "bootId", op->sandboxes->boot_id);
	bl_json_set_string(record, "uid", op->uid);
	return write_both(op->paths->record, op->paths->record_twin, record, err);
}

char *sandbox_record_uid(const struct sandbox_paths *paths)
{
	bl_auto_json struct cJSON *record = NULL;

	const char *uid;
	int r = sandbox_record_read(paths, &record, NULL);

	if (r < 0 && r != -ENOENT)
		return NULL;
	uid = bl_json_get_string(record, "uid");
	return bl_strdup(uid ? uid : "");
}

int sandbox_network_read(const struct sandbox_paths *paths, struct cJSON **ret_network,
			 struct bl_err *err)
{
	return read_either(paths->network, paths->network_twin, ret_network, err);
}

int sandbox_network_write(struct sandbox_op *op, const char *args, const struct cJSON *result,
			  struct bl_err *err)
{
	bl_auto_json struct cJSON *network = bl_json_object();

	bl_json_set_string(network, "bootId", op->sandboxes->boot_id);
	bl_json_set_string(network, "args", args);
	bl_json_set(network, "conflist", bl_json_copy(op->sandboxes->conflist));
	if (result)
		bl_json_set(network, "result", bl_json_copy(result));
	return write_both(op->paths->network, op->paths->network_twin, network, err);
}

/* The one that counts goes last: what a crash leaves is undone once more. */
void sandbox_network_forget(const struct sandbox_paths *paths)
{
	unlink(paths->network_twin);
	unlink(paths->network);
}
