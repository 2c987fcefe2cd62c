// SPDX-License-Identifier: Apache-2.0
/* The typed view of VMs and VMIs: what is decoded, KubeVirt's defaults, and what follows from them.
 * What is refused stands in the golden manifests. */
#include "unit.h"

#include <errno.h>
#include <netinet/in.h>

#include <beeline/vmi.h>

#define MIB (1024ll * 1024)

static struct cJSON *parse(char *text)
{
	struct bl_err err = BL_ERR_INIT;
	struct cJSON *json = NULL;

	if (bl_json_parse(text, strlen(text), &json, &err) < 0)
		fail_msg("%s: %s", err.message, text);
	free(text);
	return json;
}

/* A VMI with this spec, which must be sound. */
static struct bl_vmi *make(const char *spec)
{
	bl_auto_json struct cJSON *document = parse(
		bl_format("{\"apiVersion\":\"kubevirt.io/v1\",\"kind\":\"VirtualMachineInstance\","
			  "\"metadata\":{\"name\":\"my.vm\",\"uid\":\"u1\"},\"spec\":{%s}}",
			  spec));
	struct bl_err err = BL_ERR_INIT;
	struct bl_vmi *vmi = NULL;

	if (bl_vmi_new(document, &vmi, &err) < 0)
		fail_msg("%s", err.message);
	return vmi;
}

#define MINIMAL "\"domain\":{\"memory\":{\"guest\":\"64Mi\"}}"

static void test_defaults(void **state)
{
	bl_auto_vmi struct bl_vmi *vmi = make(MINIMAL);
	char text[BL_ADDR_TEXT_MAX];

	assert_string_equal(vmi->namespace, "default");
	assert_string_equal(vmi->name, "my.vm");
	assert_string_equal(vmi->uid, "u1");
	assert_string_equal(vmi->hostname, "my");
	assert_string_equal(vmi->machine_type, "q35");
	assert_int_equal(vmi->firmware, BL_FIRMWARE_BIOS);
	assert_int_equal(bl_vmi_vcpus(vmi), 1);
	assert_int_equal(vmi->memory_bytes, 64 * MIB);
	assert_int_equal(vmi->termination_grace_seconds, 30);
	assert_true(vmi->acpi && vmi->autoattach_graphics && vmi->autoattach_serial &&
		    vmi->autoattach_memballoon && vmi->autoattach_pod_interface);
	assert_false(vmi->rng || vmi->secure_boot || vmi->smm || vmi->start_paused);
	assert_int_equal(vmi->n_interfaces, 1);
	assert_string_equal(vmi->interfaces[0].name, "default");
	assert_string_equal(vmi->interfaces[0].model, "virtio");
	assert_int_equal(vmi->interfaces[0].binding, BL_BINDING_POD);
	assert_false(vmi->interfaces[0].has_mac);
	assert_int_equal(vmi->n_networks, 1);
	assert_string_equal(bl_addr_format(&vmi->networks[0].vm_cidr, text), "10.0.2.0");
	assert_int_equal(vmi->networks[0].vm_cidr_bits, 24);
	assert_string_equal(bl_addr_format(&vmi->networks[0].vm_cidr6, text), "fd10:0:2::");
	assert_int_equal(vmi->networks[0].vm_cidr6_bits, 120);
	assert_int_equal(vmi->n_disks, 0);
	assert_int_equal(vmi->warnings.n_items, 0);
}

static void test_no_pod_interface(void **state)
{
	bl_auto_vmi struct bl_vmi *vmi =
		make("\"domain\":{\"memory\":{\"guest\":\"64Mi\"},\"devices\":{"
		     "\"autoattachPodInterface\":false}}");

	assert_int_equal(vmi->n_interfaces, 0);
	assert_int_equal(vmi->n_networks, 0);
}

struct topology {
	const char *domain;
	uint32_t sockets, cores, threads, queues;
};

