/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A VirtualMachineInstance and a VirtualMachine from their documents: decode by the tables, complete
 * with KubeVirt's defaults, check. Each family's part lives in its own file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "family.h"

static const struct bl_field vmi_rows[] = {
	BL_FIELD_KNOWN("apiVersion"), BL_FIELD_KNOWN("kind"),
	BL_FIELD_KNOWN("metadata"),   BL_FIELD_KNOWN("spec", .required = true),
	BL_FIELD_KNOWN("status"),
};
static const struct bl_fields vmi_fields = BL_FIELDS(vmi_rows, struct bl_vmi);

static const char *const run_strategies[] = {
	[BL_RUN_ALWAYS] = "Always", [BL_RUN_RERUN_ON_FAILURE] = "RerunOnFailure",
	[BL_RUN_MANUAL] = "Manual", [BL_RUN_HALTED] = "Halted",
	[BL_RUN_ONCE] = "Once",
};

#define EXPANDED \
	"needs a cluster; write its CPUs, memory and devices into spec.template.spec.domain"

static const struct bl_field vm_rows[] = {
	BL_FIELD_KNOWN("apiVersion"),
	BL_FIELD_KNOWN("kind"),
	BL_FIELD_KNOWN("metadata"),
	BL_FIELD_KNOWN("status"),
	BL_FIELD_CHECK("spec.running", BL_FIELD_BOOL, .group = "run strategy",
		       .one_of = BL_ONE_OF_EXACTLY_ONE),
	BL_FIELD("spec.runStrategy", BL_FIELD_ENUM, struct bl_vm, run_strategy,
		 BL_FIELD_NAMES(run_strategies), .group = "run strategy"),
	BL_FIELD_CHECK("spec.template", BL_FIELD_MARK, .required = true),
	BL_FIELD_KNOWN("spec.template.metadata"),
	BL_FIELD_KNOWN("spec.template.spec", .required = true),
	BL_FIELD_REFUSED("spec.instancetype", "an instance type " EXPANDED),
	BL_FIELD_REFUSED("spec.preference", "a preference " EXPANDED),
	BL_FIELD_REFUSED("spec.dataVolumeTemplates",
			 "needs a cluster's storage; run 'beeline image import' and write "
			 "containerDisk"),
	BL_FIELD_IGNORED("spec.updateVolumesStrategy",
			 "volumes of a running VM are not changed yet"),
	BL_FIELD_REFUSED("spec.selector", "is a field of kubevirt.io/v1alpha2; leave it out"),
};
const struct bl_fields vmi_vm_fields = BL_FIELDS(vm_rows, struct bl_vm);

static char *copy_of(const struct cJSON *document, const char *path, const char *fallback)
{
	const char *text = bl_json_get_string(document, path);

	return bl_strdup(text ? text : fallback);
}

/* What holds where the document says nothing. */
static struct bl_vmi *preset(const struct cJSON *metadata_of)
{
	struct bl_vmi *vmi = bl_alloc(sizeof(*vmi));

	vmi->namespace = copy_of(metadata_of, "metadata/namespace", "default");
	vmi->name = copy_of(metadata_of, "metadata/name", NULL);
	vmi->uid = copy_of(metadata_of, "metadata/uid", NULL);
	vmi->acpi = true;
	vmi->secure_boot = true;
	vmi->autoattach_graphics = true;
	vmi->autoattach_serial = true;
	vmi->autoattach_memballoon = true;
	vmi->autoattach_pod_interface = true;
	vmi->multiqueue = true;
	vmi->termination_grace_seconds = 30;
	return vmi;
}

static void complete(struct bl_vmi *vmi)
{
	vmi_compute_default(vmi);
	vmi_firmware_default(vmi);
	vmi_disks_default(vmi);
	vmi_interfaces_default(vmi);
}

static int validate(const struct bl_vmi *vmi, const char *path, struct bl_err *err)
{
	static int (*const checks[])(const struct vmi_check *) = {
		vmi_compute_validate, vmi_firmware_validate,   vmi_volumes_validate,
		vmi_disks_validate,   vmi_interfaces_validate,
	};
	struct vmi_check check = {.vmi = vmi, .path = path, .err = err};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		int r = checks[i](&check);

		if (r < 0)
			return r;
	}
	return 0;
}

/* From a spec that stands at path; name and namespace come from metadata_of. */
static int from_spec(const struct cJSON *spec, const char *path, const struct cJSON *metadata_of,
		     enum bl_unknown unknown, struct bl_vmi **ret_vmi, struct bl_err *err)
{
	bl_auto_vmi struct bl_vmi *vmi = preset(metadata_of);
	int r;

	vmi->warnings.unknown = unknown;
	r = bl_fields_decode(&vmi_spec_fields, spec, path, vmi, &vmi->warnings, err);
	if (r < 0)
		return r;
	complete(vmi);
	r = validate(vmi, path, err);
	if (r < 0)
		return r;
	*ret_vmi = bl_take_ptr(vmi);
	return 0;
}

