// SPDX-License-Identifier: Apache-2.0
/* Tables of network policy; see policy_report.h. */
#include "policy_report.h"

#include <string.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

#include "event_line.h"
#include "items.h"
#include "table.h"
#include "text.h"

#define LABELS "LABELS (source:key[=value])"

static char *number_text(const struct cJSON *json, const char *path)
{
	double number = bl_json_get_number(json, path, -1);

	return number < 0 ? bl_strdup("-") : bl_format("%.0f", number);
}

/* One a line; identity 0 is anybody. */
static char *labels_text(const struct cJSON *item)
{
	const struct cJSON *labels = bl_json_get(item, "labels");
	double identity = bl_json_get_number(item, "identity", -1);

	if (bl_json_size(labels))
		return items_join(labels, "\n");
	return identity > 0 ? bl_format("%.0f", identity) : bl_strdup(identity < 0 ? "" : "ANY");
}

/* ---- endpoints ---------------------------------------------------------------------------------- */

static const char *enforcement(const struct cJSON *endpoint, const char *direction)
{
	static const char *const words[][2] = {
		{"enabled", "Enabled"}, {"disabled", "Disabled"}, {"audit", "Disabled (Audit)"}};
	const char *said = bl_json_get_string(endpoint, direction);

	for (size_t i = 0; said && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(said, words[i][0]) == 0)
			return words[i][1];
	return "Unknown";
}

/* Of one family: the one whose addresses have a colon, or the other. */
static const char *address(const struct cJSON *endpoint, bool colon)
{
	bl_json_for_each (each, bl_json_get(endpoint, "addresses")) {
		const char *text = bl_json_text(each);

		if (text && (strchr(text, ':') != NULL) == colon)
			return text;
	}
	return "";
}

static const char *state(const struct cJSON *endpoint)
{
	return bl_json_get_string(endpoint, "error") ? "not-ready" : "ready";
}

static void add_endpoint(struct table *table, const struct cJSON *endpoint, bool wide)
{
	bl_autofree char *identity = number_text(endpoint, "identity");
	bl_autofree char *labels = labels_text(endpoint);
	bl_autofree char *index = number_text(endpoint, "index");
	const char *cells[] = {
		bl_json_get_string(endpoint, "name"),
		enforcement(endpoint, "ingress"),
		enforcement(endpoint, "egress"),
		identity,
		labels,
		address(endpoint, true),
		address(endpoint, false),
		state(endpoint),
		index,
		bl_json_get_string(endpoint, "error"),
	};

	table_row_tall(table, cells);
}

static void print_endpoints(const struct cJSON *endpoints, bool wide, FILE *file)
{
	static const char *const headers[] = {
		"ENDPOINT", "POLICY (ingress)", "POLICY (egress)", "IDENTITY", LABELS, "IPv6",
		"IPv4",     "STATUS",           "INDEX",           "ERROR"};
	static const char *const below[sizeof(headers) / sizeof(headers[0])] = {"", "ENFORCEMENT",
										"ENFORCEMENT"};
	size_t n = sizeof(headers) / sizeof(headers[0]) - (wide ? 0 : 2);
	table_auto struct table table = {0};

	if (bl_json_size(endpoints) == 0)
		return;
	for (size_t i = 0; i < n; i++)
		table_column(&table, headers[i]);
	table_row_tall(&table, below);
	bl_json_for_each (endpoint, endpoints)
		add_endpoint(&table, endpoint, wide);
	table_flush(&table, file);
}

/* ---- policies ----------------------------------------------------------------------------------- */

static void print_policies(const struct cJSON *policies, FILE *file)
{
	static const char *const headers[] = {"KIND",      "NAMESPACE", "NAME",
					      "ENDPOINTS", "VALID",     "ENFORCED"};
	table_auto struct table table = {0};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		table_column(&table, headers[i]);
	bl_json_for_each (policy, policies) {
		bl_autofree char *endpoints = number_text(policy, "endpoints");
		const char *cells[] = {
			bl_json_get_string(policy, "kind"),
			bl_json_get_string(policy, "namespace"),
			bl_json_get_string(policy, "name"),
			endpoints,
			bl_json_get_string(policy, "valid"),
			bl_json_get_string(policy, "enforced"),
		};

		table_row(&table, cells);
	}
	table_flush(&table, file);
}

