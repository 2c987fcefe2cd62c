/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoints: one VM NIC on the pod network each. An endpoint reads the pod's network (addresses,
 * routes, MTU, gateway) from its namespace, writes its entry into the datapath's maps, attaches the
 * stubs to uplink and tap, pins them, and keeps a record from which a restarted agent adopts all of
 * it without a second attachment and without a gap.
 *
 * Kernel objects have two lifetimes: closing descriptors changes nothing once links and maps are
 * pinned; endpoint_detach() removes the pins and with them the attachment.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <beeline/addr.h>
#include <beeline/err.h>
#include <beeline/json.h>
#include <beeline/labels.h>
#include <beeline/loop.h>
#include <beeline/vmi.h>

#include "datapath.h"
#include "histogram.h"

struct endpoints; /* all endpoints of this agent */

#define ENDPOINT_NAME_MAX 200

/* What is asked for; borrowed strings, only read during the call. */
struct endpoint_spec {
	const char *name;       /* pins' folder; "<namespace>_<vmi>_<interface>" for a VM's */
	const char *netns_path; /* how to find the namespace again after a restart */
	int netns_fd;           /* -1: open netns_path */
	const char *uplink, *tap;
	enum bl_binding binding;
	uint8_t guest_mac[6];
	bool has_mac; /* else the uplink's MAC (pod) or a stable one made from the name (masquerade) */
	bool no_spoof_guard;
	const struct bl_interface *interface; /* ports and DHCP options; NULL: none */
	const struct bl_network *network;     /* masquerade networks; NULL: defaults */
	const char *const *dns;               /* NULL: the host's resolv.conf without loopback */
	size_t n_dns;
	const char *const *searches;
	size_t n_searches;
	const char *hostname, *domain;
	const char *namespace;
	const struct bl_labels *labels; /* as Kubernetes' objects have them; NULL: none */
};

/* Words for what the maps count by. */
const char *event_direction(enum bl_direction direction); /* "to-vm", "from-vm", "pod-out" */

struct endpoint; /* opaque; owned by endpoints */

/* Who decides on what passes an endpoint. */
struct endpoint_gate {
	/* Called before the endpoint's entry is written, each time: what the flags that it returns stand
	 * for (BL_EP_POLICY, BL_EP_AUDIT) is in the kernel by then. addrs: by which the world reaches
	 * it. */
	int (*admit)(const struct endpoint_spec *spec, uint32_t index, const struct bl_addr *addrs,
		     size_t n_addrs, uint32_t *ret_flags, void *data, struct bl_err *err);
	/* The endpoint is gone, and everything of its index. */
	void (*leave)(const char *name, void *data);
	void *data;
};

/* Adopts the endpoints recorded below state_dir. datapath (borrowed) outlives the endpoints. gate: NULL
 * when everything may pass. changed is called (from the loop) when an endpoint's kernel side changed
 * under us: the tap vanished and came back, its carrier came or went, the namespace is gone. */
int endpoints_new(struct bl_loop *loop, struct datapath *datapath, const char *state_dir,
		  const struct endpoint_gate *gate, void (*changed)(const char *name, void *data),
		  void *data, struct endpoints **ret_endpoints, struct bl_err *err);
void endpoints_free(struct endpoints *endpoints); /* pins and traffic stay */

/* Attaches, or brings an existing endpoint of that name up to date (same netns and devices: map
 * entry rewritten in place). Asynchronous only in learning the gateway's MAC. */
int endpoint_attach(struct endpoints *endpoints, const struct endpoint_spec *spec,
		    const struct endpoint **ret_endpoint, struct bl_err *err);
int endpoint_detach(struct endpoints *endpoints, const char *name, struct bl_err *err);
const struct endpoint *endpoint_find(const struct endpoints *endpoints, const char *name);
const char *endpoint_name_of_index(const struct endpoints *endpoints, uint32_t index);

/* Facts for status and commands, as api.h names them; the caller owns the JSON. endpoints_list() is
 * an array of descriptions. */
struct cJSON *endpoint_describe(const struct endpoints *endpoints, const struct endpoint *endpoint);
struct cJSON *endpoint_counters(const struct endpoints *endpoints, const struct endpoint *endpoint);
struct cJSON *endpoints_list(const struct endpoints *endpoints);

/* All endpoints' counters at one moment: what metrics and lists show. The descriptions point into the
 * set and hold until the next endpoint comes or goes. */
