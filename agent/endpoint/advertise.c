// SPDX-License-Identifier: Apache-2.0
/*
 * Whose turn it is to hear of its router. One timer serves all endpoints one after the other, so that
 * a thousand of them make a trickle and not a burst, and none makes no wake-up.
 */
#include "room.h"

#include <beeline/log.h>

#include "advert.h"

static bool wants_advert(const struct endpoint *endpoint)
{
	return endpoint && !endpoint->gone && (endpoint->entry.flags & BL_EP_HAS_V6);
}

static uint32_t count(const struct endpoints *set)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < BL_ENDPOINTS_MAX; i++)
		n += wants_advert(set->by_index[i]);
	return n;
}

static struct endpoint *next(struct endpoints *set)
{
	for (uint32_t i = 1; i <= BL_ENDPOINTS_MAX; i++) {
		uint32_t index = (set->advertised + i) % BL_ENDPOINTS_MAX;

		if (wants_advert(set->by_index[index])) {
			set->advertised = index;
			return set->by_index[index];
		}
	}
	return NULL;
}

static int advertise(struct endpoint *endpoint, struct bl_err *err)
{
	bl_autoclose int netns_fd = -1;
	struct bl_lease lease;
	int r = endpoint_open_netns(endpoint, &netns_fd, err);

	if (r == 0)
		r = datapath_read_lease(endpoint->set->datapath, endpoint->record->place.index,
					&lease, err);
	return r == 0 ? advert_send(netns_fd, &endpoint->entry, &lease.ra, err) : r;
}

static void on_turn(struct bl_timer *timer)
{
	struct endpoints *set = timer->data;
	struct endpoint *endpoint = next(set);
	struct bl_err err = BL_ERR_INIT;

	if (endpoint && advertise(endpoint, &err) < 0)
		bl_debug("router not advertised", "endpoint", endpoint->record->spec.name, "reason",
			 err.message);
	endpoints_advertise(set);
}

/* More endpoints have shorter turns, so a turn that is pending is taken anew. */
void endpoints_advertise(struct endpoints *set)
{
	uint32_t n = count(set);

	if (n > 0)
		bl_timer_arm(set->loop, &set->advertise, ADVERT_EVERY_NS / n, on_turn, set);
	else
		bl_timer_disarm(&set->advertise);
}
