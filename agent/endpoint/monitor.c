// SPDX-License-Identifier: Apache-2.0
/*
 * Subscribers of the event ring, and the names of what they are told. The ring is mapped and read, and the programs write into it, only
 * while there is at least one. All subscribers see all events; the densest sampling that one of them
 * asked for is what the programs do.
 */
#include "room.h"

#include <time.h>

#include <beeline/addr.h>
#include <beeline/file.h>
#include <beeline/log.h>

#include "events.h"

#define COUNT_LOST_NS 500000000ull

struct endpoint_monitor {
	struct endpoints *set;
	struct endpoint_monitor *next;
	uint32_t sample;
	void (*event)(const struct cJSON *event, void *data); /* NULL: stopped, to be freed */
	void *data;
};

static int64_t wall_of(uint64_t monotonic_ns)
{
	struct timespec real, monotonic;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	return (real.tv_sec - monotonic.tv_sec) * 1000000000ll + real.tv_nsec - monotonic.tv_nsec +
	       (int64_t)monotonic_ns;
}

static void tell(const struct endpoints *set, const struct cJSON *event)
{
	for (struct endpoint_monitor *m = set->monitors; m; m = m->next)
		if (m->event)
			m->event(event, m->data);
}

/* ---- names ----------------------------------------------------------------------------------- */

void endpoints_set_names(struct endpoints *set, const struct endpoint_names *names)
{
	set->names = *names;
}

/* By the address that it has everywhere: what a guest behind masquerade calls itself means it in its own
 * line alone. */
static struct bl_addr addr_outside(const struct endpoint *of, const struct bl_addr *addr)
{
	if (of && bl_addr_equal(addr, &of->entry.guest4))
		return of->entry.pod4;
	if (of && bl_addr_equal(addr, &of->entry.guest6))
		return of->entry.pod6;
	return *addr;
}

/* The gateway that a guest behind masquerade knows is no machine. */
static bool is_made_up(const struct endpoint *of, const struct bl_addr *addr)
{
	return of && of->record->spec.binding == BL_BINDING_MASQUERADE &&
	       bl_addr_equal(addr, &of->entry.dhcp_server4);
}

static const char *name_of_endpoint(const struct endpoints *set, const struct bl_addr *addr)
{
	for (uint32_t i = 0; i < BL_ENDPOINTS_MAX; i++) {
		const struct endpoint *endpoint = set->by_index[i];

		if (endpoint && (bl_addr_equal(addr, &endpoint->entry.pod4) ||
				 bl_addr_equal(addr, &endpoint->entry.pod6)))
			return endpoint->record->spec.name;
	}
	return NULL;
}

const char *endpoint_name_of_addr(const struct endpoints *set, const struct bl_addr *addr,
				  uint32_t *ret_identity)
{
	const char *own = name_of_endpoint(set, addr), *name = NULL;

	if (set->names.address)
		name = set->names.address(addr, ret_identity, set->names.data);
	return own ? own : name;
}

struct party {
	const char *address, *name, *identity; /* members of the event */
};

static void name_party(const struct endpoints *set, const struct endpoint *of,
		       const struct party *party, struct cJSON *json)
{
	const char *text = bl_json_get_string(json, party->address);
	uint32_t identity = 0;
	struct bl_addr addr;

	if (!text || bl_addr_parse(text, &addr, NULL) < 0 || !bl_addr_is_set(&addr) ||
	    is_made_up(of, &addr))
		return;
	addr = addr_outside(of, &addr);
	bl_json_set_string(json, party->name, endpoint_name_of_addr(set, &addr, &identity));
	if (identity)
		bl_json_set_number(json, party->identity, identity);
}

static void name_parties(const struct endpoints *set, const struct endpoint *of, struct cJSON *json)
{
	static const struct party source = {"source", "sourceName", "sourceIdentity"};
	static const struct party destination = {"destination", "destinationName",
						 "destinationIdentity"};

	name_party(set, of, &source, json);
	name_party(set, of, &destination, json);
}

const char *endpoint_rule_name(const struct endpoint *endpoint, enum bl_direction asked,
			       uint8_t reason, uint32_t cookie)
{
	const struct endpoint_names *names = &endpoint->set->names;
	bool denied = reason == BL_REASON_POLICY || reason == BL_REASON_AUDITED;

	if (!names->rule || (!cookie && !denied))
		return NULL;
	return names->rule(endpoint->record->spec.name, asked, cookie, names->data);
}

/* ---- what was lost --------------------------------------------------------------------------- */

/* How many more of the endpoint's events were lost since this was asked. */
static uint64_t newly_lost(struct endpoint *endpoint)
{
	uint64_t n_lost, before = endpoint->n_lost;

	if (datapath_lost(endpoint->set->datapath, endpoint->record->place.index, &n_lost, NULL) <
	    0)
		return 0;
	endpoint->n_lost = n_lost;
	return n_lost > before ? n_lost - before : 0;
}