struct endpoint_figures {
	const struct endpoint *endpoint;
	/* a VM's interface; of an endpoint made by hand its name and its tap */
	char namespace[ENDPOINT_NAME_MAX], name[ENDPOINT_NAME_MAX], interface[ENDPOINT_NAME_MAX];
	const struct bl_counter *traffic; /* by enum bl_direction */
	const struct datapath_verdict *verdicts;
	size_t n_verdicts;
	uint64_t lost;                  /* events that nobody could be told */
	uint64_t capture_lost;          /* packets that were missed by who captured them */
	const struct bl_tally *tallies; /* by enum bl_direction, the VM's two */
	const struct datapath_handshakes *handshakes; /* likewise */
	uint32_t policy_rows;
	bool is_policed;
	struct datapath_fill connections;
};

struct endpoints_figures {
	struct datapath_totals *totals;
	struct endpoint_figures *items;
	size_t n_items;
};

int endpoints_figures_new(const struct endpoints *endpoints, struct endpoints_figures **ret_figures,
			  struct bl_err *err);
void endpoints_figures_free(struct endpoints_figures *figures);
BL_DEFINE_AUTO(endpoints_figures, struct endpoints_figures *, endpoints_figures_free)
#define bl_auto_endpoints_figures bl_cleanup(bl_auto_endpoints_figures_fn)
/* As "endpoint-counters" in api.h says; the caller owns it. */
struct cJSON *endpoints_figures_json(const struct endpoints_figures *figures);
/* How long first attachments took. */
const struct histogram *endpoints_attach_times(const struct endpoints *endpoints);
/* Does the datapath answer? */
int endpoints_check(const struct endpoints *endpoints, struct bl_err *err);

/* What a VMI's status and the launcher need. */
uint16_t endpoint_mtu(const struct endpoint *endpoint);
const uint8_t *endpoint_guest_mac(const struct endpoint *endpoint);
/* Does anybody have the tap open? A VMM that lets go of it, or holds one that was deleted, leaves it
 * without carrier. Asked of the kernel when in doubt. */
bool endpoint_has_carrier(const struct endpoint *endpoint);
/* The addresses by which the world reaches the VM (the pod's); zero where the family is missing. */
struct bl_addr endpoint_addr4(const struct endpoint *endpoint);
struct bl_addr endpoint_addr6(const struct endpoint *endpoint);

/* Names for what events speak of, from who knows more than this room: endpoints' addresses are named here.
 * Either member may be NULL and may answer NULL; what it answers is borrowed until the next call. */
struct endpoint_names {
	/* *ret_identity: by which policies know the address; left alone where none does. */
	const char *(*address)(const struct bl_addr *addr, uint32_t *ret_identity, void *data);
	/* cookie: as in the entries of the endpoint's policy; 0: no entry allowed the packet */
	const char *(*rule)(const char *endpoint, enum bl_direction direction, uint32_t cookie,
			    void *data);
	void *data;
};
void endpoints_set_names(struct endpoints *endpoints, const struct endpoint_names *names);

/* Events of the ring for `beeline monitor`, and {"lost", "endpoint"} when there were more of an endpoint
 * than could be told; sample: one event per so many forwarded packets, 0: drops
 * only. The ring is read, and programs fill it, only while somebody is subscribed. */
struct endpoint_monitor;
int endpoint_monitor_start(struct endpoints *endpoints, uint32_t sample,
			   void (*event)(const struct cJSON *event, void *data), void *data,
			   struct endpoint_monitor **ret_monitor, struct bl_err *err);
void endpoint_monitor_stop(struct endpoint_monitor *monitor);

/* Which of an endpoint's connections: those that agree with each member that says something. */
struct endpoint_connections {
	uint32_t first; /* where in the table to begin */
	bool has_peer;
	struct bl_addr peer;  /* the other end; a prefix */
	uint8_t peer_bits;    /* within the family */
	const char *protocol; /* as connections name it, in any case; NULL: any */
	uint16_t port;        /* of either end, or an echo's identifier; 0: any */
};
/* Appends them, from a part of the table, in the words of api.h; *ret_next is where the next part begins,
 * 0: there is none. */
int endpoint_connections_list(const struct endpoints *endpoints, const struct endpoint *endpoint,
			      const struct endpoint_connections *wanted, struct cJSON *items,
			      uint32_t *ret_next, struct bl_err *err);
/* Has the datapath forget them, likewise; *ret_n: how many. */
int endpoint_connections_flush(const struct endpoints *endpoints, const struct endpoint *endpoint,
			       const struct endpoint_connections *wanted, uint32_t *ret_n,
			       uint32_t *ret_next, struct bl_err *err);

/* The endpoint's packets, up to snaplen bytes of each: *ret_fd, the caller's, is a socket of messages, each
 * a struct bl_capture with its bytes, which ends with BL_CAPTURE_END after the reader has shut down its
 * side. -EBUSY: somebody captures it already. */
int endpoint_capture_start(struct endpoints *endpoints, const char *name, uint32_t snaplen,
			   int *ret_fd, struct bl_err *err);
