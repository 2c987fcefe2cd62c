// SPDX-License-Identifier: Apache-2.0
/* Who an address is: numbers, labels, and that both stay and go as they should. */
#include "unit_engine.h"
#include "unit_held.h"

#include <errno.h>

static void test_everybody_is_somebody(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();

	put(engine, UNIT_NODE("n0", "r0", "192.168.0.10") UNIT_NODE("n1", "r1", "192.168.0.11"));
	update(engine, "");
	assert_int_equal(identity_of(engine, "8.8.8.8"), BL_IDENTITY_WORLD_IPV4);
	assert_int_equal(identity_of(engine, "2600::1"), BL_IDENTITY_WORLD_IPV6);
	assert_int_equal(identity_of(engine, "192.168.0.10"), BL_IDENTITY_HOST);
	assert_int_equal(identity_of(engine, "192.168.0.11"), BL_IDENTITY_REMOTE_NODE);
	has_labels(engine, "192.168.0.11", "reserved:remote-node");
}

static void test_equal_labels_are_one_identity(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();
	uint32_t number;

	put(engine, UNIT_POD("a", "p", "web", "10.0.0.1") UNIT_POD("a", "q", "web", "10.0.0.2")
			    UNIT_POD("b", "p", "web", "10.0.0.3"));
	put_endpoint(engine, "vm", "web", "10.0.0.4", 0);
	update(engine, "vm");
	number = identity_of(engine, "10.0.0.1");
	assert_in_range(number, BL_IDENTITY_CLUSTER_FIRST, BL_IDENTITY_CLUSTER_LAST);
	assert_int_equal(identity_of(engine, "10.0.0.2"), number);
	assert_int_equal(identity_of(engine, "10.0.0.4"), number);
	assert_int_not_equal(identity_of(engine, "10.0.0.3"), number);
	has_labels(engine, "10.0.0.1",
		   "k8s:app=web,k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=a,"
		   "k8s:io.cilium.k8s.policy.cluster=default,"
		   "k8s:io.cilium.k8s.policy.serviceaccount=default,k8s:io.kubernetes.pod."
		   "namespace=a");
}

static void test_a_number_stays_in_use_and_rests_after(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();
	uint32_t web, db;

	put(engine, UNIT_POD("a", "p", "web", "10.0.0.1"));
	update(engine, "");
	web = identity_of(engine, "10.0.0.1");
	put(engine, UNIT_POD("a", "q", "web", "10.0.0.2"));
	bl_engine_remove(engine, "Pod", "a", "p");
	update(engine, "");
	assert_int_equal(identity_of(engine, "10.0.0.2"), web);
	assert_int_equal(identity_of(engine, "10.0.0.1"), BL_IDENTITY_WORLD_IPV4);
	bl_engine_remove(engine, "Pod", "a", "q");
	update(engine, "");
	assert_null(bl_engine_identity_labels(engine, web));
	put(engine, UNIT_POD("a", "p", "db", "10.0.0.1"));
	update(engine, "");
	db = identity_of(engine, "10.0.0.1");
	assert_int_not_equal(db, web);
	assert_in_range(db, BL_IDENTITY_CLUSTER_FIRST, BL_IDENTITY_CLUSTER_LAST);
}

#define POD_LABELS(app, team)                                                                  \
	"k8s:app=" app ",k8s:" BL_LABEL_NAMESPACE_LABELS "kubernetes.io/"                      \
	"metadata.name=a,k8s:" BL_LABEL_NAMESPACE_LABELS "team=" team ",k8s:" BL_LABEL_CLUSTER \
	"=default,k8s:" BL_LABEL_SERVICE_ACCOUNT "=default,k8s:" BL_LABEL_NAMESPACE "=a"

