/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubectl's `-o jsonpath=TEMPLATE`, as far as people use it: text as it is, and in braces a path
 * ({.status.interfaces[0].ipAddress}, {.items[*].metadata.name}, {.metadata.labels['a/b']}) or quoted
 * text ({"\n"}). Filters, ranges, slices and recursive descent are refused.
 */
#pragma once

#include <beeline/json.h>

/* What the template says of the document; the caller frees. Members that are not there say nothing.
 * document NULL: nothing is there, which checks the template alone. */
int jsonpath_print(const char *template, const struct cJSON *document, char **ret_text,
		   struct bl_err *err);
