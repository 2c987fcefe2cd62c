/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to devices, addresses, routes and neighbours inside the pods' namespaces, as events
 * on the loop. One socket in the agent's own namespace hears of all namespaces that have an id there
 * (rtnetlink's nsid); unlike a socket in each pod it keeps none of them alive, and the end of one is
 * an event too.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <net/if.h>

#include <beeline/abi.h>
#include <beeline/cleanup.h>
#include <beeline/err.h>
#include <beeline/loop.h>

enum link_event_kind {
	LINK_DEVICE,    /* a device came, went or changed: ifindex, ifname */
	LINK_NETWORK,   /* an address or route of a device came or went: ifindex */
	LINK_NEIGHBOUR, /* a neighbour's MAC is known: ifindex, addr, mac */
	LINK_GONE,      /* the namespace is gone; its id may be given to another */
	LINK_MISSED,    /* events were lost: look at everything again. nsid is not set */
};

struct link_event {
	enum link_event_kind kind;
	int nsid; /* LINK_NSID_OWN: the agent's own namespace */
	uint32_t ifindex;
	char ifname[IF_NAMESIZE];
	struct bl_addr addr;
	uint8_t mac[6];
};

#define LINK_NSID_OWN (-1)

struct links;
typedef void link_fn(const struct link_event *event, void *data);

int links_new(struct bl_loop *loop, link_fn *fn, void *data, struct links **ret_links,
	      struct bl_err *err);
void links_free(struct links *links);
BL_DEFINE_AUTO(links, struct links *, links_free)
#define bl_auto_links bl_cleanup(bl_auto_links_fn)

/* The id by which events name this namespace; it is given one when it has none. */
int links_nsid(struct links *links, int netns_fd, int *ret_nsid, struct bl_err *err);