static void test_the_labels_of_a_namespace_are_its_pods(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();
	uint32_t before, other;

	put(engine, UNIT_POD("a", "p", "web", "10.0.0.1") UNIT_POD("b", "p", "web", "10.0.0.2"));
	update(engine, "");
	before = identity_of(engine, "10.0.0.1");
	other = identity_of(engine, "10.0.0.2");
	put(engine, "{kind: Namespace, metadata: {name: a, labels: {team: red}}}");
	update(engine, "");
	assert_int_not_equal(identity_of(engine, "10.0.0.1"), before);
	assert_int_equal(identity_of(engine, "10.0.0.2"), other);
	before = identity_of(engine, "10.0.0.1");
	assert_string_equal(bl_labels_value(bl_engine_identity_labels(engine, before), "k8s",
					    BL_LABEL_NAMESPACE_LABELS "team"),
			    "red");
	put(engine, "{kind: Namespace, metadata: {name: a, labels: {team: blue}}}");
	update(engine, "");
	before = identity_of(engine, "10.0.0.1");
	assert_string_equal(bl_labels_value(bl_engine_identity_labels(engine, before), "k8s",
					    BL_LABEL_NAMESPACE_LABELS "team"),
			    "blue");
	/* its own labels stay through all that, also when both change at once */
	has_labels(engine, "10.0.0.1", POD_LABELS("web", "blue"));
	put(engine, "{kind: Namespace, metadata: {name: a, labels: {team: red}}}");
	put(engine, UNIT_POD("a", "p", "db", "10.0.0.1"));
	update(engine, "");
	has_labels(engine, "10.0.0.1", POD_LABELS("db", "red"));
	bl_engine_remove(engine, "Namespace", NULL, "a");
	update(engine, "");
	assert_null(
		bl_labels_value(bl_engine_identity_labels(engine, identity_of(engine, "10.0.0.1")),
				"k8s", BL_LABEL_NAMESPACE_LABELS "team"));
}

/* An engine that goes on where another ended numbers as that did, whoever comes first. */
static void test_remembered_numbers(void **state)
{
	bl_auto_engine struct bl_engine *before = engine_new(), *after = engine_new();
	const char *const addrs[] = {"10.0.0.1", "10.0.0.2", "172.16.0.1"};
	const char *cidr = UNIT_CNP("x", "egress: [{toCIDR: [172.16.0.0/12]}]");

	put(before, cidr);
	put(before, UNIT_POD("a", "gone", "gone", "10.0.0.9"));
	put(before, UNIT_POD("a", "p", "web", "10.0.0.1") UNIT_POD("a", "q", "db", "10.0.0.2"));
	update(before, "");
	for (size_t i = 0; i < 3; i++) {
		uint32_t number = identity_of(before, addrs[i]);
		bl_autofree char *labels =
			bl_labels_format(bl_engine_identity_labels(before, number));

		bl_engine_remember(after, labels, number);
	}
	bl_engine_remember(after, "=256", 256);
	put(after, UNIT_POD("a", "new", "new", "10.0.0.3") UNIT_POD("a", "q", "db", "10.0.0.2"));
	update(after, "");
	put(after, UNIT_POD("a", "p", "web", "10.0.0.1"));
	put(after, cidr);
	update(after, "");
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(identity_of(after, addrs[i]), identity_of(before, addrs[i]));
	for (size_t i = 0; i < 2; i++)
		assert_int_not_equal(identity_of(after, "10.0.0.3"), identity_of(before, addrs[i]));
	assert_int_not_equal(identity_of(after, "10.0.0.3"), 256);
}

