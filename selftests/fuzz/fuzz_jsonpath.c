// SPDX-License-Identifier: Apache-2.0
/*
 * JSONPath templates: the first line is the template, the rest the document. Whatever the template, text
 * or a clear sentence; and one that is wrong is wrong of every document.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "../../agent/cli/jsonpath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
	size_t len = newline ? (size_t)(newline - data) : size;
	bl_autofree char *template = bl_format("%.*s", (int)len, (const char *)data);
	bl_autofree char *nothing = NULL, *text = NULL;
	bl_auto_json struct cJSON *document = NULL;
	struct bl_err err = BL_ERR_INIT;
	int alone = jsonpath_print(template, NULL, &nothing, &err), r;

	if ((alone < 0) != !nothing || (alone < 0 && !*err.message))
		abort();
	if (!newline ||
	    bl_json_parse((const char *)newline + 1, size - len - 1, &document, NULL) < 0)
		return 0;
	r = jsonpath_print(template, document, &text, NULL);
	if ((r < 0) != (alone < 0) || (r < 0) != !text)
		abort();
	return 0;
}
