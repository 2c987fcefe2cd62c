// SPDX-License-Identifier: Apache-2.0
/* Names of resources on the command line, and what is read out of an instance for people. */
#include "unit.h"

#include <errno.h>

#include "../../agent/cli/event_line.h"
#include "../../agent/cli/instance.h"
#include "../../agent/cli/kind.h"

static void test_kind_find(void **state)
{
	static const struct {
		const char *name, *kind;
	} rows[] = {
		{"vm", KIND_VM},
		{"VMs", KIND_VM},
		{"virtualmachines.kubevirt.io", KIND_VM},
		{"vmi", KIND_VMI},
		{"VirtualMachineInstance", KIND_VMI},
		{"vm.kubevirt.io", KIND_VM},
		{"vmis.v1.KubeVirt.io", KIND_VMI},
		{"cnp", "CiliumNetworkPolicy"},
		{"ciliumnetworkpolicies.v2.cilium.io", "CiliumNetworkPolicy"},
		{"ccnp", "CiliumClusterwideNetworkPolicy"},
		{"netpol", "NetworkPolicy"},
		{"networkpolicies.networking.k8s.io", "NetworkPolicy"},
		{"clusternetworkpolicies.policy.networking.k8s.io", "ClusterNetworkPolicy"},
		{"ns", "Namespace"},
		{"svc", "Service"},
	};
	struct bl_err err = BL_ERR_INIT;
	const struct kind *kind;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(kind_find(rows[i].name, &kind, &err), 0);
		assert_string_equal(kind->kind, rows[i].kind);
	}
	assert_fails(kind_find("v", &kind, &err), -EINVAL, "no resource type \"v\"");
	assert_fails(kind_find("", &kind, &err), -EINVAL, "no resource type");
	assert_fails(kind_find("vm.example.org", &kind, &err), -EINVAL, "no resource type");
	assert_fails(kind_find("vm.cilium.io", &kind, &err), -EINVAL, "no resource type");
	assert_fails(kind_find("pod.kubevirt.io", &kind, &err), -EINVAL, "no resource type");
	assert_fails(kind_find(".kubevirt.io", &kind, &err), -EINVAL, "no resource type");
	assert_fails(kind_find("vm vms", &kind, &err), -EINVAL, "no resource type");
}

static void test_resource(void **state)
{
	bl_autofree char *vm = kind_resource(KIND_VM);
	bl_autofree char *other = kind_resource("CiliumNetworkPolicy");

	assert_string_equal(vm, "virtualmachine.kubevirt.io");
	assert_string_equal(other, "ciliumnetworkpolicy.cilium.io");
}

/* Parses words and writes the targets as "kind/name ..." with * for all; the error when it fails. */
static char *parsed(const char *words, const struct kind *fallback)
{
	bl_autofree char *copy = bl_strdup(words);
	targets_auto struct targets targets = {0};
	struct bl_err err = BL_ERR_INIT;
	char *args[8];
	size_t n = 0;
	char *text = bl_strdup("");

	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		args[n++] = word;
	if (targets_parse(args, n, fallback, &targets, &err) < 0) {
		free(text);
		return bl_strdup(err.message);
	}
	for (size_t i = 0; i < targets.n_items; i++) {
		const struct target *target = &targets.items[i];
		char *longer = bl_format("%s%s%s/%s", text, i ? " " : "",
					 strcmp(target->kind->kind, KIND_VM) == 0 ? "vm" : "vmi",
					 target->name ? target->name : "*");

		free(text);
		text = longer;
	}
	return text;
}

static void test_targets(void **state)
{
	static const struct {
		const char *words, *out;
	} rows[] = {
		{"", ""},
		{"vm", "vm/*"},
		{"vm a b", "vm/a vm/b"},
		{"vm,vmi", "vm/* vmi/*"},
		{"all", "vm/* vmi/*"},
		{"vm,vmi a", "vm/a vmi/a"},
		{"vm/a vmi/b", "vm/a vmi/b"},
	};
	static const struct {
		const char *words, *error;
	} wrong[] = {
		{"vm/a b", "write every name as TYPE/NAME"},
		{"vm a vm/b", "write every name as TYPE/NAME"},
		{"vm/", "expected TYPE/NAME"},
		{"vm/a/b", "expected TYPE/NAME"},
		{"vm,", "no resource type \"\""},
		{"secret a", "no resource type \"secret\""},
		{"all a", "no resource type \"all\""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bl_autofree char *out = parsed(rows[i].words, NULL);

		assert_string_equal(out, rows[i].out);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		bl_autofree char *out = parsed(wrong[i].words, NULL);

		if (!strstr(out, wrong[i].error))
			fail_msg("'%s' lacks '%s'", out, wrong[i].error);
	}
}

static void test_targets_fallback(void **state)
{
	const struct kind *vm = NULL;

	assert_int_equal(kind_find("vm", &vm, NULL), 0);

	bl_autofree char *plain = parsed("a vmi", vm);
	bl_autofree char *slashed = parsed("vmi/a", vm);

	assert_string_equal(plain, "vm/a vm/vmi");
	assert_string_equal(slashed, "vmi/a");
}

static void test_machine(void **state)
{
	static const char *const same[] = {"a", "vm/a", "VMI/a", "virtualmachines.kubevirt.io/a"};
	struct bl_err err = BL_ERR_INIT;
	const char *name;

	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		assert_int_equal(kind_machine(same[i], &name, &err), 0);
		assert_string_equal(name, "a");
	}
	assert_fails(kind_machine("secret/a", &name, &err), -EINVAL, "no resource type \"secret\"");
	assert_fails(kind_machine("pod/a", &name, &err), -EINVAL, "is no machine");
	assert_fails(kind_machine("vm/", &name, &err), -EINVAL, "expected TYPE/NAME");
}

