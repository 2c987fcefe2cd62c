// SPDX-License-Identifier: Apache-2.0
/*
 * The start of an agent, and what happens in the namespaces afterwards.
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

#include <beeline/addr.h>
#include <beeline/file.h>
#include <beeline/log.h>

#define RECORD_BYTES_MAX (256 * 1024)
/* Events come in bursts; one look at the end of the burst is enough. */
#define REFRESH_AFTER_NS (10 * 1000 * 1000ull)

static const char *const no_devices[BL_DIRECTIONS_MAX];

/* ---- start ----------------------------------------------------------------------------------- */

static int load_record(const char *path, struct record **ret_record, struct bl_err *err)
{
	bl_auto_json struct cJSON *document = NULL;
	bl_autofree char *text = NULL;
	size_t len;
	int r = bl_file_read(path, RECORD_BYTES_MAX, &text, &len, err);

	if (r == 0)
		r = bl_json_parse(text, len, &document, err);
	if (r == 0)
		r = record_from_json(document, ret_record, err);
	if (r == 0)
		bl_take_ptr(document);
	return r;
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
	return r == 0 ? endpoint_sync(endpoint, netns_fd, NULL, err) : r;
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

/* ---- events ---------------------------------------------------------------------------------- */

/* The owner may detach the endpoint in its callback: nothing touches it afterwards. */
static void tell(struct endpoint *endpoint)
{
	struct endpoints *set = endpoint->set;
	char name[ENDPOINT_NAME_MAX];

	snprintf(name, sizeof(name), "%s", endpoint->record->spec.name);
	if (set->changed)
		set->changed(name, set->data);
}

static void on_gone(struct endpoint *endpoint)
{
	struct bl_err err = BL_ERR_INIT;

	if (endpoint->gone)
		return;
	endpoint->gone = true;
	bl_timer_disarm(&endpoint->refresh);
	bl_info("endpoint's namespace is gone", "endpoint", endpoint->record->spec.name);
	if (hooks_detach(endpoint->set->datapath, endpoint->record->spec.name, -1, no_devices,
			 &err) < 0)
		bl_warn("pins not removed", "reason", err.message);
	tell(endpoint);
}

static int refresh(struct endpoint *endpoint, bool *ret_rebuilt, struct bl_err *err)
{
	bl_autoclose int netns_fd = -1;
	int r = endpoint_open_netns(endpoint, &netns_fd, err);

	if (r == 0)
		r = links_nsid(endpoint->set->links, netns_fd, &endpoint->nsid, err);
	return r == 0 ? endpoint_sync(endpoint, netns_fd, ret_rebuilt, err) : r;
}

static bool is_gone(const struct endpoint *endpoint)
{
	bl_autoclose int netns_fd = -1;

	return endpoint_open_netns(endpoint, &netns_fd, NULL) == -ENOENT;
}

static void on_refresh(struct bl_timer *timer)
{
	struct endpoint *endpoint = timer->data;
	struct bl_err err = BL_ERR_INIT;
	bool rebuilt = false;

	if (is_gone(endpoint)) {
		on_gone(endpoint);
	} else if (refresh(endpoint, &rebuilt, &err) < 0) {
		bl_warn("endpoint not brought up to date", "endpoint", endpoint->record->spec.name,
			"reason", err.message);
		tell(endpoint);
	} else if (rebuilt) {
		bl_info("endpoint's tap came back", "endpoint", endpoint->record->spec.name);
		tell(endpoint);
	}
}

static void refresh_soon(struct endpoint *endpoint)
{
	if (!endpoint->gone)
		bl_timer_arm(endpoint->set->loop, &endpoint->refresh, REFRESH_AFTER_NS, on_refresh,
			     endpoint);
}

static void on_neighbour(struct endpoint *endpoint, const struct link_event *event)
{
	for (int i = 0; i < BL_FAMILIES; i++)
		if (bl_addr_equal(&event->addr, &endpoint->gateways[i]))
			datapath_write_nexthop(endpoint->set->datapath,
					       endpoint->record->place.index, i, event->mac, NULL);
}

static bool is_device_of(const struct endpoint *endpoint, const struct link_event *event)
{
	return event->ifindex == endpoint->entry.uplink_ifindex ||
	       event->ifindex == endpoint->entry.tap_ifindex ||
	       strcmp(event->ifname, endpoint->record->spec.tap) == 0 ||
	       strcmp(event->ifname, endpoint->record->spec.uplink) == 0;
}

static void on_event(struct endpoint *endpoint, const struct link_event *event)
{
	bool uplink = event->ifindex == endpoint->entry.uplink_ifindex;

	switch (event->kind) {
	case LINK_GONE: /* of an id: the namespace is looked for before it is given up */
	case LINK_MISSED:
		refresh_soon(endpoint);
		break;
	case LINK_DEVICE:
		if (is_device_of(endpoint, event))
			refresh_soon(endpoint);
		break;
	case LINK_NETWORK:
		if (uplink)
			refresh_soon(endpoint);
		break;
	case LINK_NEIGHBOUR:
		if (uplink)
			on_neighbour(endpoint, event);
		break;
	}
}

void endpoints_on_link(const struct link_event *event, void *data)
{
	struct endpoints *set = data;

	for (uint32_t i = 0; i < BL_ENDPOINTS_MAX; i++) {
		struct endpoint *endpoint = set->by_index[i];

		if (endpoint && (event->kind == LINK_MISSED || event->nsid == endpoint->nsid))
			on_event(endpoint, event);
	}
}
