/* SPDX-License-Identifier: Apache-2.0 */
/* Connections in columns; see ct_report.h. */
#include "ct_report.h"

#include <string.h>

#include <beeline/file.h>

#include "event_line.h"
#include "text.h"

static const char *part(const struct cJSON *connection, const char *key)
{
	const char *text = bl_json_get_string(connection, key);

	return text ? text : "-";
}

static bool has(const struct cJSON *connection, const char *key)
{
	return bl_json_get(connection, key) != NULL;
}

static char *number(const struct cJSON *connection, const char *key)
{
	return has(connection, key) ? bl_format("%.0f", bl_json_get_number(connection, key, 0))
				    : bl_strdup("-");
}

/* "192.0.2.1:80", "[2001:db8::1]:80", or the address alone. */
static char *remote_text(const struct cJSON *connection)
{
	const char *address = part(connection, "remote");
	double port = bl_json_get_number(connection, "remotePort", 0);

	if (!has(connection, "remotePort"))
		return bl_strdup(address);
	return strchr(address, ':') ? bl_format("[%s]:%.0f", address, port)
				    : bl_format("%s:%.0f", address, port);
}

/* By what this end knows it: a port, an echo's identifier, a datagram's. */
static char *local_text(const struct cJSON *connection)
{
	if (has(connection, "fragmentId"))
		return bl_format("fragments of 0x%x",
				 (unsigned int)bl_json_get_number(connection, "fragmentId", 0));
	if (has(connection, "icmpId"))
		return bl_format("id %.0f", bl_json_get_number(connection, "icmpId", 0));
	return number(connection, "localPort");
}

static char *rule_text(const struct cJSON *connection)
{
	return has(connection, "ruleName") ? bl_strdup(part(connection, "ruleName"))
					   : number(connection, "rule");
}

void ct_columns(struct table *table, bool wide)
{
	static const char *const headers[] = {"PROTOCOL", "OPENED-BY", "LOCAL",   "REMOTE",
					      "STATE",    "EXPIRES",   "VERDICT", "RULE"};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		table_column(table, headers[i]);
	if (wide) {
		table_column(table, "WHO");
		table_column(table, "OWNER");
		table_column(table, "EPOCH");
	}
}

void ct_row(struct table *table, const struct cJSON *connection, bool wide)
{
	bl_autofree char *local = local_text(connection);
	bl_autofree char *remote = remote_text(connection);
	bl_autofree char *rule = rule_text(connection);
	bl_autofree char *epoch = number(connection, "epoch");
	bl_autofree char *who = event_line_endpoint(part(connection, "remoteName"));
	char left[TEXT_AGE_MAX];
	const char *const cells[] = {
		part(connection, "protocol"),
		part(connection, "openedBy"),
		local,
		remote,
		part(connection, "state"),
		text_age((int64_t)bl_json_get_number(connection, "expiresSeconds", 0), left),
		part(connection, "verdict"),
		rule,
		who,
		part(connection, "owner"),
		epoch,
	};

	table_row(table, cells);
}
