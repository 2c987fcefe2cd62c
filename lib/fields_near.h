/* SPDX-License-Identifier: Apache-2.0 */
/* What may have been meant by a name that no row of a decode table knows. For fields.c. */
#pragma once

#include <beeline/fields.h>

#define FIELDS_NAME_MAX 64 /* longer than any field's name */

/* path is the unknown member's, parent_len of it its parent's with the dot. Finds the name at the
 * same place that differs in a letter or two; returns its length (it is not terminated), 0: none. */
int fields_near_here(const struct bl_fields *fields, const char *path, size_t parent_len,
		     const char **ret_name);
/* Finds the path of a row that is called so at another place of the same object. */
bool fields_near_elsewhere(const struct bl_fields *fields, const char *name, const char **ret_path);
