// SPDX-License-Identifier: Apache-2.0
/* Which events are shown; see event_filter.h. */
#include "event_filter.h"

#include <string.h>
#include <strings.h>

#include <beeline/cleanup.h>

#include "event_line.h"

/* What could be nothing else, well-formed or not. */
static bool is_address(const char *text)
{
	return strchr(text, ':') || text[strspn(text, "0123456789./")] == '\0';
}

int event_filter_peer(const char *text, struct event_filter *filter, struct bl_err *err)
{
	int r;

	if (!is_address(text)) {
		filter->peer_name = text;
		return 0;
	}
	if (strchr(text, '/')) {
		r = bl_prefix_parse(text, false, &filter->peer, &filter->peer_bits, err);
	} else {
		r = bl_addr_parse(text, &filter->peer, err);
		filter->peer_bits = r == 0 && bl_addr_is_v4(&filter->peer) ? 32 : 128;
	}
	filter->has_peer = r == 0;
	return r;
}

static bool is_text(const struct cJSON *event, const char *key, const char *wanted)
{
	const char *text = bl_json_get_string(event, key);

	return !wanted || (text && strcasecmp(text, wanted) == 0);
}

static bool is_port(const struct cJSON *event, long wanted)
{
	return !wanted || bl_json_get_number(event, "sourcePort", 0) == wanted ||
	       bl_json_get_number(event, "destinationPort", 0) == wanted;
}

/* The whole, or from behind a blank or slash. */
static bool ends_with_name(const char *text, const char *name)
{
	size_t len = strlen(text), n = strlen(name);

	if (n > len || strcmp(text + len - n, name) != 0)
		return false;
	return n == len || text[len - n - 1] == '/' || text[len - n - 1] == ' ';
}

static bool is_named(const char *said, const char *wanted)
{
	bl_autofree char *shown = said ? event_line_endpoint(said) : NULL;

	return said && (strcmp(said, wanted) == 0 || ends_with_name(shown, wanted));
}

static bool is_peer(const struct event_filter *filter, const struct cJSON *event)
{
	bool to_vm = is_text(event, "direction", "to-vm");
	const char *text = bl_json_get_string(event, to_vm ? "source" : "destination");
	const char *name = bl_json_get_string(event, to_vm ? "sourceName" : "destinationName");
	struct bl_addr addr;

	if (filter->peer_name)
		return is_named(name, filter->peer_name);

	if (!filter->has_peer)
		return true;
	return text && bl_addr_parse(text, &addr, NULL) == 0 &&
	       bl_addr_in_prefix(&addr, &filter->peer, filter->peer_bits);
}

bool event_filter_takes(const struct event_filter *filter, const struct cJSON *event)
{
	return is_text(event, "verdict", filter->verdict) &&
	       is_text(event, "direction", filter->direction) &&
	       is_text(event, "protocol", filter->protocol) && is_port(event, filter->port) &&
	       is_peer(filter, event);
}
