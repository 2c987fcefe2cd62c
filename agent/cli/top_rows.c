/* SPDX-License-Identifier: Apache-2.0 */
/* Rates of VMs; see the header. */
#include "top_rows.h"

#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "table.h"
#include "text.h"

#define REASON_DROPS_FROM 130 /* BL_REASON_IS_DROP */

static const char *const sorts[] = {
	[TOP_BYTES] = "bytes", [TOP_PACKETS] = "packets",
	[TOP_DROPS] = "drops", [TOP_CONNECTIONS] = "connections",
	[TOP_NAME] = "name",
};

enum top_sort top_sort_of(const char *name)
{
	enum top_sort sort = TOP_BYTES;

	for (size_t i = 0; i < sizeof(sorts) / sizeof(*sorts); i++)
		if (strcmp(sorts[i], name) == 0)
			sort = (enum top_sort)i;
	return sort;
}

/* ---- rates --------------------------------------------------------------------------------------- */

static double drops_of(const struct cJSON *item)
{
	double drops = 0;

	bl_json_for_each (reason, bl_json_get(item, "counters/reasons"))
		if (bl_json_get_number(reason, "code", 0) >= REASON_DROPS_FROM)
			drops += bl_json_get_number(reason, "packets", 0);
	return drops;
}

static double rate(double before, double after, double seconds)
{
	return (after < before ? after : after - before) / seconds;
}

static double rate_of(const struct cJSON *before, const struct cJSON *after, const char *path,
		      double seconds)
{
	return rate(bl_json_get_number(before, path, 0), bl_json_get_number(after, path, 0),
		    seconds);
}

/* Both answers have the endpoints in the same order, but for those that came or went. */
static const struct cJSON *find(const struct cJSON *items, const struct cJSON *hint,
				const char *endpoint)
{
	const char *name = bl_json_get_string(hint, "endpoint");

	if (name && strcmp(name, endpoint) == 0)
		return hint;
	bl_json_for_each (item, items) {
		name = bl_json_get_string(item, "endpoint");
		if (name && strcmp(name, endpoint) == 0)
			return item;
	}
	return NULL;
}

static struct top_row row_of(const struct cJSON *before, const struct cJSON *after, double seconds)
{
	return (struct top_row){
		.namespace = bl_json_get_string(after, "namespace"),
		.name = bl_json_get_string(after, "name"),
		.interface = bl_json_get_string(after, "interface"),
		.in_bytes = rate_of(before, after, "counters/toVm/bytes", seconds),
		.out_bytes = rate_of(before, after, "counters/fromVm/bytes", seconds),
		.in_packets = rate_of(before, after, "counters/toVm/packets", seconds),
		.out_packets = rate_of(before, after, "counters/fromVm/packets", seconds),
		.drops = rate(drops_of(before), drops_of(after), seconds),
		.connections = bl_json_get_number(after, "connections/used", -1),
		.evictions = rate_of(before, after, "connections/evicted", seconds),
	};
}

static double weight(const struct top_row *row, enum top_sort sort)
{
	switch (sort) {
	case TOP_BYTES:
		return row->in_bytes + row->out_bytes;
	case TOP_PACKETS:
		return row->in_packets + row->out_packets;
	case TOP_DROPS:
		return row->drops;
	case TOP_CONNECTIONS:
		return row->connections;
	case TOP_NAME:
		break;
	}
	return 0;
}

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

/* Most first, and by name what is equal. */
static int compare(const void *a, const void *b, void *data)
{
	const struct top_row *x = a, *y = b;
	enum top_sort sort = *(const enum top_sort *)data;
	double heavy = weight(y, sort) - weight(x, sort);
	int order = heavy > 0 ? 1 : heavy < 0 ? -1 : 0;

	if (order == 0)
		order = compare_text(x->namespace, y->namespace);
	if (order == 0)
		order = compare_text(x->name, y->name);
	return order ? order : compare_text(x->interface, y->interface);
}

