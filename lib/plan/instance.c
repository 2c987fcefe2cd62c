/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VMI of a VM: the template under the VM's name, owned by the VM, with what must stay the same
 * from one start to the next written out: interfaces, MAC addresses, firmware UUID. All of it follows
 * from the VM's document alone, so a VM that was deleted from memory comes back as the same machine.
 */
#include <stdio.h>
#include <string.h>

#include <beeline/addr.h>

#include "vm.h"

static void copy_member(struct cJSON *to, const struct cJSON *from, const char *key)
{
	const struct cJSON *member = bl_json_get(from, key);

	if (member && !bl_json_is_null(member))
		bl_json_set(to, key, bl_json_copy(member));
}

static struct cJSON *make_owner(const struct cJSON *vm)
{
	struct cJSON *owners = bl_json_array(), *owner = bl_json_object();

	bl_json_set_string(owner, "apiVersion", "kubevirt.io/v1");
	bl_json_set_string(owner, "kind", "VirtualMachine");
	bl_json_set_string(owner, "name", bl_json_get_string(vm, "metadata/name"));
	bl_json_set_string(owner, "uid", bl_json_get_string(vm, "metadata/uid"));
	bl_json_set_bool(owner, "controller", true);
	bl_json_set_bool(owner, "blockOwnerDeletion", true);
	bl_json_append(owners, owner);
	return owners;
}

static struct cJSON *make_metadata(const struct cJSON *vm)
{
	const struct cJSON *template = bl_json_get(vm, "spec/template/metadata");
	struct cJSON *metadata = bl_json_object();
	const char *namespace = bl_json_get_string(vm, "metadata/namespace");
	char generation[32];

	bl_json_set_string(metadata, "name", bl_json_get_string(vm, "metadata/name"));
	bl_json_set_string(metadata, "namespace", namespace ? namespace : "default");
	copy_member(metadata, template, "labels");
	copy_member(metadata, template, "annotations");
	snprintf(generation, sizeof(generation), "%.0f",
		 bl_json_get_number(vm, "metadata/generation", 1));
	bl_json_set_string(bl_json_ensure(metadata, "annotations"), "kubevirt.io/vm-generation",
			   generation);
	bl_json_set(metadata, "ownerReferences", make_owner(vm));
	return metadata;
}

static bool is_empty(const struct cJSON *spec, const char *path)
{
	return bl_json_size(bl_json_get(spec, path)) == 0;
}

/* KubeVirt's default interface, written out so that it can carry its MAC. */
static void add_pod_interface(struct cJSON *spec)
{
	struct cJSON *interface = bl_json_object(), *network = bl_json_object();
	struct cJSON *interfaces = bl_json_array(), *networks = bl_json_array();

	bl_json_set_string(interface, "name", "default");
	bl_json_set(interface, "bridge", bl_json_object());
	bl_json_append(interfaces, interface);
	bl_json_set(bl_json_ensure(bl_json_ensure(spec, "domain"), "devices"), "interfaces",
		    interfaces);
	bl_json_set_string(network, "name", "default");
	bl_json_set(network, "pod", bl_json_object());
	bl_json_append(networks, network);
	bl_json_set(spec, "networks", networks);
}

/* FNV-1a, 64 bits. */
static uint64_t hash(uint64_t sum, const char *text)
{
	for (; *text; text++)
		sum = (sum ^ (unsigned char)*text) * 0x100000001b3ull;
	return sum;
}

/* A locally administered unicast address out of the VM's identity and the interface's name. */
static void derive_mac(const struct cJSON *vm, const char *interface, uint8_t ret_mac[6])
{
	const char *uid = bl_json_get_string(vm, "metadata/uid");
	uint64_t sum = hash(0xcbf29ce484222325ull, uid ? uid : "");

	sum = hash(hash(sum, "/"), interface);
	for (size_t i = 0; i < 6; i++)
		ret_mac[i] = sum >> (8 * i);
	ret_mac[0] = (ret_mac[0] & 0xfc) | 0x02;
}

static void persist_macs(const struct cJSON *vm, struct cJSON *spec)
{
	bl_json_for_each (interface, bl_json_get(spec, "domain/devices/interfaces")) {
		const char *name = bl_json_get_string(interface, "name");
		char text[BL_MAC_TEXT_MAX];
		uint8_t mac[6];

		if (!name || bl_json_get_string(interface, "macAddress"))
			continue;
		derive_mac(vm, name, mac);
		bl_json_set_string(interface, "macAddress", bl_mac_format(mac, text));
	}
}

/* The VM's uid is random and as old as the VM: the very thing that a firmware UUID should be. */
static void persist_uuid(const struct cJSON *vm, struct cJSON *spec)
{
	struct cJSON *firmware = bl_json_ensure(bl_json_ensure(spec, "domain"), "firmware");

	if (!bl_json_get_string(firmware, "uuid"))
		bl_json_set_string(firmware, "uuid", bl_json_get_string(vm, "metadata/uid"));
}

static struct cJSON *make_spec(const struct cJSON *vm)
{
	struct cJSON *spec = bl_json_copy(bl_json_get(vm, "spec/template/spec"));

	if (is_empty(spec, "domain/devices/interfaces") && is_empty(spec, "networks") &&
	    bl_json_get_bool(spec, "domain/devices/autoattachPodInterface", true))
		add_pod_interface(spec);
	persist_macs(vm, spec);
	persist_uuid(vm, spec);
	return spec;
}

struct cJSON *vm_make_instance(const struct cJSON *vm)
{
	struct cJSON *vmi = bl_json_object();

	bl_json_set_string(vmi, "apiVersion", "kubevirt.io/v1");
	bl_json_set_string(vmi, "kind", "VirtualMachineInstance");
	bl_json_set(vmi, "metadata", make_metadata(vm));
	bl_json_set(vmi, "spec", make_spec(vm));
	return vmi;
}
