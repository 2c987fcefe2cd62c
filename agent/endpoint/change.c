// SPDX-License-Identifier: Apache-2.0
/*
 * What happens in the namespaces while the agent runs. Whatever it was, the endpoint is looked at
 * again as a whole; its owner is told of what concerns him.
 */
#include "room.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <beeline/addr.h>
#include <beeline/file.h>
#include <beeline/log.h>

/* Events come in bursts; one look at the end of the burst is enough. */
#define REFRESH_AFTER_NS (10 * 1000 * 1000ull)

static const char *const no_devices[HOOKS_MAX];

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

static int refresh(struct endpoint *endpoint, struct bl_err *err)
{
	bl_autoclose int netns_fd = -1;
	int r = endpoint_open_netns(endpoint, &netns_fd, err);

	if (r == 0)
		r = links_nsid(endpoint->set->links, netns_fd, &endpoint->nsid, err);
	return r == 0 ? endpoint_sync(endpoint, netns_fd, err) : r;
}

static bool is_gone(const struct endpoint *endpoint)
{
	bl_autoclose int netns_fd = -1;

	return endpoint_open_netns(endpoint, &netns_fd, NULL) == -ENOENT;
}

/* What the owner may want to know, as a line of the log; NULL: nothing. */
static const char *find_news(const struct endpoint *before, const struct endpoint *now)
{
	if (before->named != now->named)
		return now->named ? "endpoint's namespace is at its path again"
				  : "endpoint's namespace is not at its path any more, but lives";
	if (before->entry.tap_ifindex != now->entry.tap_ifindex && before->entry.tap_ifindex != 0)
		return "endpoint's tap was made anew";
	if (before->carrier != now->carrier)
		return now->carrier ? "endpoint's tap is open" : "nobody has endpoint's tap open";
	return NULL;
}

static void on_refresh(struct bl_timer *timer)
{
	struct endpoint *endpoint = timer->data;
	const char *name = endpoint->record->spec.name, *news;
	struct endpoint before = *endpoint;
	struct bl_err err = BL_ERR_INIT;

	if (is_gone(endpoint)) {
		on_gone(endpoint);
		return;
	}
	endpoint->named = endpoint_is_named(endpoint);
	if (refresh(endpoint, &err) < 0) {
		bl_warn("endpoint not brought up to date", "endpoint", name, "reason", err.message);
		tell(endpoint);
		return;
	}
	news = find_news(&before, endpoint);
	if (news) {
		bl_info(news, "endpoint", name);
		tell(endpoint);
	}
}

void endpoint_refresh_soon(struct endpoint *endpoint)
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
		endpoint_refresh_soon(endpoint);
		break;
	case LINK_DEVICE:
		if (is_device_of(endpoint, event))
			endpoint_refresh_soon(endpoint);
		break;
	case LINK_NETWORK:
		if (uplink)
			endpoint_refresh_soon(endpoint);
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
