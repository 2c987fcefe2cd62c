/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the endpoint room share: endpoint.c (the set), endpoint/sync.c (one endpoint and
 * the kernel), endpoint/adopt.c (start), endpoint/change.c (events),
 * endpoint/names.c, endpoint/describe.c, endpoint/figures.c, endpoint/advertise.c, monitor.c. */
#pragma once

#include "../datapath.h"
#include "../endpoint.h"
#include "link.h"
#include "record.h"

struct endpoint {
	struct endpoints *set;
	struct record *record;
	struct bl_endpoint entry;             /* as it stands in the map */
	struct bl_addr gateways[BL_FAMILIES]; /* of the pod, on the wire */
	bool carrier;                         /* of the tap, as last read */
	uint64_t n_lost;                      /* of its events, as last told to monitors */
	bool named;                           /* as last looked at, see endpoint_is_named() */
	int nsid;
	bool gone; /* the namespace is; what is left waits to be detached */
	struct bl_timer refresh;
	struct endpoint_capture *capture; /* NULL: nobody's; capture.c */
};

struct endpoints {
	struct bl_loop *loop;
	struct datapath *datapath; /* borrowed */
	struct endpoint_gate gate;
	struct links *links;
	struct bl_io mounts;
	char *records_dir;
	char boot_id[40];
	void (*changed)(const char *name, void *data);
	void *data;
	struct endpoint *by_index[BL_ENDPOINTS_MAX];
	struct endpoint_monitor *monitors;
	struct datapath_ring *ring; /* open while there are monitors */
	struct bl_io ring_io;
	bool reading; /* the ring; see monitor.c */
	struct histogram attach_times;
	struct bl_timer count_lost;
	struct endpoint_names names;
	struct bl_timer advertise;
	uint32_t advertised; /* index whose guest was the last to hear of its router */
};

/* Brings kernel and maps to what the record and the pod's network say, and the endpoint's view of its
 * tap up to date. May be called at any time: what is right already is not touched. */
int endpoint_sync(struct endpoint *endpoint, int netns_fd, struct bl_err *err);
/* Does the path of the record still lead to its namespace? */
bool endpoint_is_named(const struct endpoint *endpoint);
/* Opens the namespace of the record, by its path or, when that leads there no more, by way of who
 * lives in it. -ENOENT: it is gone; any other error says nothing about it. */
int endpoint_open_netns(const struct endpoint *endpoint, int *ret_fd, struct bl_err *err);
int endpoint_write_record(struct endpoint *endpoint, struct bl_err *err);
/* Takes all of it away, pins first and the record last, as far as it is there; frees it. */
int endpoint_destroy(struct endpoint *endpoint, struct bl_err *err);
/* The rule that decided on a packet, in words; NULL: policy was not asked, or nobody has words for it.
 * asked is as in struct bl_event. Borrowed until the next call. */
const char *endpoint_rule_name(const struct endpoint *endpoint, enum bl_direction asked,
			       uint8_t reason, uint32_t cookie);
/* Ends the capture, if there is one, and tells its reader. */
void endpoint_capture_stop(struct endpoint *endpoint);
/* Without a trace in the kernel. */
void endpoint_free(struct endpoint *endpoint);
struct endpoint *endpoint_lookup(const struct endpoints *endpoints, const char *name);

/* Who has an address: an endpoint before what endpoint_names says; NULL: nobody knows. *ret_identity: as
 * there. Borrowed until the next call. */
const char *endpoint_name_of_addr(const struct endpoints *endpoints, const struct bl_addr *addr,
				  uint32_t *ret_identity);

/* Takes over what an agent before left: records, pins, entries. */
int endpoints_adopt(struct endpoints *endpoints, struct bl_err *err);
/* Begins, or goes on, to repeat router advertisements; called when an endpoint has come. */
void endpoints_advertise(struct endpoints *endpoints);
/* Has endpoints looked at again whose namespace loses its name, or has it again. */
int endpoints_watch_names(struct endpoints *endpoints, struct bl_err *err);
void endpoints_unwatch_names(struct endpoints *endpoints);
/* Looks at the endpoint as a whole when a burst of events is over, and tells its owner. */
void endpoint_refresh_soon(struct endpoint *endpoint);
/* Events of the pods' namespaces; data is the set. */
void endpoints_on_link(const struct link_event *event, void *data);
