/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints and their counters for people; see endpoint_report.h. */
#include "endpoint_report.h"

#include <beeline/cleanup.h>
#include <beeline/file.h>

#include "items.h"
#include "table.h"
#include "text.h"

static void columns(struct table *table, const char *const *headers)
{
	for (; *headers; headers++)
		table_column(table, *headers);
}

static void add_row(struct table *table, const struct cJSON *endpoint)
{
	bl_autofree char *addresses = items_join(bl_json_get(endpoint, "addresses"), ",");
	bl_autofree char *mtu = bl_format("%.0f", bl_json_get_number(endpoint, "mtu", 0));
	const char *cells[] = {
		bl_json_get_string(endpoint, "name"),
		bl_json_get_string(endpoint, "binding"),
		addresses,
		bl_json_get_string(endpoint, "mac"),
		mtu,
		bl_json_get_string(endpoint, "attach"),
	};

	table_row(table, cells);
}

void endpoint_print_table(const struct cJSON *endpoints, FILE *file)
{
	static const char *const headers[] = {"NAME", "BINDING", "ADDRESSES", "MAC",
					      "MTU",  "ATTACH",  NULL};
	table_auto struct table table = {0};

	columns(&table, headers);
	if (bl_json_is_object(endpoints))
		add_row(&table, endpoints);
	else
		bl_json_for_each (endpoint, endpoints)
			add_row(&table, endpoint);
	table_flush(&table, file);
}

static void add_counter(struct table *table, const char *direction, const char *reason,
			const struct cJSON *counter)
{
	bl_autofree char *packets = bl_format("%.0f", bl_json_get_number(counter, "packets", 0));
	bl_autofree char *bytes = bl_format("%.0f", bl_json_get_number(counter, "bytes", 0));
	const char *cells[] = {direction, reason, packets, bytes};

	table_row(table, cells);
}

static void add_reasons(struct table *table, const struct cJSON *reasons)
{
	bl_json_for_each (item, reasons) {
		const char *reason = bl_json_get_string(item, "reason");
		bl_autofree char *text = bl_format("%s (%.0f)", reason ? reason : "",
						   bl_json_get_number(item, "code", 0));

		add_counter(table, bl_json_get_string(item, "direction"), text, item);
	}
}

static void print_facts(const struct cJSON *endpoint, FILE *file)
{
	static const struct {
		const char *title, *key;
	} facts[] = {
		{"Name", "name"},     {"Binding", "binding"}, {"MAC", "mac"},
		{"Uplink", "uplink"}, {"Attach", "attach"},
	};
	bl_autofree char *addresses = items_join(bl_json_get(endpoint, "addresses"), ",");
	bl_autofree char *clean = text_clean(addresses);
	bl_autofree char *netns = text_clean(bl_json_get_string(endpoint, "netns"));
	bl_autofree char *tap = text_clean(bl_json_get_string(endpoint, "tap"));

	for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++) {
		bl_autofree char *value = text_clean(bl_json_get_string(endpoint, facts[i].key));

		fprintf(file, "%-12s%s\n", facts[i].title, value);
	}
	fprintf(file, "%-12s%s%s\n", "Netns", netns,
		bl_json_get_bool(endpoint, "unnamed", false) ? " (leads there no more)" : "");
	fprintf(file, "%-12s%s%s\n", "Tap", tap,
		bl_json_get_bool(endpoint, "carrier", true) ? "" : " (nobody has it open)");
	fprintf(file, "%-12s%s\n", "Addresses", clean);
	fprintf(file, "%-12s%.0f\n", "MTU", bl_json_get_number(endpoint, "mtu", 0));
	fprintf(file, "%-12s%s\n\n", "Spoof guard",
		bl_json_get_bool(endpoint, "spoofGuard", false) ? "on" : "off");
}

void endpoint_print_counters(const struct cJSON *answer, FILE *file)
{
	static const struct {
		const char *key, *direction;
	} directions[] = {
		{"counters/toVm", "to-vm"},
		{"counters/fromVm", "from-vm"},
		{"counters/podOut", "pod-out"},
	};
	static const char *const headers[] = {"DIRECTION", "VERDICT", "PACKETS", "BYTES", NULL};
	table_auto struct table table = {0};

	print_facts(bl_json_get(answer, "endpoint"), file);
	columns(&table, headers);
	for (size_t i = 0; i < sizeof(directions) / sizeof(*directions); i++) {
		const struct cJSON *counter = bl_json_get(answer, directions[i].key);

		if (counter)
			add_counter(&table, directions[i].direction, "forwarded by eBPF", counter);
	}
	add_reasons(&table, bl_json_get(answer, "counters/reasons"));
	table_flush(&table, file);
}