static void on_count_lost(struct bl_timer *timer)
{
	struct endpoints *set = timer->data;

	for (uint32_t i = 0; i < BL_ENDPOINTS_MAX; i++) {
		uint64_t n_lost = set->by_index[i] ? newly_lost(set->by_index[i]) : 0;
		bl_auto_json struct cJSON *json = n_lost ? bl_json_object() : NULL;

		if (!n_lost)
			continue;
		bl_json_set_string(json, "endpoint", set->by_index[i]->record->spec.name);
		bl_json_set_number(json, "lost", (double)n_lost);
		tell(set, json);
	}
}

/* ---- the ring -------------------------------------------------------------------------------- */

static void on_event(const struct bl_event *record, void *data)
{
	struct endpoints *set = data;
	const struct endpoint *endpoint =
		record->endpoint < BL_ENDPOINTS_MAX ? set->by_index[record->endpoint] : NULL;
	bl_auto_json struct cJSON *json =
		event_json(record, endpoint ? endpoint->record->spec.name : "unknown",
			   wall_of(record->time_ns));

	name_parties(set, endpoint, json);
	if (endpoint)
		bl_json_set_string(json, "ruleName",
				   endpoint_rule_name(endpoint, record->asked, record->reason,
						      record->cookie));
	tell(set, json);
}

static void on_readable(struct bl_io *io, uint32_t events);

/* Opens or closes the ring and tells the programs, after the list of subscribers changed. */
static int apply(struct endpoints *set, struct bl_err *err)
{
	uint32_t sample = 0;
	int r = 0;

	for (const struct endpoint_monitor *m = set->monitors; m; m = m->next)
		if (m->sample && (!sample || m->sample < sample))
			sample = m->sample;
	if (set->monitors && !set->ring) {
		r = datapath_ring_new(set->datapath, on_event, set, &set->ring, err);
		for (uint32_t i = 0; r == 0 && i < BL_ENDPOINTS_MAX; i++)
			if (set->by_index[i])
				newly_lost(set->by_index[i]);
		if (r == 0)
			r = bl_io_add(set->loop, &set->ring_io, datapath_ring_fd(set->ring),
				      EPOLLIN, on_readable, set, err);
	}
	if (r == 0)
		r = datapath_sample(set->datapath, set->monitors != NULL, sample, err);
	if (!set->monitors && set->ring) {
		bl_timer_disarm(&set->count_lost);
		bl_io_remove(&set->ring_io);
		datapath_ring_free(set->ring);
		set->ring = NULL;
	}
	return r;
}

/* Whether there was one. */
static bool free_stopped(struct endpoints *set)
{
	bool freed = false;
	struct endpoint_monitor **at = &set->monitors;

	while (*at) {
		struct endpoint_monitor *monitor = *at;

		if (monitor->event) {
			at = &monitor->next;
			continue;
		}
		*at = monitor->next;
		free(monitor);
		freed = true;
	}
	return freed;
}

/* Where events are lost others have come: a while after these is the time to count. The ring is in use
 * while its records are handed out, and a subscriber may stop in its callback: the
 * list changes afterwards. */
static void on_readable(struct bl_io *io, uint32_t events)
{
	struct endpoints *set = io->data;
	struct bl_err err = BL_ERR_INIT;

	set->reading = true;
	if (datapath_ring_read(set->ring, &err) < 0)
		bl_warn("events not read", "reason", err.message);
	set->reading = false;
	if (!set->count_lost.loop)
		bl_timer_arm(set->loop, &set->count_lost, COUNT_LOST_NS, on_count_lost, set);
	if (free_stopped(set) && apply(set, &err) < 0)
		bl_warn("events not switched", "reason", err.message);
}

int endpoint_monitor_start(struct endpoints *set, uint32_t sample,
			   void (*event)(const struct cJSON *event, void *data), void *data,
			   struct endpoint_monitor **ret_monitor, struct bl_err *err)
{
	struct endpoint_monitor *monitor = bl_alloc(sizeof(*monitor));
	int r;

	monitor->set = set;
	monitor->sample = sample;
	monitor->event = event;
	monitor->data = data;
	monitor->next = set->monitors;
	set->monitors = monitor;
	r = apply(set, err);
	if (r < 0) {
		endpoint_monitor_stop(monitor);
		return r;
	}
	*ret_monitor = monitor;
	return 0;
}

void endpoint_monitor_stop(struct endpoint_monitor *monitor)
{
	struct endpoints *set;
	struct bl_err err = BL_ERR_INIT;

	if (!monitor)
		return;
	set = monitor->set;
	monitor->event = NULL;
	if (set->reading)
		return;
	free_stopped(set);
	if (apply(set, &err) < 0)
		bl_warn("events not switched off", "reason", err.message);
}