void policy_print_list(const struct cJSON *answer, bool wide, FILE *file)
{
	const struct cJSON *endpoints = bl_json_get(answer, "endpoints");
	const struct cJSON *policies = bl_json_get(answer, "policies");

	print_endpoints(endpoints, wide, file);
	if (bl_json_size(endpoints) && bl_json_size(policies))
		fputc('\n', file);
	print_policies(policies, file);
}

/* ---- entries ------------------------------------------------------------------------------------ */

/* In the order of the table; wide ones only when they are wanted. */
static const struct {
	const char *header;
	bool wide;
} entry_columns[] = {
	{"POLICY"},     {"DIRECTION"},  {"IDENTITY", true}, {LABELS},
	{"PORT/PROTO"}, {"PROXY PORT"}, {"AUTH TYPE"},      {"BYTES"},
	{"PACKETS"},    {"PREFIX"},     {"COOKIE", true},   {"RULE"},
};
#define N_ENTRY_COLUMNS (sizeof(entry_columns) / sizeof(entry_columns[0]))

static void add_entry(struct table *table, const struct cJSON *entry, bool wide)
{
	bl_autofree char *identity = number_text(entry, "identity");
	bl_autofree char *labels = labels_text(entry);
	bl_autofree char *bytes = number_text(entry, "bytes");
	bl_autofree char *packets = number_text(entry, "packets");
	bl_autofree char *prefix = number_text(entry, "prefix");
	bl_autofree char *cookie = number_text(entry, "cookie");
	const char *all[N_ENTRY_COLUMNS] = {
		bl_json_get_string(entry, "policy"),
		bl_json_get_string(entry, "direction"),
		identity,
		labels,
		bl_json_get_string(entry, "portProtocol"),
		"NONE",
		"disabled",
		bytes,
		packets,
		prefix,
		cookie,
		bl_json_get_string(entry, "rule"),
	};
	const char *cells[N_ENTRY_COLUMNS];
	size_t n = 0;

	for (size_t i = 0; i < N_ENTRY_COLUMNS; i++)
		if (wide || !entry_columns[i].wide)
			cells[n++] = all[i];
	table_row_tall(table, cells);
}

void policy_print_entries(const struct cJSON *entries, bool wide, FILE *file)
{
	table_auto struct table table = {0};

	for (size_t i = 0; i < N_ENTRY_COLUMNS; i++)
		if (wide || !entry_columns[i].wide)
			table_column(&table, entry_columns[i].header);
	bl_json_for_each (entry, entries)
		add_entry(&table, entry, wide);
	table_flush(&table, file);
}

/* ---- identities and prefixes -------------------------------------------------------------------- */

void policy_print_identities(const struct cJSON *items, bool wide, FILE *file)
{
	table_auto struct table table = {0};

	table_column(&table, "ID");
	table_column(&table, "LABELS");
	bl_json_for_each (item, items) {
		bl_autofree char *id = number_text(item, "id");
		bl_autofree char *labels = labels_text(item);
		const char *cells[] = {id, labels};

		table_row_tall(&table, cells);
	}
	table_flush(&table, file);
}

void policy_print_prefixes(const struct cJSON *items, bool wide, FILE *file)
{
	static const char *const headers[] = {"IP PREFIX/ADDRESS", "IDENTITY", "NAME", LABELS};
	table_auto struct table table = {0};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]) - (wide ? 0 : 1); i++)
		table_column(&table, headers[i]);
	bl_json_for_each (item, items) {
		const char *said = bl_json_get_string(item, "name");
		bl_autofree char *name = event_line_endpoint(said ? said : "");
		bl_autofree char *identity = number_text(item, "identity");
		bl_autofree char *labels = labels_text(item);
		const char *cells[] = {bl_json_get_string(item, "prefix"), identity, name, labels};

		table_row_tall(&table, cells);
	}
	table_flush(&table, file);
}
