/* SPDX-License-Identifier: Apache-2.0 */
/* One value of a decode table: from JSON into the member that its row names. For fields.c. */
#pragma once

#include <beeline/fields.h>

/* Every type but refused, ignored, marks and lists of structs. path is for the error. */
int fields_value_decode(const struct bl_field *row, const struct cJSON *json, const char *path,
			void *ret_struct, struct bl_err *err);
/* Stores number into a member of size 1, 2, 4 or 8 (bool, uint*_t, enum). */
void fields_value_store(void *member, size_t size, uint64_t number);
/* Frees what the row's member owns; any type but lists of structs. */
void fields_value_clear(const struct bl_field *row, void *data);

/* Is n as many as the row's list may hold? */
int fields_value_count(const struct bl_field *row, size_t n, const char *path, struct bl_err *err);

/* Says in one form what was wrong with a value. */
int fields_value_mistyped(const struct cJSON *json, const char *path, const char *expected,
			  struct bl_err *err);
