// SPDX-License-Identifier: Apache-2.0
/*
 * The manifest decoder: whatever the document, a sound view of it or a clear sentence. The text is
 * YAML, so that the golden manifests are its seeds.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/vmi.h>
#include <beeline/yaml.h>

static void decode(const struct cJSON *document)
{
	struct bl_err err = BL_ERR_INIT;
	bl_auto_vmi struct bl_vmi *vmi = NULL;
	bl_auto_vm struct bl_vm *vm = NULL;

	bl_object_validate(document, &err);
	if (bl_vmi_new(document, &vmi, &err) < 0 && !*err.message)
		abort();
	if (vmi && (bl_vmi_vcpus(vmi) == 0 || bl_vmi_overhead_bytes(vmi, true) <= 0))
		abort();
	err = BL_ERR_INIT;
	if (bl_vm_new(document, &vm, &err) < 0 && !*err.message)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bl_auto_json struct cJSON *documents = NULL;

	if (bl_yaml_parse((const char *)data, size, &documents, NULL) < 0)
		return 0;
	bl_json_for_each (document, documents)
		decode(document);
	return 0;
}
