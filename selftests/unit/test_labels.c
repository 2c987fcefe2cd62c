// SPDX-License-Identifier: Apache-2.0
/* Sets of labels, and which of them make an identity. */
#include "unit.h"
#include "unit_held.h"

#include <beeline/labels.h>

static void has_text(const struct bl_labels *labels, const char *want)
{
	bl_autofree char *text = bl_labels_format(labels);

	assert_string_equal(text, want);
}

static void test_a_key_stands_once_per_source(void **state)
{
	struct bl_labels labels = {0};

	bl_labels_set(&labels, "k8s", "role", "web");
	bl_labels_set(&labels, "reserved", "host", "");
	bl_labels_set(&labels, "k8s", "app", "shop");
	bl_labels_set(&labels, "node", "app", "rack");
	bl_labels_set(&labels, "k8s", "role", "db");
	has_text(&labels, "k8s:app=shop,node:app=rack,reserved:host,k8s:role=db");
	assert_string_equal(bl_labels_value(&labels, "node", "app"), "rack");
	assert_string_equal(bl_labels_value(&labels, NULL, "role"), "db");
	assert_string_equal(bl_labels_value(&labels, NULL, "host"), "");
	assert_null(bl_labels_value(&labels, "k8s", "host"));
	assert_null(bl_labels_value(&labels, NULL, "rol"));
	bl_labels_clear(&labels);
	has_text(&labels, "");
}

static void test_equal_labels_are_the_same_pointer(void **state)
{
	struct bl_labels a = {0}, b = {0}, copy;

	bl_labels_set(&a, "k8s", "app", "shop");
	bl_labels_set(&a, "k8s", "tier", "1");
	bl_labels_set(&b, "k8s", "tier", "1");
	assert_false(bl_labels_equal(&a, &b));
	bl_labels_set(&b, "k8s", "app", "shop");
	assert_true(bl_labels_equal(&a, &b));
	assert_ptr_equal(a.items[0], b.items[0]);
	bl_labels_copy(&a, &copy);
	bl_labels_clear(&a);
	bl_labels_clear(&b);
	has_text(&copy, "k8s:app=shop,k8s:tier=1");
	bl_labels_clear(&copy);
}

static void test_members_of_a_json_object(void **state)
{
	static const char text[] = "{\"team\": \"a\", \"number\": 5, \"x/y\": \"\"}";
	bl_auto_json struct cJSON *json = NULL;
	struct bl_labels labels = {0};

	assert_int_equal(bl_json_parse(text, strlen(text), &json, NULL), 0);
	bl_labels_set_all(&labels, "k8s", BL_LABEL_NAMESPACE_LABELS, json);
	has_text(&labels, "k8s:io.cilium.k8s.namespace.labels.team=a,"
			  "k8s:io.cilium.k8s.namespace.labels.x/y");
	bl_labels_clear(&labels);
}

/* Facts 3.1: what Cilium's default filter keeps and drops. */
static void test_default_filter(void **state)
{
	static const char *const keys[] = {
		"annotation.x",
		"app",
		"app.kubernetes.io/name",
		"apps.kubernetes.io/pod-index",
		"batch.kubernetes.io/controller-uid",
		"batch.kubernetes.io/job-completion-index",
		"controller-revision-hash",
		"controller-uid",
		"etcd_node",
		"failure-domain.beta.kubernetes.io/zone",
		"io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name",
		"io.cilium.k8s.policy.cluster",
		"io.cilium.k8s.policy.serviceaccount",
		"io.kubernetes.container",
		"io.kubernetes.pod.namespace",
		"k8s.io/x",
		"kubernetes.io/hostname",
		"kubevirt.io/nodeName",
		"my.kubernetes.io/x",
		"pod-template-generation",
		"pod-template-hash",
		"statefulset.kubernetes.io/pod-name",
		"topology.kubernetes.io/zone",
		"vm.kubevirt.io/name",
	};
	struct bl_labels labels = {0};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		bl_labels_set(&labels, "k8s", keys[i], "");
	bl_labels_set(&labels, "reserved", "kubernetes.io", "");
	bl_labels_filter(&labels);
	has_text(&labels,
		 "k8s:app,k8s:app.kubernetes.io/name,"
		 "k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name,"
		 "k8s:io.cilium.k8s.policy.cluster,"
		 "k8s:io.cilium.k8s.policy.serviceaccount,"
		 "k8s:io.kubernetes.pod.namespace,reserved:kubernetes.io,"
		 "k8s:kubevirt.io/nodeName,k8s:my.kubernetes.io/x,k8s:vm.kubevirt.io/name");
	bl_labels_clear(&labels);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_key_stands_once_per_source),
		cmocka_unit_test(test_equal_labels_are_the_same_pointer),
		cmocka_unit_test(test_members_of_a_json_object),
		cmocka_unit_test(test_default_filter),
	};

	return cmocka_run_group_tests(tests, NULL, nothing_is_held);
}
