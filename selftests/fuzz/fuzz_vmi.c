// SPDX-License-Identifier: Apache-2.0
/* The manifest decoder: whatever the document, a sound view of it or one clear sentence. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/vmi.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bl_err err = BL_ERR_INIT;
	bl_auto_json struct cJSON *json = NULL;
	bl_auto_vmi struct bl_vmi *vmi = NULL;
	bl_auto_vm struct bl_vm *vm = NULL;

	if (bl_json_parse((const char *)data, size, &json, &err) < 0)
		return 0;
	bl_object_validate(json, &err);
	if (bl_vmi_new(json, &vmi, &err) < 0 && !*err.message)
		abort();
	if (vmi && (bl_vmi_vcpus(vmi) == 0 || bl_vmi_overhead_bytes(vmi, true) <= 0))
		abort();
	err = BL_ERR_INIT;
	if (bl_vm_new(json, &vm, &err) < 0 && !*err.message)
		abort();
	return 0;
}
