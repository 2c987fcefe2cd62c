/* SPDX-License-Identifier: Apache-2.0 */
/* The strict recogniser in front of the lenient parser: private to json. */
#pragma once

#include <stddef.h>

#include <beeline/err.h>

/* -EINVAL with line and column unless text is exactly one JSON value (RFC 8259) of at most so many values
 * within the other bounds of json.h. */
int bl_json_check(const char *text, size_t len, size_t max_values, struct bl_err *err);
