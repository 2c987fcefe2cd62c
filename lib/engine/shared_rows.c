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
	free(rows);
}

bool shared_rows_equal(const struct shared_rows *a, const struct shared_rows *b)
{
	const struct bl_policy_rows *x = &a->rows, *y = &b->rows;

	if (a == b)
		return true;
	return x->n_items == y->n_items &&
	       memcmp(x->default_deny, y->default_deny, sizeof(x->default_deny)) == 0 &&
	       (x->n_items == 0 || memcmp(x->items, y->items, x->n_items * sizeof(*x->items)) == 0);
}
