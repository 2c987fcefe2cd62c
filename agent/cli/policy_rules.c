// SPDX-License-Identifier: Apache-2.0
/* What `beeline policy describe` prints; see policy_report.h. */
#include "policy_report.h"

#include <string.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

#include "items.h"
#include "table.h"
#include "text.h"

/* "title:   text"; further lines stand below. */
static void print_fact(const char *title, const char *text, FILE *file)
{
	bl_autofree char *clean = text_clean_block(text && *text ? text : "<none>");
	const char *at = clean;

	fprintf(file, "%-15s", title);
	while (*at) {
		size_t len = strcspn(at, "\n");

		fprintf(file, "%.*s\n", (int)len, at);
		at += len;
		at += *at == '\n';
		if (*at)
			fprintf(file, "%-15s", "");
	}
}

static void print_lines(const char *title, const struct cJSON *array, FILE *file)
{
	bl_autofree char *lines = items_join(array, "\n");

	print_fact(title, lines, file);
}

/* ---- rules -------------------------------------------------------------------------------------- */

/* "default/web spec.ingress[0]", or the words for a rule that stands in no policy. */
static char *rule_text(const struct cJSON *rule, bool with_policy)
{
	const char *path = bl_json_get_string(rule, "path");
	const char *namespace = bl_json_get_string(rule, "of/namespace");
	const char *name = bl_json_get_string(rule, "of/name");

	if (!name || !with_policy)
		return bl_strdup(path);
	return bl_format("%s%s%s %s", namespace ? namespace : "", namespace ? "/" : "", name,
			 path ? path : "");
}

static char *lines_or(const struct cJSON *array, const char *none)
{
	return bl_json_size(array) ? items_join(array, "\n") : bl_strdup(none);
}

static void print_rules(const struct cJSON *rules, bool with_policy, FILE *file)
{
	static const char *const headers[] = {"DIRECTION", "TIER",       "PRIORITY", "POLICY",
					      "PEERS",     "PORT/PROTO", "RULE"};
	table_auto struct table table = {0};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		table_column(&table, headers[i]);
	bl_json_for_each (rule, rules) {
		bl_autofree char *peers = lines_or(bl_json_get(rule, "peers"), "nobody");
		bl_autofree char *ports = lines_or(bl_json_get(rule, "ports"), "none");
		bl_autofree char *text = rule_text(rule, with_policy);
		bl_autofree char *priority =
			bl_format("%.0f", bl_json_get_number(rule, "priority", 0));
		const char *cells[] = {
			bl_json_get_string(rule, "direction"),
			bl_json_get_string(rule, "tier"),
			priority,
			bl_json_get_string(rule, "policy"),
			peers,
			ports,
			text,
		};

		table_row_tall(&table, cells);
	}
	fputc('\n', file);
	table_flush(&table, file);
}

/* ---- whose -------------------------------------------------------------------------------------- */

void policy_print_endpoint(const struct cJSON *endpoint, const struct cJSON *rules, FILE *file)
{
	bl_autofree char *identity = bl_format("%.0f", bl_json_get_number(endpoint, "identity", 0));

	print_fact("Endpoint:", bl_json_get_string(endpoint, "name"), file);
	print_fact("Namespace:", bl_json_get_string(endpoint, "namespace"), file);
	print_fact("Identity:", identity, file);
	print_lines("Labels:", bl_json_get(endpoint, "labels"), file);
	print_lines("Addresses:", bl_json_get(endpoint, "addresses"), file);
	print_fact("Ingress:", bl_json_get_string(endpoint, "ingress"), file);
	print_fact("Egress:", bl_json_get_string(endpoint, "egress"), file);
	if (bl_json_get_string(endpoint, "error"))
		print_fact("Error:", bl_json_get_string(endpoint, "error"), file);
	print_rules(rules, true, file);
}

static void print_spec(const struct cJSON *spec, FILE *file)
{
	bool ingress = bl_json_get_bool(spec, "ingressDefaultDeny", false);
	bool egress = bl_json_get_bool(spec, "egressDefaultDeny", false);

	print_fact("Selects:", bl_json_get_string(spec, "subject"), file);
	print_fact("Default deny:",
		   ingress && egress ? "ingress, egress"
		   : ingress         ? "ingress"
		   : egress          ? "egress"
				     : NULL,
		   file);
}

static void print_conditions(const struct cJSON *conditions, FILE *file)
{
	static const char *const headers[] = {"CONDITION", "STATUS", "REASON", "MESSAGE"};
	table_auto struct table table = {0};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		table_column(&table, headers[i]);
	bl_json_for_each (condition, conditions) {
		const char *cells[] = {
			bl_json_get_string(condition, "type"),
			bl_json_get_string(condition, "status"),
			bl_json_get_string(condition, "reason"),
			bl_json_get_string(condition, "message"),
		};

		table_row(&table, cells);
	}
	if (bl_json_size(conditions))
		fputc('\n', file);
	table_flush(&table, file);
}

void policy_print_policy(const struct cJSON *policy, const struct cJSON *rules, FILE *file)
{
	print_fact("Name:", bl_json_get_string(policy, "name"), file);
	if (bl_json_get_string(policy, "namespace"))
		print_fact("Namespace:", bl_json_get_string(policy, "namespace"), file);
	print_fact("Kind:", bl_json_get_string(policy, "kind"), file);
	bl_json_for_each (spec, bl_json_get(policy, "specs"))
		print_spec(spec, file);
	print_lines("Endpoints:", bl_json_get(policy, "endpoints"), file);
	print_lines("Not enforced:", bl_json_get(policy, "notEnforced"), file);
	if (bl_json_size(bl_json_get(policy, "warnings")))
		print_lines("Warnings:", bl_json_get(policy, "warnings"), file);
	print_conditions(bl_json_get(policy, "conditions"), file);
	print_rules(rules, false, file);
}
