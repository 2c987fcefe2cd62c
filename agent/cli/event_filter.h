/* SPDX-License-Identifier: Apache-2.0 */
/* Which events `beeline monitor` shows. Pure. */
#pragma once

#include <stdbool.h>

#include <beeline/addr.h>
#include <beeline/json.h>

struct event_filter {
	const char *verdict, *direction; /* as they stand in an event; NULL: any */
	const char *protocol;            /* in any case; NULL: any */
	long port;                       /* of either side; 0: any */
	bool has_peer;                   /* who is not the VM, by address: */
	struct bl_addr peer;             /* a prefix */
	uint8_t peer_bits;               /* within the family */
	const char *peer_name;           /* or by name; NULL: whoever it is */
};

/* "192.0.2.1" or "192.0.2.0/24", either family; anything else is a name, as events have them: of an
 * endpoint, "default/web" of a VM or pod, "node n1", "service shop/db", "host", "world", or the last word
 * of these. Borrowed. */
int event_filter_peer(const char *text, struct event_filter *filter, struct bl_err *err);
bool event_filter_takes(const struct event_filter *filter, const struct cJSON *event);
