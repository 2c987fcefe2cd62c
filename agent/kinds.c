// SPDX-License-Identifier: Apache-2.0
/* The kinds that may be stored, and how their documents are checked: see the header. */
#include "kinds.h"

#include <string.h>

#include <beeline/engine.h>
#include <beeline/policy.h>
#include <beeline/vmi.h>

static void append_warnings(struct cJSON *list, const struct bl_warnings *warnings)
{
	for (size_t i = 0; i < warnings->n_items; i++)
		bl_json_append(list, bl_json_string(warnings->items[i]));
}

static int check_vm(const struct cJSON *document, enum bl_unknown unknown, struct cJSON *warnings,
		    struct bl_err *err)
{
	bl_auto_vm struct bl_vm *vm = NULL;
	int r = bl_vm_new_lax(document, unknown, &vm, err);

	if (r == 0)
		append_warnings(warnings, &vm->warnings);
	return r;
}

static int check_vmi(const struct cJSON *document, enum bl_unknown unknown, struct cJSON *warnings,
		     struct bl_err *err)
{
	bl_auto_vmi struct bl_vmi *vmi = NULL;
	int r = bl_vmi_new_lax(document, unknown, &vmi, err);

	if (r == 0)
		append_warnings(warnings, &vmi->warnings);
	return r;
}

static int check_policy(const struct cJSON *document, enum bl_unknown unknown,
			struct cJSON *warnings, struct bl_err *err)
{
	bl_auto_policy struct bl_policy *policy = NULL;
	int r = bl_policy_new_lax(document, unknown, &policy, err);

	if (r < 0)
		return r;
	append_warnings(warnings, &policy->unenforced);
	append_warnings(warnings, &policy->warnings);
	return 0;
}

/* What policies speak of is sound when their engine can read it. */
static int check_peer(const struct cJSON *document, enum bl_unknown unknown, struct cJSON *warnings,
		      struct bl_err *err)
{
	bl_auto_engine struct bl_engine *engine = bl_engine_new(&(struct bl_engine_options){0});

	return bl_engine_put(engine, document, err);
}

static const struct kind kinds[] = {
	{KIND_VM, check_vm},
	{KIND_VMI, check_vmi, .fixed_spec = true},
	{"CiliumNetworkPolicy", check_policy, .inert = true, .rests = true},
	{"CiliumClusterwideNetworkPolicy", check_policy, .of_cluster = true, .inert = true,
	 .rests = true},
	{"NetworkPolicy", check_policy, .inert = true, .rests = true},
	{"ClusterNetworkPolicy", check_policy, .of_cluster = true, .inert = true, .rests = true},
	{"CiliumCIDRGroup", check_peer, .of_cluster = true, .inert = true, .rests = true},
	{"Namespace", check_peer, .of_cluster = true, .inert = true, .rests = true},
	{"Node", check_peer, .of_cluster = true, .brings_status = true, .inert = true},
	{"Pod", check_peer, .brings_status = true, .inert = true, .rests = true},
	{"Service", check_peer, .inert = true},
	{"EndpointSlice", check_peer, .inert = true},
};

const struct kind *kinds_find(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

bool kinds_rests(const char *name)
{
	const struct kind *kind = kinds_find(name);

	return kind && kind->rests;
}

void kinds_place(struct cJSON *document)
{
	const char *name = bl_json_get_string(document, "kind");
	const struct kind *kind = name ? kinds_find(name) : NULL;
	struct cJSON *metadata = bl_json_get(document, "metadata");

	if (!bl_json_is_object(metadata))
		return;
	if (!kind || !kind->brings_status)
		bl_json_remove(document, "status");
	if (kind && kind->of_cluster)
		bl_json_remove(metadata, "namespace");
	else if (!bl_json_get(metadata, "namespace"))
		bl_json_set_string(metadata, "namespace", "default");
}
