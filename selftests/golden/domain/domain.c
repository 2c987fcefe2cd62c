// SPDX-License-Identifier: Apache-2.0
/*
 * Prints the XML that the launcher makes of a VMI and the agent's facts: `domain VMI.yaml PREPARED.json`.
 * Mistakes go to standard output too, as "error: ...", so that they can be expected. Disks count as
 * prepared; they open with direct I/O unless PREPARED says "direct": false.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <beeline/file.h>
#include <beeline/yaml.h>

#include "../../../launcher/blueprint.h"

#define INPUT_MAX (1024 * 1024)

/* JSON is YAML. */
static int read_document(const char *path, struct cJSON **ret_json, struct bl_err *err)
{
	bl_auto_json struct cJSON *documents = NULL;
	bl_autofree char *text = NULL;
	size_t len;
	int r = bl_file_read(path, INPUT_MAX, &text, &len, err);

	if (r == 0)
		r = bl_yaml_parse(text, len, &documents, err);
	if (r < 0)
		return r;
	if (!bl_json_first(documents))
		return bl_fail(err, -EINVAL, "%s: no document", path);
	*ret_json = bl_json_copy(bl_json_first(documents));
	return 0;
}

static int format(char **argv, char **ret_xml, struct bl_err *err)
{
	bl_auto_json struct cJSON *vmi = NULL, *prepared = NULL;
	bl_auto_blueprint struct blueprint *blueprint = NULL;
	int r = read_document(argv[1], &vmi, err);

	if (r == 0)
		r = read_document(argv[2], &prepared, err);
	if (r == 0)
		r = blueprint_new(vmi, prepared, &blueprint, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < blueprint->plan.n_images; i++)
		blueprint->plan.images[i].direct = bl_json_get_bool(prepared, "direct", true);
	return blueprint_format(blueprint, ret_xml, err);
}

int main(int argc, char **argv)
{
	struct bl_err err = BL_ERR_INIT;
	bl_autofree char *xml = NULL;

	if (argc != 3) {
		fprintf(stderr, "usage: %s VMI.yaml PREPARED.json\n", argv[0]);
		return 2;
	}
	if (format(argv, &xml, &err) < 0)
		printf("error: %s\n", err.message);
	else
		fputs(xml, stdout);
	return EXIT_SUCCESS;
}
