// SPDX-License-Identifier: Apache-2.0
/*
 * Subscribers of the event ring. The ring is mapped and read, and the programs write into it, only
 * while there is at least one. All subscribers see all events; the densest sampling that one of them
 * asked for is what the programs do.
 */
#include "room.h"

#include <time.h>

#include <beeline/file.h>
#include <beeline/log.h>

#include "events.h"

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

static void on_event(const struct bl_event *record, void *data)
{
	struct endpoints *set = data;
	const char *name = endpoint_name_of_index(set, record->endpoint);
	bl_auto_json struct cJSON *json =
		event_json(record, name ? name : "unknown", wall_of(record->time_ns));

	for (struct endpoint_monitor *m = set->monitors; m; m = m->next)
		if (m->event)
			m->event(json, m->data);
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
		if (r == 0)
			r = bl_io_add(set->loop, &set->ring_io, datapath_ring_fd(set->ring),
				      EPOLLIN, on_readable, set, err);
	}
	if (r == 0)
		r = datapath_sample(set->datapath, set->monitors != NULL, sample, err);
	if (!set->monitors && set->ring) {
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

/* The ring is in use while its records are handed out, and a subscriber may stop in its callback: the
 * list changes afterwards. */
static void on_readable(struct bl_io *io, uint32_t events)
{
	struct endpoints *set = io->data;
	struct bl_err err = BL_ERR_INIT;

	set->reading = true;
	if (datapath_ring_read(set->ring, &err) < 0)
		bl_warn("events not read", "reason", err.message);
	set->reading = false;
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
