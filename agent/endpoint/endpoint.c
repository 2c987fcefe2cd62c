// SPDX-License-Identifier: Apache-2.0
/*
 * The set of endpoints: names, indices, and the verbs of endpoint.h. How one endpoint meets the
 * kernel is in endpoint/sync.c, how a new agent finds those of the old one in endpoint/adopt.c.
 */
#include "room.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include <beeline/file.h>

#include "../bootid.h"
#include "../netns.h"

static int read_boot_id(struct endpoints *set, struct bl_err *err)
{
	bl_autofree char *id = NULL;
	int r = boot_id(&id, err);

	if (r == 0)
		snprintf(set->boot_id, sizeof(set->boot_id), "%s", id);
	return r;
}

int endpoints_new(struct bl_loop *loop, struct datapath *datapath, const char *state_dir,
		  const struct endpoint_gate *gate, void (*changed)(const char *name, void *data),
		  void *data, struct endpoints **ret_endpoints, struct bl_err *err)
{
	struct endpoints *set = bl_alloc(sizeof(*set));
	int r;

	set->loop = loop;
	set->datapath = datapath;
	if (gate)
		set->gate = *gate;
	set->changed = changed;
	set->data = data;
	set->records_dir = bl_format("%s/endpoints", state_dir);
	r = read_boot_id(set, err);
	if (r == 0)
		r = bl_dir_make(set->records_dir, 0700, err);
	if (r == 0)
		r = links_new(loop, endpoints_on_link, set, &set->links, err);
	if (r == 0)
		r = endpoints_watch_names(set, err);
	if (r == 0)
		r = endpoints_adopt(set, err);
	if (r < 0) {
		endpoints_free(set);
		return r;
	}
	endpoints_advertise(set);
	*ret_endpoints = set;
	return 0;
}

void endpoints_free(struct endpoints *set)
{
	if (!set)
		return;
	while (set->monitors)
		endpoint_monitor_stop(set->monitors);
	bl_timer_disarm(&set->advertise);
	for (uint32_t i = 0; i < BL_ENDPOINTS_MAX; i++)
		endpoint_free(set->by_index[i]);
	endpoints_unwatch_names(set);
	links_free(set->links);
	free(set->records_dir);
	free(set);
}

void endpoint_free(struct endpoint *endpoint)
{
	if (!endpoint)
		return;
	endpoint_capture_stop(endpoint);
	bl_timer_disarm(&endpoint->refresh);
	if (endpoint->set->by_index[endpoint->record->place.index] == endpoint)
		endpoint->set->by_index[endpoint->record->place.index] = NULL;
	record_free(endpoint->record);
	free(endpoint);
}

struct endpoint *endpoint_lookup(const struct endpoints *set, const char *name)
{
	for (uint32_t i = 0; i < BL_ENDPOINTS_MAX; i++)
		if (set->by_index[i] && strcmp(set->by_index[i]->record->spec.name, name) == 0)
			return set->by_index[i];
	return NULL;
}

const struct endpoint *endpoint_find(const struct endpoints *set, const char *name)
{
	return endpoint_lookup(set, name);
}

const char *endpoint_name_of_index(const struct endpoints *set, uint32_t index)
{
	if (index >= BL_ENDPOINTS_MAX || !set->by_index[index])
		return NULL;
	return set->by_index[index]->record->spec.name;
}

uint16_t endpoint_mtu(const struct endpoint *endpoint)
{
	return endpoint->entry.mtu;
}

const uint8_t *endpoint_guest_mac(const struct endpoint *endpoint)
{
	return endpoint->entry.guest_mac;
}

struct bl_addr endpoint_addr4(const struct endpoint *endpoint)
{
	return endpoint->entry.pod4;
}

struct bl_addr endpoint_addr6(const struct endpoint *endpoint)
{
	return endpoint->entry.pod6;
}

/* ---- attach ---------------------------------------------------------------------------------- */

