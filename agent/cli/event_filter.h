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
	bool has_peer;
	struct bl_addr peer; /* who is not the VM; a prefix */
	uint8_t peer_bits;   /* within the family */
};

/* "192.0.2.1" or "192.0.2.0/24", either family. */
int event_filter_peer(const char *text, struct event_filter *filter, struct bl_err *err);
bool event_filter_takes(const struct event_filter *filter, const struct cJSON *event);
