// SPDX-License-Identifier: Apache-2.0
/* Selectors from JSON, and whom they match. */
#include "unit.h"
#include "unit_held.h"

#include <errno.h>

#include <beeline/labels.h>

static struct bl_err err;

static int decode(const char *text, const char *source, const char *prefix,
		  struct bl_selector *selector)
{
	bl_auto_json struct cJSON *json = NULL;

	assert_int_equal(bl_json_parse(text, strlen(text), &json, NULL), 0);
	return bl_selector_decode(json, source, prefix, "spec.x", selector, &err);
}

static bool matches(const char *text, const struct bl_labels *labels)
{
	struct bl_selector selector = {0};
	bool matched;

	assert_int_equal(decode(text, NULL, NULL, &selector), 0);
	matched = bl_selector_matches(&selector, labels);
	bl_selector_clear(&selector);
	return matched;
}

static void test_operators(void **state)
{
	struct bl_labels labels = {0};

	bl_labels_set(&labels, "k8s", "app", "web");
	bl_labels_set(&labels, "k8s", "empty", "");
#define ONE(key, op, values) \
	"{\"matchExpressions\":[{\"key\":\"" key "\",\"operator\":\"" op "\"" values "}]}"
	assert_true(matches("{}", &labels));
	assert_true(matches("{\"matchLabels\":{\"app\":\"web\"}}", &labels));
	assert_true(matches("{\"matchLabels\":{\"empty\":\"\"}}", &labels));
	assert_false(matches("{\"matchLabels\":{\"none\":\"\"}}", &labels));
	assert_false(matches("{\"matchLabels\":{\"app\":\"web\",\"empty\":\"x\"}}", &labels));
	assert_true(matches(ONE("app", "In", ",\"values\":[\"db\",\"web\"]"), &labels));
	assert_false(matches(ONE("app", "In", ",\"values\":[\"db\"]"), &labels));
	assert_false(matches(ONE("app", "NotIn", ",\"values\":[\"db\",\"web\"]"), &labels));
	assert_true(matches(ONE("none", "NotIn", ",\"values\":[\"db\"]"), &labels));
	assert_true(matches(ONE("empty", "Exists", ""), &labels));
	assert_false(matches(ONE("none", "Exists", ",\"values\":[]"), &labels));
	assert_true(matches(ONE("none", "DoesNotExist", ",\"values\":null"), &labels));
	assert_false(matches(ONE("empty", "DoesNotExist", ""), &labels));
	bl_labels_clear(&labels);
}

static void test_sources_of_keys(void **state)
{
	struct bl_labels labels = {0};

	bl_labels_set(&labels, "k8s", "app", "web");
	bl_labels_set(&labels, "reserved", "host", "");
	assert_true(matches("{\"matchLabels\":{\"k8s:app\":\"web\"}}", &labels));
	assert_true(matches("{\"matchLabels\":{\"any:app\":\"web\"}}", &labels));
	assert_false(matches("{\"matchLabels\":{\"node:app\":\"web\"}}", &labels));
	assert_true(matches("{\"matchLabels\":{\"reserved:host\":\"\"}}", &labels));
	assert_false(matches("{\"matchLabels\":{\"k8s:host\":\"\"}}", &labels));
	bl_labels_clear(&labels);
}

static void test_source_and_prefix_are_gained(void **state)
{
	struct bl_selector selector = {0}, copy = {0};
	bl_autofree char *text = NULL;
	bl_autofree char *copied = NULL;

	assert_int_equal(decode("{\"matchLabels\":{\"team\":\"a\"},\"matchExpressions\":[{\"key\":"
				"\"kubernetes.io/metadata.name\",\"operator\":\"NotIn\","
				"\"values\":[\"y\",\"x\"]}]}",
				"k8s", BL_LABEL_NAMESPACE_LABELS, &selector),
			 0);
	bl_selector_require(&selector, "k8s", BL_LABEL_NAMESPACE, NULL);
	bl_selector_require(&selector, NULL, "app", "web");
	bl_selector_copy(&selector, &copy);
	bl_selector_clear(&selector);
	text = bl_selector_format(&copy);
	assert_string_equal(text, "any:app in (web), "
				  "k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name "
				  "notin (x,y), "
				  "k8s:io.cilium.k8s.namespace.labels.team in (a), "
				  "k8s:io.kubernetes.pod.namespace");
	bl_selector_clear(&copy);
	copied = bl_selector_format(&copy);
	assert_string_equal(copied, "");
}

static void test_what_a_selector_mentions(void **state)
{
	struct bl_selector selector = {0};

	bl_selector_require(&selector, "k8s", BL_LABEL_NAMESPACE_LABELS "team", "a");
	bl_selector_require(&selector, NULL, "app", NULL);
	assert_true(bl_selector_mentions(&selector, "k8s", BL_LABEL_NAMESPACE_LABELS));
	assert_false(bl_selector_mentions(&selector, "node", BL_LABEL_NAMESPACE_LABELS));
	assert_false(bl_selector_mentions(&selector, "k8s", BL_LABEL_NAMESPACE));
	assert_true(bl_selector_mentions(&selector, "k8s", "app"));
	assert_true(bl_selector_mentions(&selector, NULL, "app"));
	assert_false(bl_selector_mentions(&selector, "k8s", "ap"));
	assert_true(bl_selector_mentions(&selector, "k8s", ""));
	assert_false(bl_selector_mentions(&selector, "reserved", ""));
	bl_selector_clear(&selector);
}