/* KubeVirt's SetDefaultGuestCPUTopology. */
static void test_topology(void **state)
{
	static const struct topology topologies[] = {
		{"\"cpu\":{}", 1, 1, 1, 1},
		{"\"cpu\":{\"cores\":4}", 1, 4, 1, 4},
		{"\"cpu\":{\"sockets\":2,\"threads\":2}", 2, 1, 2, 4},
		{"\"resources\":{\"requests\":{\"cpu\":\"2\"}}", 2, 1, 1, 2},
		{"\"resources\":{\"requests\":{\"cpu\":2}}", 2, 1, 1, 2},
		{"\"resources\":{\"requests\":{\"cpu\":\"1500m\"}}", 2, 1, 1, 2},
		{"\"resources\":{\"requests\":{\"cpu\":1},\"limits\":{\"cpu\":3}}", 3, 1, 1, 3},
		{"\"cpu\":{\"cores\":1},\"resources\":{\"requests\":{\"cpu\":2}}", 1, 1, 1, 1},
		{"\"cpu\":{\"cores\":300}", 1, 300, 1, 256},
		{"\"cpu\":{\"cores\":4},\"devices\":{\"networkInterfaceMultiqueue\":false}", 1, 4,
		 1, 1},
	};

	for (size_t i = 0; i < sizeof(topologies) / sizeof(topologies[0]); i++) {
		const struct topology *t = &topologies[i];
		bl_autofree char *spec =
			bl_format("\"domain\":{\"memory\":{\"guest\":\"64Mi\"},%s}", t->domain);
		bl_auto_vmi struct bl_vmi *vmi = make(spec);

		assert_int_equal(vmi->cpu.sockets, t->sockets);
		assert_int_equal(vmi->cpu.cores, t->cores);
		assert_int_equal(vmi->cpu.threads, t->threads);
		assert_int_equal(bl_vmi_vcpus(vmi), t->sockets * t->cores * t->threads);
		assert_int_equal(bl_vmi_queues(vmi, &vmi->interfaces[0]), t->queues);
	}
}

static void test_other_models_have_one_queue(void **state)
{
	bl_auto_vmi struct bl_vmi *vmi = make(
		"\"domain\":{\"cpu\":{\"cores\":4},\"memory\":{\"guest\":\"64Mi\"},\"devices\":{"
		"\"interfaces\":[{\"name\":\"a\",\"bridge\":{},\"model\":\"e1000\"}]}},"
		"\"networks\":[{\"name\":\"a\",\"pod\":{}}]");

	assert_int_equal(bl_vmi_queues(vmi, &vmi->interfaces[0]), 1);
}

static void test_memory(void **state)
{
	bl_auto_vmi struct bl_vmi *request =
		make("\"domain\":{\"resources\":{\"requests\":{\"memory\":\"1G\"}}}");
	bl_auto_vmi struct bl_vmi *limit =
		make("\"domain\":{\"resources\":{\"limits\":{\"memory\":\"1Gi\"}}}");
	bl_auto_vmi struct bl_vmi *guest =
		make("\"domain\":{\"memory\":{\"guest\":\"2Gi\"},\"resources\":{\"requests\":{"
		     "\"memory\":\"1Gi\"}}}");

	assert_int_equal(request->memory_bytes, 1000000000);
	assert_int_equal(limit->memory_bytes, 1024 * MIB);
	assert_int_equal(guest->memory_bytes, 2048 * MIB);
	assert_int_equal(guest->memory_request_bytes, 1024 * MIB);
}

/* The two examples of the facts: 290Mi and 300Mi. */
static void test_overhead(void **state)
{
	bl_auto_vmi struct bl_vmi *one = make("\"domain\":{\"memory\":{\"guest\":\"1Gi\"}}");
	bl_auto_vmi struct bl_vmi *two =
		make("\"domain\":{\"cpu\":{\"cores\":2},\"memory\":{\"guest\":\"2Gi\"}}");
	bl_auto_vmi struct bl_vmi *blind =
		make("\"domain\":{\"memory\":{\"guest\":\"1Gi\"},\"devices\":{"
		     "\"autoattachGraphicsDevice\":false}}");

	assert_int_equal(bl_vmi_overhead_bytes(one, false), 290 * MIB);
	assert_int_equal(bl_vmi_overhead_bytes(two, false), 300 * MIB);
	assert_int_equal(bl_vmi_overhead_bytes(blind, false), 258 * MIB);
	assert_int_equal(bl_vmi_overhead_bytes(one, true), 354 * MIB);
}

