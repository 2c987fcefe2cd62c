// SPDX-License-Identifier: Apache-2.0
/*
 * Selectors as people type them: whatever the text, a selector or a clear sentence. A selector says of a
 * label what its own text says: `a!=b` takes what `a=b` does not, and what is asked for twice changes nothing.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "../../agent/cli/filter.h"

static struct cJSON *objects;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char text[] =
		"[{\"metadata\":{\"labels\":{\"app\":\"web\",\"env\":\"a\",\"a.b/c\":\"\"}}},"
		"{\"metadata\":{\"labels\":{\"app\":\"db\",\"old\":\"b\"}}},{\"metadata\":{}},{}]";

	if (bl_json_parse(text, strlen(text), &objects, NULL) < 0)
		abort();
	return 0;
}

/* "text,text" means what "text" does. */
static void check_twice(const char *text, const struct bl_selector *filter)
{
	bl_autofree char *doubled = bl_format("%s,%s", text, text);
	filter_auto struct bl_selector twice = {0};

	if (filter_parse(doubled, &twice, NULL) < 0)
		abort();
	bl_json_for_each (object, objects)
		if (filter_takes(filter, object) != filter_takes(&twice, object))
			abort();
}

/* Of a word, "word" and "!word" share the objects among them. */
static void check_opposite(const char *text, const struct bl_selector *filter)
{
	bl_autofree char *negated = bl_format("!%s", text);
	filter_auto struct bl_selector opposite = {0};

	if (filter->n_items != 1 || filter->items[0]->op != BL_LABEL_EXISTS ||
	    filter_parse(negated, &opposite, NULL) < 0)
		return;
	bl_json_for_each (object, objects)
		if (filter_takes(filter, object) == filter_takes(&opposite, object))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bl_autofree char *text = bl_format("%.*s", (int)size, (const char *)data);
	filter_auto struct bl_selector filter = {0};
	struct bl_err err = BL_ERR_INIT;

	if (filter_parse(text, &filter, &err) < 0) {
		if (!*err.message)
			abort();
		return 0;
	}
	check_twice(text, &filter);
	check_opposite(text, &filter);
	return 0;
}
