/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows as they rest in memory. A rule speaks of many identities and says the same of each, so what is said
 * stands once, with the identities behind it: about a seventh of the rows written out.
 */
#pragma once

#include <beeline/engine.h>

struct packed_rows;

/* rows are sorted by key. Equal rows are packed alike. free() is enough. */
struct packed_rows *packed_rows_new(const struct bl_policy_row *rows, size_t n);
bool packed_rows_equal(const struct packed_rows *a, const struct packed_rows *b);
/* As many as were packed, in their order. */
void packed_rows_write_out(const struct packed_rows *packed, struct bl_policy_row *ret_rows);
