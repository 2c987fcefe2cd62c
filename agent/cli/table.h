/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables as kubectl prints them: columns three spaces apart, headers first, widths kept from one
 * flush to the next so that rows of a watch stay aligned. Cells are cleaned here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <beeline/cleanup.h>

#define TABLE_COLUMNS_MAX 12

struct table {
	const char *headers[TABLE_COLUMNS_MAX]; /* borrowed */
	size_t widths[TABLE_COLUMNS_MAX];
	size_t n_columns;
	/* owned: rows that wait to be flushed, n_columns each; NULL: the row ended before */
	char **cells;
	size_t n_rows;
	bool has_headers; /* they have been printed, or are not wanted */
};

void table_column(struct table *table, const char *header);
/* Adds a row; cells holds one string per column (NULL: ""), copied. */
void table_row(struct table *table, const char *const *cells);
/* The same; cells may have several lines, which come to stand one below the other. */
void table_row_tall(struct table *table, const char *const *cells);
/* Prints the waiting rows, the headers before the first. */
void table_flush(struct table *table, FILE *file);
void table_clear(struct table *table);
#define table_auto bl_cleanup(table_clear)
