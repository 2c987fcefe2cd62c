// SPDX-License-Identifier: Apache-2.0
/* YAML: what is taken prints as YAML that reads back as the same value. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/yaml.h>

static void same_again(const struct cJSON *document)
{
	char *text = bl_yaml_print(document);
	struct cJSON *again;

	if (bl_yaml_parse(text, strlen(text), &again, NULL) < 0 ||
	    !bl_json_equal(document, bl_json_first(again)))
		abort();
	bl_json_free(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bl_err err = BL_ERR_INIT;
	struct cJSON *documents;

	if (bl_yaml_parse((const char *)data, size, &documents, &err) < 0) {
		if (!err.code || !*err.message)
			abort();
		return 0;
	}
	bl_json_for_each (document, documents)
		same_again(document);
	bl_json_free(documents);
	return 0;
}
