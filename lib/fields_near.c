/* SPDX-License-Identifier: Apache-2.0 */
/* What may have been meant by a name that no row of a decode table knows. */
#include <ctype.h>
#include <string.h>

#include "fields_near.h"

/* Levenshtein's distance without regard to case, of two short names. */
static size_t distance(const char *a, const char *b, size_t b_len)
{
	size_t row[FIELDS_NAME_MAX + 1];

	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < b_len; j++) {
			size_t change = diagonal + (tolower((unsigned char)a[i]) !=
						    tolower((unsigned char)b[j]));
			size_t shift = 1 + (row[j] < row[j + 1] ? row[j] : row[j + 1]);

			diagonal = row[j + 1];
			row[j + 1] = change < shift ? change : shift;
		}
	}
	return row[b_len];
}

int fields_near_here(const struct bl_fields *fields, const char *path, size_t parent_len,
		     const char **ret_name)
{
	const char *name = path + parent_len;
	size_t best = strlen(name) < 4 ? 2 : 3, best_len = 0;

	for (size_t i = 0; i < fields->n_rows; i++) {
		const char *known = fields->rows[i].path + parent_len;
		size_t len, d;

		if (strncmp(fields->rows[i].path, path, parent_len) != 0)
			continue;
		len = strcspn(known, ".");
		d = len <= FIELDS_NAME_MAX ? distance(name, known, len) : best;
		if (d >= best)
			continue;
		best = d;
		best_len = len;
		*ret_name = known;
	}
	return best_len;
}

bool fields_near_elsewhere(const struct bl_fields *fields, const char *name, const char **ret_path)
{
	for (size_t i = 0; i < fields->n_rows; i++) {
		const char *path = fields->rows[i].path;
		const char *dot = strrchr(path, '.');

		if (strcmp(dot ? dot + 1 : path, name) != 0)
			continue;
		*ret_path = path;
		return true;
	}
	return false;
}
