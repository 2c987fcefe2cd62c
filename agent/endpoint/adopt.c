// SPDX-License-Identifier: Apache-2.0
/*
 * The start of an agent: it takes over what an agent before left. What happens in the namespaces
 * afterwards is in endpoint/change.c.
 *
 * Records say who is there. A record of another boot describes nothing that still exists; one whose
 * namespace is gone has pins to be removed; any other is synced, which repairs what is missing and
 * touches nothing that is right. Pins and entries without a record are left by a crash in between
 * and removed.
 */
#include "room.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/log.h>

static const char *const no_devices[HOOKS_MAX];

static int load_record(const char *path, struct record **ret_record, struct bl_err *err)
{
	bl_auto_json struct cJSON *document = NULL;
	bl_autofree char *text = NULL;
	size_t len;
	int r = bl_file_read(path, RECORD_BYTES_MAX, &text, &len, err);

	if (r == 0)
		r = bl_json_parse(text, len, &document, err);
	return r == 0 ? record_from_json(document, ret_record, err) : r;
}

/* The entry that the agent before wrote, so that a learned next hop is not taken for a stale one. */
static int recall(struct endpoint *endpoint, int netns_fd, struct bl_err *err)
{
	struct endpoints *set = endpoint->set;
	int r = links_nsid(set->links, netns_fd, &endpoint->nsid, err);

	if (r < 0)
		return r;
	r = datapath_read_endpoint(set->datapath, endpoint->record->place.index, &endpoint->entry,
				   err);
	return r == 0 ? endpoint_sync(endpoint, netns_fd, err) : r;
}

static void bury(struct endpoint *endpoint)
{
	struct bl_err err = BL_ERR_INIT;

	bl_info("endpoint's namespace is gone", "endpoint", endpoint->record->spec.name);
	if (endpoint_destroy(endpoint, &err) < 0)
		bl_warn("endpoint not removed", "reason", err.message);
}

/* Takes the record. */
static void adopt(struct endpoints *set, struct record *record)
{
	struct endpoint *endpoint = bl_alloc(sizeof(*endpoint));
	bl_autoclose int netns_fd = -1;
	struct bl_err err = BL_ERR_INIT;
	int r;

	endpoint->set = set;
	endpoint->record = record;
	set->by_index[record->place.index] = endpoint;
	endpoint->named = endpoint_is_named(endpoint);
	r = endpoint_open_netns(endpoint, &netns_fd, &err);
	if (r == -ENOENT) {
		bury(endpoint);
		return;
	}
	if (r == 0)
		r = recall(endpoint, netns_fd, &err);
	/* Traffic goes on as it was; what failed is tried again when the namespace changes. */
	if (r < 0)
		bl_warn("endpoint not brought up to date", "endpoint", record->spec.name, "reason",
			err.message);
}

static void adopt_file(struct endpoints *set, const char *path)
{
	struct record *record = NULL;
	struct bl_err err = BL_ERR_INIT;

	if (load_record(path, &record, &err) < 0) {
		bl_warn("endpoint's record is unreadable, removing it", "path", path, "reason",
			err.message);
		unlink(path);
	} else if (strcmp(record->place.boot_id, set->boot_id) != 0 ||
		   set->by_index[record->place.index]) {
		bl_info("endpoint's record is of an earlier boot, removing it", "path", path);
		record_free(record);
		unlink(path);
	} else {
		adopt(set, record);
	}
}

static int adopt_records(struct endpoints *set, struct bl_err *err)
{
	struct dirent **entries = NULL;
	int n = scandir(set->records_dir, &entries, NULL, alphasort);

	if (n < 0)
		return bl_fail_errno(err, -errno, "listing '%s'", set->records_dir);
	for (int i = 0; i < n; i++) {
		bl_autofree char *path = bl_format("%s/%s", set->records_dir, entries[i]->d_name);
		size_t len = strlen(path);

		if (entries[i]->d_name[0] != '.' && len > 5 && strcmp(path + len - 5, ".json") == 0)
			adopt_file(set, path);
		free(entries[i]);
	}
	free(entries);
	return 0;
}

static void remove_orphan(const char *name, void *data)
{
	struct endpoints *set = data;
	struct bl_err err = BL_ERR_INIT;

	if (endpoint_lookup(set, name))
		return;
	bl_info("removing pins that belong to no endpoint", "endpoint", name);
	if (hooks_detach(set->datapath, name, -1, no_devices, &err) < 0)
		bl_warn("pins not removed", "endpoint", name, "reason", err.message);
}

static int clear_orphans(struct endpoints *set, struct bl_err *err)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < BL_ENDPOINTS_MAX; i++) {
		struct bl_endpoint entry;

		if (set->by_index[i])
			continue;
		r = datapath_read_endpoint(set->datapath, i, &entry, err);
		if (r == 0 && entry.flags != 0)
			r = datapath_clear(set->datapath, i, err);
	}
	return r;
}

int endpoints_adopt(struct endpoints *set, struct bl_err *err)
{
	int r = adopt_records(set, err);

	if (r == 0)
		r = hooks_for_each(set->datapath, remove_orphan, set, err);
	return r == 0 ? clear_orphans(set, err) : r;
}
