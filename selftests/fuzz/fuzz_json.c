// SPDX-License-Identifier: Apache-2.0
/* JSON: what is taken prints as text that reads back as the same value, in both forms. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/json.h>

static void same_again(const struct cJSON *json, char *text)
{
	struct bl_err err = BL_ERR_INIT;
	struct cJSON *again;

	if (bl_json_parse(text, strlen(text), &again, &err) < 0 || !bl_json_equal(json, again))
		abort();
	bl_json_free(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bl_err err = BL_ERR_INIT;
	struct cJSON *json;

	if (bl_json_parse((const char *)data, size, &json, &err) < 0) {
		if (!err.code || !*err.message)
			abort();
		return 0;
	}
	same_again(json, bl_json_print(json));
	same_again(json, bl_json_print_pretty(json));
	bl_json_free(json);
	return 0;
}