/* A name becomes a file and a folder of pins: so no '/', no leading dot, and not the maps' own. */
static int check_name(const char *name, struct bl_err *err)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	if (!name || !*name || strlen(name) >= ENDPOINT_NAME_MAX || name[0] == '.' ||
	    name[strspn(name, allowed)] != '\0' || strcmp(name, "maps") == 0)
		return bl_fail(err, -EINVAL,
			       "endpoint name '%s': expected 1 to %d of a-z, A-Z, 0-9, '-', '_', "
			       "'.', and not 'maps'",
			       name ? name : "", ENDPOINT_NAME_MAX - 1);
	return 0;
}

static int check_device(const char *what, const char *name, struct bl_err *err)
{
	if (!name || !*name || strlen(name) >= IF_NAMESIZE || strchr(name, '/') ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return bl_fail(err, -EINVAL, "%s '%s' is not a device name", what,
			       name ? name : "");
	return 0;
}

static int check_spec(const struct endpoint_spec *spec, struct bl_err *err)
{
	int r = check_name(spec->name, err);

	if (r == 0)
		r = check_device("uplink", spec->uplink, err);
	if (r == 0)
		r = check_device("tap", spec->tap, err);
	if (r == 0 && strcmp(spec->uplink, spec->tap) == 0)
		r = bl_fail(err, -EINVAL, "uplink and tap are both '%s'", spec->tap);
	return r;
}

static int choose_index(const struct endpoints *set, uint32_t *ret_index, struct bl_err *err)
{
	for (uint32_t i = 0; i < BL_ENDPOINTS_MAX; i++) {
		if (!set->by_index[i]) {
			*ret_index = i;
			return 0;
		}
	}
	return bl_fail(err, -ENOSPC, "there are %d endpoints already", BL_ENDPOINTS_MAX);
}

/* May the endpoint stay where it is, or is it to be built at another place? */
static bool same_place(const struct endpoint *endpoint, const struct endpoint_spec *spec,
		       uint64_t netns_inode)
{
	const struct record *record = endpoint->record;

	return record->place.netns.inode == netns_inode && record->spec.binding == spec->binding &&
	       strcmp(record->spec.uplink, spec->uplink) == 0 &&
	       strcmp(record->spec.tap, spec->tap) == 0;
}

static int make(struct endpoints *set, const struct record_place *place, struct record *record,
		struct endpoint **ret_endpoint, struct bl_err *err)
{
	struct endpoint *endpoint = bl_alloc(sizeof(*endpoint));

	endpoint->set = set;
	endpoint->record = record;
	record->place = *place;
	set->by_index[place->index] = endpoint;
	*ret_endpoint = endpoint;
	return datapath_clear(set->datapath, place->index, err);
}

/* First attachment; whatever fails, nothing is left of it. */
static int attach_new(struct endpoints *set, struct record *record, int netns_fd,
		      struct record_place *place, struct endpoint **ret_endpoint,
		      struct bl_err *err)
{
	uint64_t since = bl_now_ns();
	struct endpoint *endpoint;
	int r = make(set, place, record, &endpoint, err);

	if (r == 0)
		r = links_nsid(set->links, netns_fd, &endpoint->nsid, err);
	if (r == 0)
		r = endpoint_write_record(endpoint, err);
	if (r == 0)
		r = endpoint_sync(endpoint, netns_fd, err);
	if (r < 0) {
		if (endpoint_destroy(endpoint, NULL) < 0)
			endpoint_free(endpoint);
		return r;
	}
	endpoint->named = endpoint_is_named(endpoint);
	endpoints_advertise(set);
	histogram_observe(&set->attach_times, bl_now_ns() - since);
	*ret_endpoint = endpoint;
	return 0;
}

static int update(struct endpoint *endpoint, struct record *record, int netns_fd,
		  struct bl_err *err)
{
	struct record *old = endpoint->record;
	int r;

	record->place.index = old->place.index;
	memcpy(record->place.boot_id, old->place.boot_id, sizeof(old->place.boot_id));
	record->place.tap.arp_ignore = old->place.tap.arp_ignore; /* before the first attach */
	record->place.tap.disable_ipv6 = old->place.tap.disable_ipv6;
	endpoint->record = record;
	r = endpoint_write_record(endpoint, err);
	if (r == 0)
		r = endpoint_sync(endpoint, netns_fd, err);
	if (r < 0) {
		/* What runs is still the old one: the record goes back to it. */
		endpoint->record = old;
		endpoint_write_record(endpoint, NULL);
		record_free(record);
		return r;
	}
	record_free(old);
	return 0;
}

/* The place of a new endpoint: index, boot, namespace and what its tap is like. */
static int find_place(struct endpoints *set, const struct endpoint_spec *spec, int netns_fd,
		      struct record_place *ret_place, struct bl_err *err)
{
	struct record_place place = {0};
	int r = choose_index(set, &place.index, err);

	if (r == 0)
		r = netns_identify(netns_fd, &place.netns, err);
	if (r == 0)
		r = tap_read(netns_fd, spec->tap, &place.tap, err);
	if (r < 0)
		return r;
	memcpy(place.boot_id, set->boot_id, sizeof(place.boot_id));
	*ret_place = place;
	return 0;
}

/* A device carries one line: a second one would take the packets that the first waits for. */
static int check_free(const struct endpoints *set, const struct endpoint_spec *spec,
		      uint64_t netns_inode, struct bl_err *err)
{
	for (uint32_t i = 0; i < BL_ENDPOINTS_MAX; i++) {
		const struct endpoint *other = set->by_index[i];
		const struct record *record = other ? other->record : NULL;

		if (!other || other->gone || record->place.netns.inode != netns_inode ||
		    strcmp(record->spec.name, spec->name) == 0)
			continue;
		if (strcmp(record->spec.tap, spec->tap) == 0 ||
		    strcmp(record->spec.uplink, spec->uplink) == 0)
			return bl_fail(err, -EBUSY, "%s and %s are in use by endpoint '%s'",
				       record->spec.uplink, record->spec.tap, record->spec.name);
	}
	return 0;
}

static int attach(struct endpoints *set, const struct endpoint_spec *spec, int netns_fd,
		  struct endpoint **ret_endpoint, struct bl_err *err)
{
	struct endpoint *endpoint = endpoint_lookup(set, spec->name);
	bl_auto_record struct record *record = NULL;
	struct record_place place;
	int r = record_new(spec, &record, err);

	if (r == 0)
		r = find_place(set, spec, netns_fd, &place, err);
	if (r == 0)
		r = check_free(set, spec, place.netns.inode, err);
	if (r == 0 && endpoint && !same_place(endpoint, spec, place.netns.inode)) {
		r = endpoint_destroy(endpoint, err);
		endpoint = NULL;
		if (r == 0) /* it is as it was before that one */
			r = tap_read(netns_fd, spec->tap, &place.tap, err);
	}
	if (r < 0)
		return r;
	if (!endpoint)
		return attach_new(set, bl_take_ptr(record), netns_fd, &place, ret_endpoint, err);
	record->place.tap = place.tap;
	record->place.netns = place.netns;
	*ret_endpoint = endpoint;
	return update(endpoint, bl_take_ptr(record), netns_fd, err);
}

int endpoint_attach(struct endpoints *set, const struct endpoint_spec *spec,
		    const struct endpoint **ret_endpoint, struct bl_err *err)
{
	bl_autoclose int opened = -1;
	struct endpoint *endpoint = NULL;
	int r = check_spec(spec, err);

	if (r < 0)
		return r;
	if (spec->netns_fd < 0)
		r = netns_open(spec->netns_path, &opened, err);
	if (r == 0)
		r = attach(set, spec, spec->netns_fd < 0 ? opened : spec->netns_fd, &endpoint, err);
	if (r < 0)
		return bl_wrap(err, "attaching endpoint '%s'", spec->name);
	*ret_endpoint = endpoint;
	return 0;
}

int endpoint_detach(struct endpoints *set, const char *name, struct bl_err *err)
{
	struct endpoint *endpoint = endpoint_lookup(set, name);
	int r;

	if (!endpoint)
		return bl_fail(err, -ENOENT, "no endpoint '%s'", name);
	r = endpoint_destroy(endpoint, err);
	return r < 0 ? bl_wrap(err, "detaching endpoint '%s'", name) : 0;
}