static void test_a_named_prefix_has_an_identity_while_it_is_named(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();
	struct bl_engine_changes changes;

	put(engine, UNIT_CNP("x", "egress: [{toCIDRSet: [{cidr: 10.0.0.0/8, except: "
				  "[10.1.0.0/16]}, {cidr: '2001:db8::/32'}]}]"));
	update(engine, "");
	has_labels(engine, "10.2.0.1", "cidr:10.0.0.0/8,reserved:world-ipv4");
	has_labels(engine, "10.1.0.1", "cidr:10.1.0.0/16,reserved:world-ipv4");
	has_labels(engine, "2001:db8::1", "cidr:2001-db8--0/32,reserved:world-ipv6");
	assert_in_range(identity_of(engine, "10.2.0.1"), BL_IDENTITY_LOCAL + 1,
			BL_IDENTITY_LOCAL + 0xffffff);
	bl_engine_remove(engine, "CiliumNetworkPolicy", "a", "x");
	/* first the rules go, then the prefixes that they named */
	assert_int_equal(bl_engine_update(engine, &changes, &err), 0);
	assert_int_equal(changes.n_prefixes, 0);
	assert_true(changes.again);
	assert_int_equal(bl_engine_update(engine, &changes, &err), 0);
	assert_int_equal(changes.n_prefixes, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(changes.prefixes[i].identity, 0);
	assert_true(changes.again);
	assert_int_equal(identity_of(engine, "10.2.0.1"), BL_IDENTITY_WORLD_IPV4);
}

static void test_who_is_known_best_has_the_address(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();
	uint32_t pod;

	put(engine, UNIT_CNP("x", "egress: [{toCIDR: [10.0.0.1/32]}]"));
	update(engine, "");
	assert_true(identity_of(engine, "10.0.0.1") > BL_IDENTITY_LOCAL);
	put(engine, UNIT_POD("a", "p", "db", "10.0.0.1"));
	update(engine, "");
	pod = identity_of(engine, "10.0.0.1");
	assert_in_range(pod, BL_IDENTITY_CLUSTER_FIRST, BL_IDENTITY_CLUSTER_LAST);
	put_endpoint(engine, "vm", "web", "10.0.0.1", 0);
	update(engine, "vm");
	assert_int_not_equal(identity_of(engine, "10.0.0.1"), pod);
	bl_engine_remove_endpoint(engine, "vm");
	update(engine, "");
	assert_int_equal(identity_of(engine, "10.0.0.1"), pod);
	assert_null(bl_engine_rows(engine, "vm"));
}

static void test_nodes_are_numbered_when_a_policy_tells_them_apart(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();

	put(engine, UNIT_NODE("n0", "r0", "192.168.0.10") UNIT_NODE("n1", "r1", "192.168.0.11")
			    UNIT_CNP("x", "egress: [{toNodes: [{}]}]"));
	update(engine, "");
	has_labels(engine, "192.168.0.11", "node:rack=r1,reserved:remote-node");
	assert_in_range(identity_of(engine, "192.168.0.11"), BL_IDENTITY_NODE + 1,
			BL_IDENTITY_NODE + 0xffffff);
	assert_int_equal(identity_of(engine, "192.168.0.10"), BL_IDENTITY_HOST);
	put_endpoint(engine, "vm", "web", "10.0.0.1", 0);
	update(engine, "vm");
	judges(engine, "vm", BL_EGRESS, "192.168.0.11", 80, "allowed");
	judges(engine, "vm", BL_EGRESS, "192.168.0.10", 80, "denied");
	bl_engine_remove(engine, "CiliumNetworkPolicy", "a", "x");
	update(engine, "vm");
	assert_int_equal(identity_of(engine, "192.168.0.11"), BL_IDENTITY_REMOTE_NODE);
}

static void test_an_api_server_on_a_node_and_outside(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();

	put(engine, UNIT_NODE("n0", "r0", "192.168.0.10") UNIT_NODE("n1", "r1", "192.168.0.11")
			    UNIT_APISERVER("192.168.0.11, 203.0.113.9"));
	update(engine, "");
	assert_int_equal(identity_of(engine, "192.168.0.11"), BL_IDENTITY_KUBE_APISERVER);
	has_labels(engine, "203.0.113.9",
		   "cidr:203.0.113.9/32,reserved:kube-apiserver,reserved:world-ipv4");
	put(engine, UNIT_APISERVER("192.168.0.10"));
	update(engine, "");
	assert_int_equal(identity_of(engine, "192.168.0.11"), BL_IDENTITY_REMOTE_NODE);
	assert_int_equal(identity_of(engine, "203.0.113.9"), BL_IDENTITY_WORLD_IPV4);
	has_labels(engine, "192.168.0.10", "reserved:host,reserved:kube-apiserver");
}

/* The own node becomes and ceases to be an API server: rules that name it follow. */
static void test_rules_follow_the_labels_of_the_host(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();

	put(engine, UNIT_NODE("n0", "r0", "192.168.0.10")
			    UNIT_CNP("x", "egress: [{toEntities: [kube-apiserver]}]"));
	put_endpoint(engine, "vm", "web", "10.0.0.1", 0);
	update(engine, "vm");
	judges(engine, "vm", BL_EGRESS, "192.168.0.10", 6443, "denied");
	put(engine, UNIT_APISERVER("192.168.0.10"));
	update(engine, "vm");
	judges(engine, "vm", BL_EGRESS, "192.168.0.10", 6443, "allowed");
	put(engine, UNIT_APISERVER("192.168.0.77"));
	update(engine, "vm");
	judges(engine, "vm", BL_EGRESS, "192.168.0.10", 6443, "denied");
}

static void test_the_host_has_addresses_of_its_own(void **state)
{
	const struct bl_engine_options options = {0};
	bl_auto_engine struct bl_engine *engine = bl_engine_new(&options);
	struct bl_addr bridges[] = {addr_of("10.22.0.1"), addr_of("fd62::1")};

	bl_engine_set_host(engine, bridges, 2);
	update(engine, "");
	assert_int_equal(identity_of(engine, "10.22.0.1"), BL_IDENTITY_HOST);
	assert_int_equal(identity_of(engine, "fd62::1"), BL_IDENTITY_HOST);
	bl_engine_set_host(engine, bridges, 1);
	update(engine, "");
	assert_int_equal(identity_of(engine, "fd62::1"), BL_IDENTITY_WORLD_IPV6);
}

/* When no number is left nothing changes, and what is freed serves the next try. */
static void test_the_space_of_identities_is_full(void **state)
{
	static const unsigned int n = BL_IDENTITY_CLUSTER_LAST - BL_IDENTITY_CLUSTER_FIRST + 1;
	bl_auto_engine struct bl_engine *engine = engine_new();
	struct bl_engine_changes changes;
	uint32_t *numbers;
	size_t n_numbers;

	for (unsigned int i = 0; i <= n; i++) {
		bl_autofree char *text =
			bl_format("{\"kind\":\"Pod\",\"metadata\":{\"namespace\":"
				  "\"a\",\"name\":\"p\",\"labels\":{\"n\":\"%u\"}}}",
				  i);
		bl_autofree char *name = bl_format("p%u", i);
		bl_auto_json struct cJSON *json = NULL;

		assert_int_equal(bl_json_parse(text, strlen(text), &json, NULL), 0);
		bl_json_set_string(bl_json_get(json, "metadata"), "name", name);
		assert_int_equal(bl_engine_put(engine, json, &err), 0);
	}
	assert_fails(bl_engine_update(engine, &changes, &err), -ENOSPC,
		     "65280 sets of labels are in use");
	bl_engine_remove(engine, "Pod", "a", "p7");
	update(engine, "");
	bl_engine_identities(engine, &numbers, &n_numbers);
	assert_int_equal(n_numbers, n + 10);
	assert_int_equal(numbers[0], BL_IDENTITY_HOST);
	assert_int_equal(numbers[n_numbers - 1], BL_IDENTITY_CLUSTER_LAST);
	free(numbers);
}

static void test_bad_objects(void **state)
{
	static const char *const cases[][2] = {
		{"{kind: Pod, metadata: {}}", "metadata.name: missing"},
		{"{kind: Pod, metadata: {name: a/b}}", "metadata.name: 'a/b' is not a name"},
		{"{kind: Pod, metadata: {namespace: /, name: p}}",
		 "metadata.namespace: '/' is not a name"},
		{"{kind: Secret, metadata: {name: x}}", "kind: policies know nothing of it"},
		{"{kind: Namespace, metadata: {name: x, labels: [a]}}",
		 "metadata.labels: expected object, got array"},
		{"{kind: Node, metadata: {name: x, labels: {a: 5}}}",
		 "metadata.labels['a']: expected string, got number"},
		{"{kind: Pod, metadata: {name: x}, status: {podIPs: [{ip: 10.0.0}]}}",
		 "status.podIPs[0].ip: '10.0.0' is not an IP address"},
		{"{kind: Pod, metadata: {name: x}, status: {podIPs: [{ip: 10.0.0.1}, {}]}}",
		 "status.podIPs[1].ip: missing"},
		{"{kind: Pod, metadata: {name: x}, status: {podIPs: 10.0.0.1}}",
		 "status.podIPs: expected array, got string"},
		{"{kind: Pod, metadata: {name: x}, status: {podIPs: [10.0.0.1]}}",
		 "status.podIPs[0]: expected object, got string"},
		{"{kind: Pod, metadata: {name: x}, status: [a]}",
		 "status: expected object, got array"},
		{"{kind: Pod, metadata: {name: x}, spec: 5}", "spec: expected object, got number"},
		{"{kind: Pod, metadata: {name: x}, spec: {hostNetwork: 'true'}}",
		 "spec.hostNetwork: expected boolean, got string"},
		{"{kind: Pod, metadata: {name: x}, spec: {nodeName: 5}}",
		 "spec.nodeName: expected string, got number"},
		{"{kind: Pod, metadata: {name: x}, spec: {containers: {}}}",
		 "spec.containers: expected array, got object"},
		{"{kind: Pod, metadata: {name: x}, spec: {containers: [{ports: [{containerPort: "
		 "1}, {name: a, containerPort: 70000}]}]}}",
		 "spec.containers[0].ports[1].containerPort: expected a number from 1 to 65535"},
		{"{kind: Pod, metadata: {name: x}, spec: {containers: [{ports: [{name: a, "
		 "containerPort: http}]}]}}",
		 "spec.containers[0].ports[0].containerPort: expected number, got string"},
		{"{kind: Pod, metadata: {name: x}, spec: {initContainers: [{restartPolicy: Always, "
		 "ports: [{name: a, containerPort: 7, protocol: tcp}]}]}}",
		 "spec.initContainers[0].ports[0].protocol: expected TCP, UDP or SCTP, got 'tcp'"},
		{"{kind: VirtualMachineInstance, metadata: {name: x}, status: {interfaces: [{name: "
		 "default, ipAddresses: [5]}]}}",
		 "status.interfaces[0].ipAddresses[0]: expected string, got number"},
		{"{kind: CiliumCIDRGroup, metadata: {name: x}, spec: {externalCIDRs: [10.0.0.0/8, "
		 "10.0.0.1/8]}}",
		 "spec.externalCIDRs[1]: '10.0.0.1/8' has bits set beyond its prefix length"},
		{"{kind: CiliumCIDRGroup, metadata: {name: x}}", "spec: missing"},
		{"{kind: CiliumCIDRGroup, metadata: {name: x}, spec: {externalCidrs: []}}",
		 "spec.externalCidrs: unknown field (did you mean externalCIDRs?)"},
		{"{kind: CiliumCIDRGroup, metadata: {name: x}, spec: {externalCIDRs: 10.0.0.0/8}}",
		 "spec.externalCIDRs: expected array of strings, got string"},
		{"{kind: Service, metadata: {name: x}, spec: {selector: {app: 5}}}",
		 "spec.selector['app']: expected string, got number"},
		{"{kind: EndpointSlice, metadata: {name: x}, endpoints: [{addresses: [5]}]}",
		 "endpoints[0].addresses[0]: expected string, got number"},
		{"{kind: EndpointSlice, metadata: {name: x}, addressType: IPv5}",
		 "addressType: expected IPv4, IPv6 or FQDN, got 'IPv5'"},
		{"{kind: EndpointSlice, metadata: {name: x}, addressType: IPv6, endpoints: "
		 "[{addresses: [10.0.0.1]}]}",
		 "endpoints[0].addresses[0]: '10.0.0.1' is not of addressType IPv6"},
		{"{kind: EndpointSlice, metadata: {name: x}, endpoints: [{conditions: {ready: "
		 "'yes'}}]}",
		 "endpoints[0].conditions.ready: expected boolean, got string"},
		{"{kind: Node, metadata: {name: x}, status: {addresses: [{type: InternalIP}]}}",
		 "status.addresses[0].address: missing"},
	};
	bl_auto_engine struct bl_engine *engine = engine_new();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bl_auto_json struct cJSON *list = parse_yaml(cases[i][0]);

		assert_fails(bl_engine_put(engine, bl_json_first(list), &err), -EINVAL,
			     cases[i][1]);
	}
	update(engine, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everybody_is_somebody),
		cmocka_unit_test(test_equal_labels_are_one_identity),
		cmocka_unit_test(test_a_number_stays_in_use_and_rests_after),
		cmocka_unit_test(test_the_labels_of_a_namespace_are_its_pods),
		cmocka_unit_test(test_remembered_numbers),
		cmocka_unit_test(test_a_named_prefix_has_an_identity_while_it_is_named),
		cmocka_unit_test(test_who_is_known_best_has_the_address),
		cmocka_unit_test(test_nodes_are_numbered_when_a_policy_tells_them_apart),
		cmocka_unit_test(test_an_api_server_on_a_node_and_outside),
		cmocka_unit_test(test_rules_follow_the_labels_of_the_host),
		cmocka_unit_test(test_the_host_has_addresses_of_its_own),
		cmocka_unit_test(test_the_space_of_identities_is_full),
		cmocka_unit_test(test_bad_objects),
	};

	return cmocka_run_group_tests(tests, NULL, nothing_is_held);
}
