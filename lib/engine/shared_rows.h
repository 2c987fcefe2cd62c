/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled rows, held by the program they were compiled for and by the endpoints that have them. */
#pragma once

#include <beeline/engine.h>

struct shared_rows {
	struct bl_policy_rows rows;
	uint32_t n_holders;
};

/* None, and default deny both ways. */
struct shared_rows *shared_rows_new(void);
struct shared_rows *shared_rows_get(struct shared_rows *rows);
void shared_rows_put(struct shared_rows *rows); /* NULL is fine */
bool shared_rows_equal(const struct shared_rows *a, const struct shared_rows *b);
