/* SPDX-License-Identifier: Apache-2.0 */
/* Objects for people and for scripts; see output.h. */
#include "output.h"

#include <string.h>
#include <unistd.h>

#include <beeline/file.h>
#include <beeline/yaml.h>

#include "jsonpath.h"
#include "text.h"

bool output_is(const struct output *output, const char *format)
{
	return output->format && strcmp(output->format, format) == 0;
}

bool output_is_table(const struct output *output)
{
	return !output->format || output_is(output, "wide");
}

const char *output_template(const struct output *output)
{
	static const char start[] = "jsonpath=";
	bool has = output->format && strncmp(output->format, start, strlen(start)) == 0;

	return has ? output->format + strlen(start) : NULL;
}

int output_check(const struct output *output, struct bl_err *err)
{
	bl_autofree char *unused = NULL;

	if (!output_template(output))
		return 0;
	return jsonpath_print(output_template(output), NULL, &unused, err);
}

static char *print_document(const struct output *output, const struct cJSON *document)
{
	char *text;

	if (output_is(output, "yaml"))
		return bl_yaml_print(document);
	if (!output_template(output))
		return bl_json_print_pretty(document);
	return jsonpath_print(output_template(output), document, &text, NULL) < 0 ? bl_strdup("")
										  : text;
}

void output_document(const struct output *output, const struct cJSON *document, FILE *file)
{
	bl_autofree char *text = print_document(output, document);
	size_t len = strlen(text);

	if (isatty(fileno(file))) {
		char *raw = text;

		text = text_clean_block(raw);
		free(raw);
	}
	fputs(text, file);
	if (len && text[strlen(text) - 1] != '\n')
		fputc('\n', file);
	fflush(file);
}

void output_nothing(const char *namespace)
{
	if (namespace)
		fprintf(stderr, "No resources found in %s namespace.\n", namespace);
	else
		fprintf(stderr, "No resources found\n");
}

void output_name(const struct cJSON *object, FILE *file)
{
	const char *kind = bl_json_get_string(object, "kind");
	bl_autofree char *resource = kind_resource(kind ? kind : "");
	bl_autofree char *name = text_clean(bl_json_get_string(object, "metadata/name"));

	fprintf(file, "%s/%s\n", resource, name);
	fflush(file);
}

static bool is_shown(const struct output *output, const struct column *column)
{
	return !column->wide || output_is(output, "wide");
}

void output_columns(const struct output *output, const struct kind *kind, struct table *table)
{
	table->has_headers = output->no_headers;
	if (output->namespaces)
		table_column(table, "NAMESPACE");
	for (const struct column *column = kind->columns; column->header; column++) {
		if (is_shown(output, column))
			table_column(table, column->header);
	}
}

void output_row(const struct output *output, const struct kind *kind, const struct cJSON *object,
		int64_t now_s, struct table *table)
{
	char *cells[TABLE_COLUMNS_MAX] = {0};
	size_t n = 0, first;
	const char *namespace = bl_json_get_string(object, "metadata/namespace");

	if (output->namespaces)
		cells[n++] = bl_strdup(namespace);
	first = n;
	for (const struct column *column = kind->columns; column->header; column++) {
		if (is_shown(output, column))
			cells[n++] = column_cell(column, object, now_s);
	}
	if (output->resources) {
		char *name = cells[first];

		cells[first] = bl_format("%s/%s", kind->resource, name);
		free(name);
	}
	table_row(table, (const char *const *)cells);
	for (size_t i = 0; i < n; i++)
		free(cells[i]);
}
