// SPDX-License-Identifier: Apache-2.0
/* Endpoints and their counters as JSON, in the words of api.h. */
#include "room.h"

#include <beeline/addr.h>
#include <beeline/reason.h>

#include "events.h"

static void append_addr(struct cJSON *array, const struct bl_addr *addr)
{
	char text[BL_ADDR_TEXT_MAX];

	if (bl_addr_is_set(addr))
		bl_json_append(array, bl_json_string(bl_addr_format(addr, text)));
}

struct cJSON *endpoint_describe(const struct endpoints *set, const struct endpoint *endpoint)
{
	const struct endpoint_spec *spec = &endpoint->record->spec;
	struct cJSON *json = bl_json_object(), *addresses = bl_json_array();
	char mac[BL_MAC_TEXT_MAX];

	append_addr(addresses, &endpoint->entry.pod4);
	append_addr(addresses, &endpoint->entry.pod6);
	bl_json_set_string(json, "name", spec->name);
	bl_json_set_number(json, "index", endpoint->record->place.index);
	bl_json_set_string(json, "binding", spec->binding == BL_BINDING_POD ? "pod" : "masquerade");
	bl_json_set_string(json, "mac", bl_mac_format(endpoint->entry.guest_mac, mac));
	bl_json_set(json, "addresses", addresses);
	bl_json_set_number(json, "mtu", endpoint->entry.mtu);
	bl_json_set_string(json, "netns", spec->netns_path);
	bl_json_set_string(json, "uplink", spec->uplink);
	bl_json_set_string(json, "tap", spec->tap);
	bl_json_set_bool(json, "carrier", endpoint_has_carrier(endpoint));
	bl_json_set_string(json, "attach", datapath_mode_name(datapath_mode(set->datapath)));
	bl_json_set_bool(json, "spoofGuard", !spec->no_spoof_guard);
	if (!endpoint_is_named(endpoint))
		bl_json_set_bool(json, "unnamed", true);
	if (endpoint->gone)
		bl_json_set_bool(json, "gone", true);
	return json;
}

struct cJSON *endpoints_list(const struct endpoints *set)
{
	struct cJSON *array = bl_json_array();

	for (uint32_t i = 0; i < BL_ENDPOINTS_MAX; i++)
		if (set->by_index[i])
			bl_json_append(array, endpoint_describe(set, set->by_index[i]));
	return array;
}

static void set_counter(struct cJSON *json, const struct bl_counter *counter)
{
	bl_json_set_number(json, "packets", (double)counter->packets);
	bl_json_set_number(json, "bytes", (double)counter->bytes);
}

static void append_verdict(const struct bl_verdict_key *key, const struct bl_counter *counter,
			   void *data)
{
	struct cJSON *json = bl_json_object();

	bl_json_set_string(json, "direction", event_direction(key->direction));
	bl_json_set_string(json, "reason", bl_reason_text(key->reason));
	bl_json_set_number(json, "code", key->reason);
	set_counter(json, counter);
	bl_json_append(data, json);
}

static struct cJSON *traffic_json(const struct bl_counter traffic[BL_DIRECTIONS_MAX])
{
	static const char *const members[BL_DIRECTIONS_MAX] = {
		[BL_TO_VM] = "toVm",
		[BL_FROM_VM] = "fromVm",
		[BL_POD_OUT] = "podOut",
	};
	struct cJSON *json = bl_json_object();

	for (int i = 0; i < BL_DIRECTIONS_MAX; i++)
		set_counter(bl_json_ensure(json, members[i]), &traffic[i]);
	return json;
}

struct cJSON *endpoint_counters(const struct endpoints *set, const struct endpoint *endpoint)
{
	struct bl_counter traffic[BL_DIRECTIONS_MAX] = {0};
	struct cJSON *json, *reasons = bl_json_array();
	uint32_t index = endpoint->record->place.index;

	/* Maps that cannot be read count nothing. */
	for (int i = 0; i < BL_DIRECTIONS_MAX; i++)
		datapath_traffic(set->datapath, index, i, &traffic[i], NULL);
	datapath_verdicts(set->datapath, index, append_verdict, reasons, NULL);
	json = traffic_json(traffic);
	bl_json_set(json, "reasons", reasons);
	return json;
}

static struct cJSON *figures_json(const struct endpoint_figures *figures)
{
	struct cJSON *json = bl_json_object(), *reasons = bl_json_array();
	struct cJSON *counters = traffic_json(figures->traffic);

	for (size_t i = 0; i < figures->n_verdicts; i++)
		append_verdict(&figures->verdicts[i].key, &figures->verdicts[i].counter, reasons);
	bl_json_set(counters, "reasons", reasons);
	bl_json_set_string(json, "namespace", figures->namespace);
	bl_json_set_string(json, "name", figures->name);
	bl_json_set_string(json, "interface", figures->interface);
	bl_json_set_string(json, "endpoint", figures->endpoint->record->spec.name);
	bl_json_set(json, "counters", counters);
	if (figures->connections.capacity) {
		struct cJSON *connections = bl_json_ensure(json, "connections");

		bl_json_set_number(connections, "used", (double)figures->connections.used);
		bl_json_set_number(connections, "capacity", (double)figures->connections.capacity);
		bl_json_set_number(connections, "evicted",
				   (double)(figures->tallies[BL_TO_VM].evicted +
					    figures->tallies[BL_FROM_VM].evicted));
	}
	return json;
}

struct cJSON *endpoints_figures_json(const struct endpoints_figures *figures)
{
	struct cJSON *array = bl_json_array();

	for (size_t i = 0; i < figures->n_items; i++)
		bl_json_append(array, figures_json(&figures->items[i]));
	return array;
}
