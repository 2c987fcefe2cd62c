/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled rows, held by the program they were compiled for and by the endpoints that have them. They rest
 * packed, and are written out for whoever asks. */
#pragma once

#include "packed_rows.h"

struct shared_rows {
	struct bl_policy_rows rows; /* items: NULL until somebody asks */
	struct packed_rows *packed; /* NULL: there are none */
	uint32_t n_holders;
};

/* None, and default deny both ways. */
struct shared_rows *shared_rows_new(void);
struct shared_rows *shared_rows_get(struct shared_rows *rows);
void shared_rows_put(struct shared_rows *rows); /* NULL is fine */
/* Of rows that have none yet; items are copied. */
void shared_rows_set(struct shared_rows *rows, const struct bl_policy_row *items, size_t n);
/* All of them, until shared_rows_fold(). */
const struct bl_policy_rows *shared_rows_unfold(struct shared_rows *rows);
void shared_rows_fold(struct shared_rows *rows);
bool shared_rows_equal(const struct shared_rows *a, const struct shared_rows *b);