void top_read(const struct cJSON *before, const struct cJSON *after, enum top_sort sort,
	      struct top *ret_top)
{
	const struct cJSON *old = bl_json_get(before, "items"), *new = bl_json_get(after, "items");
	const struct cJSON *hint = bl_json_first(old);
	double ns =
		bl_json_get_number(after, "timeNs", 0) - bl_json_get_number(before, "timeNs", 0);
	struct top top = {.seconds = ns > 0 ? ns / 1e9 : 1};

	top.rows = bl_alloc((bl_json_size(new) + 1) * sizeof(*top.rows));
	bl_json_for_each (item, new) {
		const char *endpoint = bl_json_get_string(item, "endpoint");

		top.rows[top.n_rows++] =
			row_of(find(old, hint, endpoint ? endpoint : ""), item, top.seconds);
		hint = hint ? bl_json_next(hint) : NULL;
	}
	qsort_r(top.rows, top.n_rows, sizeof(*top.rows), compare, &sort);
	*ret_top = top;
}

void top_clear(struct top *top)
{
	free(top->rows);
	*top = (struct top){0};
}

/* ---- text ---------------------------------------------------------------------------------------- */

static void add_row(struct table *table, const struct top_row *row)
{
	char in[TEXT_BYTES_MAX], out[TEXT_BYTES_MAX];
	bl_autofree char *in_packets = bl_format("%.0f", row->in_packets);
	bl_autofree char *out_packets = bl_format("%.0f", row->out_packets);
	bl_autofree char *drops = bl_format("%.0f", row->drops);
	bl_autofree char *connections =
		row->connections < 0 ? bl_strdup("-") : bl_format("%.0f", row->connections);
	bl_autofree char *evictions =
		row->connections < 0 ? bl_strdup("-") : bl_format("%.0f", row->evictions);
	const char *cells[] = {
		row->namespace,
		row->name,
		row->interface,
		text_bytes((uint64_t)row->in_bytes, in),
		text_bytes((uint64_t)row->out_bytes, out),
		in_packets,
		out_packets,
		drops,
		connections,
		evictions,
	};

	table_row(table, cells);
}

void top_print(const struct top *top, FILE *file)
{
	static const char *const headers[] = {
		"NAMESPACE", "NAME",      "INTERFACE", "IN/S",        "OUT/S",
		"PKT IN/S",  "PKT OUT/S", "DROPS/S",   "CONNECTIONS", "EVICTED/S",
	};
	table_auto struct table table = {0};

	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
		table_column(&table, headers[i]);
	for (size_t i = 0; i < top->n_rows; i++)
		add_row(&table, &top->rows[i]);
	table_flush(&table, file);
}

static struct cJSON *row_json(const struct top_row *row)
{
	struct cJSON *json = bl_json_object();

	bl_json_set_string(json, "namespace", row->namespace);
	bl_json_set_string(json, "name", row->name);
	bl_json_set_string(json, "interface", row->interface);
	bl_json_set_number(json, "bytesToVmPerSecond", row->in_bytes);
	bl_json_set_number(json, "bytesFromVmPerSecond", row->out_bytes);
	bl_json_set_number(json, "packetsToVmPerSecond", row->in_packets);
	bl_json_set_number(json, "packetsFromVmPerSecond", row->out_packets);
	bl_json_set_number(json, "dropsPerSecond", row->drops);
	if (row->connections < 0)
		return json;
	bl_json_set_number(json, "connections", row->connections);
	bl_json_set_number(json, "evictionsPerSecond", row->evictions);
	return json;
}

struct cJSON *top_json(const struct top *top)
{
	struct cJSON *json = bl_json_object(), *items = bl_json_array();

	for (size_t i = 0; i < top->n_rows; i++)
		bl_json_append(items, row_json(&top->rows[i]));
	bl_json_set_number(json, "seconds", top->seconds);
	bl_json_set(json, "items", items);
	return json;
}