static struct cJSON *json(const char *text)
{
	struct cJSON *value = NULL;

	assert_int_equal(bl_json_parse(text, strlen(text), &value, NULL), 0);
	return value;
}

static void test_instance(void **state)
{
	bl_auto_json struct cJSON *vmi =
		json("{\"spec\":{\"domain\":{\"devices\":{\"interfaces\":[{\"ports\":["
		     "{\"port\":80},{\"port\":53,\"protocol\":\"UDP\"},{\"port\":443,\"protocol\":"
		     "\"TCP\"},"
		     "{\"port\":70000}]}]}}},"
		     "\"status\":{\"phase\":\"Running\\u001b[1m\",\"interfaces\":[{\"ipAddress\":"
		     "\"10.0.0.5\","
		     "\"ipAddresses\":[\"10.0.0.5\",\"fe80::1\",\"fd00::5\",\"nonsense\",7]}]}}");
	struct instance instance;
	char text[BL_ADDR_TEXT_MAX];

	instance_read(vmi, &instance);
	assert_true(instance_is_running(&instance));
	assert_int_equal(instance.n_addresses, 2);
	assert_string_equal(bl_addr_format(&instance.addresses[0], text), "10.0.0.5");
	assert_string_equal(bl_addr_format(&instance.addresses[1], text), "fd00::5");
	assert_int_equal(instance.n_ports, 2);
	assert_int_equal(instance.ports[0], 80);
	assert_int_equal(instance.ports[1], 443);
	assert_string_equal(instance.condition, "");
}

static void test_instance_empty(void **state)
{
	bl_auto_json struct cJSON *vmi = json("{}");
	struct instance instance;

	instance_read(vmi, &instance);
	assert_string_equal(instance.phase, "Pending");
	assert_int_equal(instance.n_addresses, 0);
	assert_false(instance_is_running(&instance));
}

static void test_instance_ending(void **state)
{
	bl_auto_json struct cJSON *vmi =
		json("{\"metadata\":{\"deletionTimestamp\":\"2026-01-02T03:04:05Z\"},"
		     "\"status\":{\"phase\":\"Running\"}}");
	struct instance instance;

	instance_read(vmi, &instance);
	assert_string_equal(instance.phase, "Stopping");
	assert_false(instance_is_running(&instance));
}

/* The latest bad news wins; True is bad news for Failure alone. */
static void test_trouble(void **state)
{
	bl_auto_json struct cJSON *object =
		json("{\"status\":{\"conditions\":["
		     "{\"type\":\"Failure\",\"status\":\"True\",\"reason\":\"Late\",\"message\":"
		     "\"b\\nc\","
		     "\"lastTransitionTime\":\"2026-01-02T03:04:07Z\"},"
		     "{\"type\":\"Synchronized\",\"status\":\"False\",\"reason\":\"Early\","
		     "\"message\":\"a\","
		     "\"lastTransitionTime\":\"2026-01-02T03:04:05Z\"},"
		     "{\"type\":\"Ready\",\"status\":\"False\",\"message\":\"consequence\","
		     "\"lastTransitionTime\":\"2026-01-02T03:04:09Z\"},"
		     "{\"type\":\"Good\",\"status\":\"True\",\"message\":\"fine\","
		     "\"lastTransitionTime\":\"2026-01-02T03:04:09Z\"},"
		     "{\"type\":\"Silent\",\"status\":\"False\","
		     "\"lastTransitionTime\":\"2026-01-02T03:04:09Z\"}]}}");
	char text[INSTANCE_TEXT_MAX];

	instance_trouble(object, text);
	assert_string_equal(text, "Late: b c");
}

static void test_event_endpoint(void **state)
{
	bl_autofree char *vm = event_line_endpoint("default_vm-01_default");
	bl_autofree char *hand_made = event_line_endpoint("fc_1");

	assert_string_equal(vm, "default/vm-01");
	assert_string_equal(hand_made, "fc_1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kind_find),       cmocka_unit_test(test_resource),
		cmocka_unit_test(test_targets),         cmocka_unit_test(test_targets_fallback),
		cmocka_unit_test(test_instance),        cmocka_unit_test(test_instance_empty),
		cmocka_unit_test(test_instance_ending), cmocka_unit_test(test_trouble),
		cmocka_unit_test(test_event_endpoint),  cmocka_unit_test(test_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
