/* SPDX-License-Identifier: Apache-2.0 */
/* Tables as kubectl prints them; see table.h. */
#include "table.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include <beeline/file.h>

#include "text.h"

#define GAP 3

static void widen(struct table *table, size_t column, const char *text)
{
	size_t width = text_width(text);

	if (width > table->widths[column])
		table->widths[column] = width;
}

void table_column(struct table *table, const char *header)
{
	assert(table->n_columns < TABLE_COLUMNS_MAX);
	table->headers[table->n_columns] = header;
	if (!table->has_headers)
		widen(table, table->n_columns, header);
	table->n_columns++;
}

void table_row(struct table *table, const char *const *cells)
{
	size_t base = table->n_rows * table->n_columns;

	table->cells = bl_realloc(table->cells, (base + table->n_columns) * sizeof(*table->cells));
	for (size_t i = 0; i < table->n_columns; i++) {
		table->cells[base + i] = text_clean(cells[i]);
		widen(table, i, table->cells[base + i]);
	}
	table->n_rows++;
}

/* The last column is not padded, so that lines end where their text ends. */
static void print_row(const struct table *table, const char *const *cells, FILE *file)
{
	for (size_t i = 0; i < table->n_columns; i++) {
		size_t pad = table->widths[i] + GAP - text_width(cells[i]);

		fputs(cells[i], file);
		if (i + 1 < table->n_columns)
			fprintf(file, "%*s", (int)pad, "");
	}
	fputc('\n', file);
}

static void drop_rows(struct table *table)
{
	for (size_t i = 0; i < table->n_rows * table->n_columns; i++)
		free(table->cells[i]);
	free(table->cells);
	table->cells = NULL;
	table->n_rows = 0;
}

void table_flush(struct table *table, FILE *file)
{
	if (table->n_rows == 0)
		return;
	if (!table->has_headers)
		print_row(table, table->headers, file);
	table->has_headers = true;
	for (size_t i = 0; i < table->n_rows; i++)
		print_row(table, (const char *const *)table->cells + i * table->n_columns, file);
	drop_rows(table);
	fflush(file);
}

void table_clear(struct table *table)
{
	drop_rows(table);
}
