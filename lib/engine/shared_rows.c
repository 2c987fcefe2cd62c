// SPDX-License-Identifier: Apache-2.0
/* Rows that several hold: see the header. */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "shared_rows.h"

struct shared_rows *shared_rows_new(void)
{
	struct shared_rows *rows = bl_alloc(sizeof(*rows));

	rows->n_holders = 1;
	rows->rows.default_deny[BL_INGRESS] = rows->rows.default_deny[BL_EGRESS] = true;
	return rows;
}

struct shared_rows *shared_rows_get(struct shared_rows *rows)
{
	rows->n_holders++;
	return rows;
}

void shared_rows_put(struct shared_rows *rows)
{
	if (!rows || --rows->n_holders > 0)
		return;
	free(rows->rows.items);
	free(rows->packed);
	free(rows);
}

void shared_rows_set(struct shared_rows *rows, const struct bl_policy_row *items, size_t n)
{
	rows->rows.n_items = n;
	rows->packed = n ? packed_rows_new(items, n) : NULL;
}

const struct bl_policy_rows *shared_rows_unfold(struct shared_rows *rows)
{
	struct bl_policy_rows *all = &rows->rows;

	if (rows->packed && !all->items) {
		all->items = bl_alloc(all->n_items * sizeof(*all->items));
		packed_rows_write_out(rows->packed, all->items);
	}
	return all;
}

void shared_rows_fold(struct shared_rows *rows)
{
	free(rows->rows.items);
	rows->rows.items = NULL;
}

bool shared_rows_equal(const struct shared_rows *a, const struct shared_rows *b)
{
	if (a == b)
		return true;
	return a->rows.n_items == b->rows.n_items &&
	       memcmp(a->rows.default_deny, b->rows.default_deny, sizeof(a->rows.default_deny)) ==
		       0 &&
	       (!a->packed || packed_rows_equal(a->packed, b->packed));
}
