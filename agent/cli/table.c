/* SPDX-License-Identifier: Apache-2.0 */
/* Tables as kubectl prints them; see table.h. */
#include "table.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

/* Room for one more; its cells are to be filled in. */
static char **add_row(struct table *table)
{
	size_t base = table->n_rows++ * table->n_columns;

	table->cells = bl_realloc(table->cells, (base + table->n_columns) * sizeof(*table->cells));
	return table->cells + base;
}

void table_row(struct table *table, const char *const *cells)
{
	char **row = add_row(table);

	for (size_t i = 0; i < table->n_columns; i++) {
		row[i] = text_clean(cells[i]);
		widen(table, i, row[i]);
	}
}

/* The next line of a cell, NULL: none is left; *at goes on behind it. */
static char *next_line(const char **at)
{
	size_t len = *at ? strcspn(*at, "\n") : 0;
	bl_autofree char *line = *at ? bl_format("%.*s", (int)len, *at) : NULL;

	if (!line)
		return NULL;
	*at = (*at)[len] ? *at + len + 1 : NULL;
	return text_clean(line);
}

/* Cells behind the last one that goes on are left out, those before it are empty. */
static bool add_line(struct table *table, const char *rest[TABLE_COLUMNS_MAX])
{
	size_t n = table->n_columns;
	char **row;

	while (n > 0 && !rest[n - 1])
		n--;
	if (n == 0)
		return false;
	row = add_row(table);
	for (size_t i = 0; i < table->n_columns; i++) {
		row[i] = next_line(&rest[i]);
		if (!row[i] && i < n)
			row[i] = bl_strdup("");
		if (row[i])
			widen(table, i, row[i]);
	}
	return true;
}

void table_row_tall(struct table *table, const char *const *cells)
{
	const char *rest[TABLE_COLUMNS_MAX];

	for (size_t i = 0; i < table->n_columns; i++)
		rest[i] = cells[i] ? cells[i] : "";
	while (add_line(table, rest))
		continue;
}

/* The last column is not padded, so that lines end where their text ends. */
static void print_row(const struct table *table, const char *const *cells, FILE *file)
{
	for (size_t i = 0; i < table->n_columns && cells[i]; i++) {
		size_t pad = table->widths[i] + GAP - text_width(cells[i]);

		fputs(cells[i], file);
		if (i + 1 < table->n_columns && cells[i + 1])
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