static int expect_kind(const struct cJSON *document, const char *kind, struct bl_err *err)
{
	int r = bl_object_validate_stored(document, err);

	if (r == 0 && strcmp(bl_json_get_string(document, "kind"), kind) != 0)
		return bl_fail(err, -EINVAL, "kind: expected %s, got '%.64s'", kind,
			       bl_json_get_string(document, "kind"));
	return r;
}

static void move_warnings(struct bl_warnings *from, struct bl_warnings *to)
{
	for (size_t i = 0; i < from->n_items; i++) {
		to->items = vmi_grow(to->items, to->n_items, sizeof(char *));
		to->items[to->n_items++] = bl_take_ptr(from->items[i]);
	}
}

int bl_vmi_new(const struct cJSON *document, struct bl_vmi **ret_vmi, struct bl_err *err)
{
	return bl_vmi_new_lax(document, BL_UNKNOWN_REFUSED, ret_vmi, err);
}

int bl_vmi_new_lax(const struct cJSON *document, enum bl_unknown unknown, struct bl_vmi **ret_vmi,
		   struct bl_err *err)
{
	struct bl_warnings beside = {.unknown = unknown}; /* the spec */
	int r = expect_kind(document, "VirtualMachineInstance", err);

	if (r == 0)
		r = bl_fields_decode(&vmi_fields, document, "", NULL, &beside, err);
	if (r == 0)
		r = from_spec(bl_json_get(document, "spec"), "spec", document, unknown, ret_vmi,
			      err);
	if (r == 0)
		move_warnings(&beside, &(*ret_vmi)->warnings);
	bl_warnings_clear(&beside);
	return r;
}

void bl_vmi_free(struct bl_vmi *vmi)
{
	if (!vmi)
		return;
	bl_fields_clear(&vmi_spec_fields, vmi);
	bl_warnings_clear(&vmi->warnings);
	free(vmi->namespace);
	free(vmi->name);
	free(vmi->uid);
	free(vmi);
}

/* The template is decoded whole, so that a VM that cannot run is refused when it is written. */
static int check_template(struct bl_vm *vm, const struct cJSON *document, enum bl_unknown unknown,
			  struct bl_err *err)
{
	bl_auto_vmi struct bl_vmi *vmi = NULL;
	int r;

	vm->vmi_template = bl_json_get(document, "spec/template");
	r = (unknown == BL_UNKNOWN_REFUSED ? vmi_metadata_validate : vmi_metadata_validate_maps)(
		bl_json_get(vm->vmi_template, "metadata"), "spec.template.metadata", err);
	if (r == 0)
		r = from_spec(bl_json_get(vm->vmi_template, "spec"), "spec.template.spec", document,
			      unknown, &vmi, err);
	if (r == 0)
		move_warnings(&vmi->warnings, &vm->warnings);
	return r;
}

int bl_vm_new(const struct cJSON *document, struct bl_vm **ret_vm, struct bl_err *err)
{
	return bl_vm_new_lax(document, BL_UNKNOWN_REFUSED, ret_vm, err);
}

int bl_vm_new_lax(const struct cJSON *document, enum bl_unknown unknown, struct bl_vm **ret_vm,
		  struct bl_err *err)
{
	bl_auto_vm struct bl_vm *vm = bl_alloc(sizeof(*vm));
	int r = expect_kind(document, "VirtualMachine", err);

	vm->warnings.unknown = unknown;
	if (r == 0)
		r = bl_fields_decode(&vmi_vm_fields, document, "", vm, &vm->warnings, err);
	if (r == 0)
		r = check_template(vm, document, unknown, err);
	if (r < 0)
		return r;
	if (bl_json_is_bool(bl_json_get(document, "spec/running")))
		vm->run_strategy = bl_json_get_bool(document, "spec/running", false)
					   ? BL_RUN_ALWAYS
					   : BL_RUN_HALTED;
	vm->namespace = copy_of(document, "metadata/namespace", "default");
	vm->name = copy_of(document, "metadata/name", NULL);
	vm->uid = copy_of(document, "metadata/uid", NULL);
	*ret_vm = bl_take_ptr(vm);
	return 0;
}

void bl_vm_free(struct bl_vm *vm)
{
	if (!vm)
		return;
	bl_fields_clear(&vmi_vm_fields, vm);
	bl_warnings_clear(&vm->warnings);
	free(vm->namespace);
	free(vm->name);
	free(vm->uid);
	free(vm);
}

const struct bl_volume *bl_vmi_volume(const struct bl_vmi *vmi, const char *name)
{
	for (size_t i = 0; i < vmi->n_volumes; i++)
		if (strcmp(vmi->volumes[i].name, name) == 0)
			return &vmi->volumes[i];
	return NULL;
}

const struct bl_network *bl_vmi_network(const struct bl_vmi *vmi, const char *name)
{
	for (size_t i = 0; i < vmi->n_networks; i++)
		if (strcmp(vmi->networks[i].name, name) == 0)
			return &vmi->networks[i];
	return NULL;
}

uint32_t bl_vmi_queues(const struct bl_vmi *vmi, const struct bl_interface *interface)
{
	uint32_t vcpus = bl_vmi_vcpus(vmi);

	if (!vmi->multiqueue || strcmp(interface->model, "virtio") != 0)
		return 1;
	return vcpus < 256 ? vcpus : 256;
}