static void test_disks(void **state)
{
	bl_auto_vmi struct bl_vmi *vmi = make(
		"\"domain\":{\"memory\":{\"guest\":\"64Mi\"},\"devices\":{\"disks\":["
		"{\"name\":\"a\",\"disk\":{\"bus\":\"virtio\"},\"bootOrder\":1,\"cache\":\"none\","
		"\"serial\":\"S1\"},{\"name\":\"b\",\"cdrom\":{\"readonly\":false}},"
		"{\"name\":\"c\",\"disk\":{\"readonly\":true}}]}},\"volumes\":["
		"{\"name\":\"a\",\"containerDisk\":{\"image\":\"x/y:1\",\"path\":\"/disk/d.img\"}},"
		"{\"name\":\"b\",\"cloudInitNoCloud\":{\"userData\":\"u\",\"networkDataBase64\":"
		"\"bg==\"}},{\"name\":\"c\",\"hostDisk\":{\"path\":\"/"
		"d\",\"type\":\"DiskOrCreate\","
		"\"capacity\":\"1Gi\"}},{\"name\":\"d\",\"emptyDisk\":{\"capacity\":\"2Mi\"}}]");

	/* the volume that no disk names got one */
	assert_int_equal(vmi->n_disks, 4);
	assert_int_equal(vmi->disks[0].bus, BL_BUS_VIRTIO);
	assert_int_equal(vmi->disks[0].boot_order, 1);
	assert_string_equal(vmi->disks[0].serial, "S1");
	assert_string_equal(vmi->disks[0].cache, "none");
	assert_int_equal(vmi->disks[1].device, BL_DISK_CDROM);
	assert_int_equal(vmi->disks[1].bus, BL_BUS_SATA);
	assert_true(vmi->disks[1].readonly);
	assert_true(vmi->disks[2].readonly);
	assert_string_equal(vmi->disks[3].name, "d");
	assert_int_equal(vmi->disks[3].bus, BL_BUS_SATA);
	assert_string_equal(bl_vmi_volume(vmi, "a")->image, "x/y:1");
	assert_string_equal(bl_vmi_volume(vmi, "a")->path, "/disk/d.img");
	assert_string_equal(bl_vmi_volume(vmi, "b")->user_data, "u");
	assert_string_equal(bl_vmi_volume(vmi, "b")->network_data, "n");
	assert_int_equal(bl_vmi_volume(vmi, "c")->capacity_bytes, 1024 * MIB);
	assert_string_equal(bl_vmi_volume(vmi, "c")->host_disk_type, "DiskOrCreate");
	assert_int_equal(bl_vmi_volume(vmi, "d")->kind, BL_VOLUME_EMPTY_DISK);
	assert_null(bl_vmi_volume(vmi, "e"));
}

static void test_interface(void **state)
{
	bl_auto_vmi struct bl_vmi *vmi = make(
		"\"domain\":{\"memory\":{\"guest\":\"64Mi\"},\"devices\":{\"interfaces\":[{"
		"\"name\":\"net\",\"masquerade\":{},\"macAddress\":\"02-00-00-00-00-07\","
		"\"state\":\"down\",\"ports\":[{\"port\":80},{\"name\":\"dns\",\"port\":53,"
		"\"protocol\":\"UDP\"}],\"dhcpOptions\":{\"bootFileName\":\"b\","
		"\"tftpServerName\":\"t\",\"ntpServers\":[\"10.1.1.1\"],\"privateOptions\":["
		"{\"option\":240,\"value\":\"v\"}]}}]}},\"networks\":[{\"name\":\"net\",\"pod\":{"
		"\"vmNetworkCIDR\":\"10.9.0.0/16\",\"vmIPv6NetworkCIDR\":\"fd00:9::/64\"}}]");
	const struct bl_interface *interface = &vmi->interfaces[0];
	char text[BL_ADDR_TEXT_MAX];

	assert_int_equal(interface->binding, BL_BINDING_MASQUERADE);
	assert_true(interface->has_mac);
	assert_string_equal(bl_mac_format(interface->mac, text), "02:00:00:00:00:07");
	assert_true(interface->link_down);
	assert_int_equal(interface->n_ports, 2);
	assert_int_equal(interface->ports[0].protocol, IPPROTO_TCP);
	assert_int_equal(interface->ports[0].first, 80);
	assert_int_equal(interface->ports[0].last, 80);
	assert_int_equal(interface->ports[1].protocol, IPPROTO_UDP);
	assert_string_equal(interface->boot_file_name, "b");
	assert_string_equal(interface->tftp_server_name, "t");
	assert_string_equal(bl_addr_format(&interface->ntp_servers[0], text), "10.1.1.1");
	assert_int_equal(interface->private_options[0].code, 240);
	assert_string_equal(interface->private_options[0].value, "v");
	assert_string_equal(bl_addr_format(&bl_vmi_network(vmi, "net")->vm_cidr, text), "10.9.0.0");
	assert_int_equal(bl_vmi_network(vmi, "net")->vm_cidr6_bits, 64);
}

