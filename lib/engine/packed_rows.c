// SPDX-License-Identifier: Apache-2.0
/*
 * A run are neighbours of one identity. Sorted by what they say, runs that differ in their identity alone
 * become one group; sorted by direction and identity they are the rows again. (The last identity of ingress
 * may be the first of egress: its one run stands where both meet.)
 */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "packed_rows.h"

struct run {
	const struct bl_policy_row *rows; /* their identity is 0 */
	uint32_t n_rows;
	uint32_t identity;
};

struct group {
	uint32_t n_rows, n_identities;
};

/* One allocation: the header, all groups, then the rows of each group, then the identities of each. */
struct packed_rows {
	uint32_t n_groups, n_rows, n_identities;
	struct group groups[];
};

static struct bl_policy_row *rows_of(const struct packed_rows *packed)
{
	return (struct bl_policy_row *)(packed->groups + packed->n_groups);
}

static uint32_t *identities_of(const struct packed_rows *packed)
{
	return (uint32_t *)(rows_of(packed) + packed->n_rows);
}

static size_t size_of(const struct packed_rows *packed)
{
	return sizeof(*packed) + packed->n_groups * sizeof(struct group) +
	       packed->n_rows * sizeof(struct bl_policy_row) +
	       packed->n_identities * sizeof(uint32_t);
}

/* ---- packing ------------------------------------------------------------------------------------ */

static int by_said(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	if (x->n_rows != y->n_rows)
		return x->n_rows < y->n_rows ? -1 : 1;
	return memcmp(x->rows, y->rows, x->n_rows * sizeof(*x->rows));
}

/* Takes the identities out of the rows. */
static size_t cut_runs(struct bl_policy_row *rows, size_t n, struct run *ret_runs)
{
	size_t n_runs = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t identity = rows[i].key.identity;

		rows[i].key.identity = 0;
		if (i == 0 || identity != ret_runs[n_runs - 1].identity)
			ret_runs[n_runs++] = (struct run){.rows = &rows[i], .identity = identity};
		ret_runs[n_runs - 1].n_rows++;
	}
	return n_runs;
}

static bool begins_group(const struct run *runs, size_t i)
{
	return i == 0 || by_said(&runs[i - 1], &runs[i]) != 0;
}

static struct packed_rows *allocate(const struct run *runs, size_t n)
{
	struct packed_rows head = {.n_identities = (uint32_t)n}, *packed;

	for (size_t i = 0; i < n; i++) {
		if (!begins_group(runs, i))
			continue;
		head.n_groups++;
		head.n_rows += runs[i].n_rows;
	}
	packed = bl_alloc(size_of(&head));
	*packed = head;
	return packed;
}

static struct packed_rows *pack(const struct run *runs, size_t n)
{
	struct packed_rows *packed = allocate(runs, n);
	struct group *group = packed->groups - 1;
	struct bl_policy_row *rows = rows_of(packed);
	uint32_t *identities = identities_of(packed);

	for (size_t i = 0; i < n; i++) {
		if (begins_group(runs, i)) {
			*++group = (struct group){.n_rows = runs[i].n_rows};
			memcpy(rows, runs[i].rows, runs[i].n_rows * sizeof(*rows));
			rows += runs[i].n_rows;
		}
		group->n_identities++;
		*identities++ = runs[i].identity;
	}
	return packed;
}

struct packed_rows *packed_rows_new(const struct bl_policy_row *rows, size_t n)
{
	bl_autofree struct bl_policy_row *copy = bl_alloc(n * sizeof(*copy));
	bl_autofree struct run *runs = bl_alloc(n * sizeof(*runs));
	size_t n_runs;

	if (n)
		memcpy(copy, rows, n * sizeof(*copy));
	n_runs = cut_runs(copy, n, runs);
	qsort(runs, n_runs, sizeof(*runs), by_said);
	return pack(runs, n_runs);
}

bool packed_rows_equal(const struct packed_rows *a, const struct packed_rows *b)
{
	size_t size = size_of(a);

	return size == size_of(b) && memcmp(a, b, size) == 0;
}

/* ---- writing out -------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b)
{
	const struct run *x = a, *y = b;
	int order = (int)x->rows->key.egress - (int)y->rows->key.egress;

	return order ? order : (x->identity > y->identity) - (x->identity < y->identity);
}

static void list_runs(const struct packed_rows *packed, struct run *ret_runs)
{
	const struct bl_policy_row *rows = rows_of(packed);
	const uint32_t *identities = identities_of(packed);

	for (uint32_t i = 0; i < packed->n_groups; i++) {
		const struct group *group = &packed->groups[i];

		for (uint32_t k = 0; k < group->n_identities; k++)
			*ret_runs++ = (struct run){rows, group->n_rows, *identities++};
		rows += group->n_rows;
	}
}

void packed_rows_write_out(const struct packed_rows *packed, struct bl_policy_row *ret_rows)
{
	bl_autofree struct run *runs = bl_alloc(packed->n_identities * sizeof(*runs));

	list_runs(packed, runs);
	qsort(runs, packed->n_identities, sizeof(*runs), by_place);
	for (uint32_t i = 0; i < packed->n_identities; i++)
		for (uint32_t k = 0; k < runs[i].n_rows; k++) {
			*ret_rows = runs[i].rows[k];
			ret_rows++->key.identity = runs[i].identity;
		}
}