static void test_long_keys_of_namespaces(void **state)
{
	struct bl_selector selector = {0};

	assert_int_equal(decode("{\"matchLabels\":{\"k8s:io.cilium.k8s.namespace.labels."
				"a-name-that-is-quite-long-but-not-too-long-for-a-label\":\"x\"}}",
				NULL, NULL, &selector),
			 0);
	bl_selector_clear(&selector);
}

static void test_refused(void **state)
{
	static const char *const cases[][2] = {
		{"[]", "spec.x: expected object, found array"},
		{"{\"matchLabel\":{}}", "spec.x.matchLabel: unknown field"},
		{"{\"matchLabels\":[]}", "spec.x.matchLabels: expected object, found array"},
		{"{\"matchLabels\":{\"a\":1}}", "spec.x.matchLabels.a: expected string"},
		{"{\"matchLabels\":{\"a\":\"b c\"}}", "spec.x.matchLabels.a: 'b c' is not the"},
		{"{\"matchLabels\":{\"-a\":\"b\"}}", "spec.x.matchLabels.-a: '-a' is not the key"},
		{"{\"matchLabels\":{\":a\":\"b\"}}", "':a' is not the key of a label"},
		{"{\"matchLabels\":{\"x..y/a\":\"b\"}}", "'x..y/a' is not the key of a label"},
		{"{\"matchLabels\":{\"X/a\":\"b\"}}", "'X/a' is not the key of a label"},
		{"{\"matchLabels\":{\"x/\":\"b\"}}", "'x/' is not the key of a label"},
		{"{\"matchExpressions\":{}}", "spec.x.matchExpressions: expected array"},
		{"{\"matchExpressions\":[1]}", "spec.x.matchExpressions[0]: expected object"},
		{"{\"matchExpressions\":[{\"key\":false,\"operator\":\"Exists\"}]}",
		 "spec.x.matchExpressions[0].key: expected string, found boolean"},
		{"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":true}]}",
		 "spec.x.matchExpressions[0].operator: expected string, found boolean"},
		{"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"in\"}]}",
		 "spec.x.matchExpressions[0].operator: expected In, NotIn, Exists or "
		 "DoesNotExist, found 'in'"},
		{"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\"}]}",
		 "spec.x.matchExpressions[0].values: must not be empty"},
		{"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Exists\",\"values\":[\"x\"]"
		 "}]}",
		 "spec.x.matchExpressions[0].values: must be empty"},
		{"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\",\"values\":[\"x\",{}]}"
		 "]}",
		 "spec.x.matchExpressions[0].values[1]: expected string, found object"},
		{"{\"matchExpressions\":[{\"operator\":\"Exists\"}]}",
		 "spec.x.matchExpressions[0].key: '' is not the key of a label"},
		{"{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"Exists\",\"x\":1}]}",
		 "spec.x.matchExpressions[0].x: unknown field"},
	};
	struct bl_selector selector = {0};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_fails(decode(cases[i][0], NULL, NULL, &selector), -EINVAL, cases[i][1]);
	assert_fails(decode("{\"matchLabels\":{\"k8s:a\":\"b\"}}", "k8s", NULL, &selector), -EINVAL,
		     "'k8s:a' is not the key of a label");
}

/* Each says something else than the others. */
static void test_equal_requirements_are_the_same(void **state)
{
	static const char *const texts[][2] = {
		{ONE("a", "In", ",\"values\":[\"x\",\"y\"]"),
		 ONE("a", "In", ",\"values\":[\"y\",\"x\"]")},
		{ONE("a", "In", ",\"values\":[\"x\"]"), "{\"matchLabels\":{\"a\":\"x\"}}"},
		{ONE("a", "NotIn", ",\"values\":[\"x\"]"),
		 ONE("any:a", "NotIn", ",\"values\":[\"x\"]")},
		{ONE("a", "Exists", ""), ONE("a", "Exists", ",\"values\":[]")},
		{ONE("a", "DoesNotExist", ""), ONE("a", "DoesNotExist", "")},
		{ONE("k8s:a", "Exists", ""), ONE("k8s:a", "Exists", "")},
		{ONE("b", "Exists", ""), ONE("b", "Exists", "")},
	};
	enum { N = sizeof(texts) / sizeof(texts[0]) };
	struct bl_selector selectors[N][2] = {0};

	for (size_t i = 0; i < N; i++) {
		for (size_t k = 0; k < 2; k++)
			assert_int_equal(decode(texts[i][k], NULL, NULL, &selectors[i][k]), 0);
		assert_ptr_equal(selectors[i][0].items[0], selectors[i][1].items[0]);
		for (size_t k = 0; k < i; k++)
			assert_ptr_not_equal(selectors[i][0].items[0], selectors[k][0].items[0]);
	}
	for (size_t i = 0; i < N; i++)
		for (size_t k = 0; k < 2; k++)
			bl_selector_clear(&selectors[i][k]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_operators),
		cmocka_unit_test(test_sources_of_keys),
		cmocka_unit_test(test_source_and_prefix_are_gained),
		cmocka_unit_test(test_what_a_selector_mentions),
		cmocka_unit_test(test_long_keys_of_namespaces),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_equal_requirements_are_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, nothing_is_held);
}