static void test_firmware(void **state)
{
	bl_auto_vmi struct bl_vmi *open =
		make("\"domain\":{\"memory\":{\"guest\":\"256Mi\"},\"firmware\":{\"bootloader\":{"
		     "\"efi\":{\"secureBoot\":false}}}}");
	bl_auto_vmi struct bl_vmi *secure =
		make("\"domain\":{\"memory\":{\"guest\":\"256Mi\"},\"features\":{\"smm\":{}},"
		     "\"firmware\":{\"bootloader\":{\"efi\":{}}}}");

	assert_int_equal(open->firmware, BL_FIRMWARE_EFI);
	assert_false(open->secure_boot);
	assert_int_equal(secure->firmware, BL_FIRMWARE_EFI);
	assert_true(secure->secure_boot && secure->smm);
}

static struct cJSON *make_vm(const char *spec)
{
	return parse(bl_format(
		"{\"apiVersion\":\"kubevirt.io/"
		"v1alpha3\",\"kind\":\"VirtualMachine\",\"metadata\":{"
		"\"name\":\"vm\"},\"spec\":{%s,\"template\":{\"spec\":{\"nodeSelector\":{},"
		"\"domain\":{\"memory\":{\"guest\":\"64Mi\"}}}}}}",
		spec));
}

static void test_vm(void **state)
{
	static const struct {
		const char *spec;
		enum bl_run_strategy strategy;
	} cases[] = {
		{"\"running\":true", BL_RUN_ALWAYS},
		{"\"running\":false", BL_RUN_HALTED},
		{"\"runStrategy\":\"Always\"", BL_RUN_ALWAYS},
		{"\"runStrategy\":\"RerunOnFailure\"", BL_RUN_RERUN_ON_FAILURE},
		{"\"runStrategy\":\"Manual\",\"running\":null", BL_RUN_MANUAL},
		{"\"runStrategy\":\"Halted\"", BL_RUN_HALTED},
		{"\"runStrategy\":\"Once\"", BL_RUN_ONCE},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bl_auto_json struct cJSON *document = make_vm(cases[i].spec);
		bl_auto_vm struct bl_vm *vm = NULL;
		struct bl_err err = BL_ERR_INIT;

		assert_int_equal(bl_vm_new(document, &vm, &err), 0);
		assert_int_equal(vm->run_strategy, cases[i].strategy);
		assert_string_equal(vm->name, "vm");
		assert_ptr_equal(vm->vmi_template, bl_json_get(document, "spec/template"));
		assert_int_equal(vm->warnings.n_items, 1);
		assert_non_null(strstr(vm->warnings.items[0], "spec.template.spec.nodeSelector"));
	}
}

static void test_kind_mismatch(void **state)
{
	bl_auto_json struct cJSON *document = make_vm("\"running\":true");
	struct bl_err err = BL_ERR_INIT;
	struct bl_vmi *vmi = NULL;

	assert_fails(bl_vmi_new(document, &vmi, &err), -EINVAL,
		     "kind: expected VirtualMachineInstance, got 'VirtualMachine'");
	assert_null(vmi);
	assert_int_equal(bl_object_validate(document, &err), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_no_pod_interface),
		cmocka_unit_test(test_topology),
		cmocka_unit_test(test_other_models_have_one_queue),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_overhead),
		cmocka_unit_test(test_disks),
		cmocka_unit_test(test_interface),
		cmocka_unit_test(test_firmware),
		cmocka_unit_test(test_vm),
		cmocka_unit_test(test_kind_mismatch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
