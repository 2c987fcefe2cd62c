// SPDX-License-Identifier: Apache-2.0
/* The statements of Cilium's semantics about identities, selectors and rules (3.1 to 3.3). */
#include "unit_flow.h"
#include "unit_held.h"

/* ---- 3.1: what makes an identity -------------------------------------------------------------------- */

static void test_3_1_filtered_labels_select_nobody(void **state)
{
	check_flows(CCNP("x", "endpointSelector: {matchLabels: {pod-template-hash: x}}, "
			      "ingress: [{}]"),
		    FLOWS("a/web < a/db tcp/1 unenforced"));
}

static void test_3_1_service_account_and_cluster_are_labels(void **state)
{
	check_flows(CCNP("x", "endpointSelector: {matchLabels: "
			      "{io.cilium.k8s.policy.serviceaccount: robot}}, ingress: "
			      "[{fromEndpoints: [{matchLabels: {io.cilium.k8s.policy.cluster: "
			      "default, app: db}}]}]"),
		    FLOWS("a/web < a/db tcp/1 allowed", "a/web < b/vm tcp/1 denied",
			  "b/web < a/db tcp/1 unenforced"));
}

static void test_3_1_a_pod_cannot_claim_what_the_cluster_gives(void **state)
{
	check_flows("---\nkind: Pod\nmetadata: {namespace: b, name: liar, labels: {app: web, "
		    "io.kubernetes.pod.namespace: a, io.cilium.k8s.policy.serviceaccount: robot, "
		    "io.cilium.k8s.namespace.labels.team: red, "
		    "io.cilium.k8s.namespace.labels.vip: 'yes'}}\nstatus: {podIP: 10.0.1.66}\n" CNP(
			    "x", "ingress: [{fromEndpoints: [{}]}, {fromEndpoints: [{matchLabels: "
				 "{io.cilium.k8s.policy.serviceaccount: robot, "
				 "'k8s:io.kubernetes.pod.namespace': b}}]}, {fromEndpoints: "
				 "[{matchLabels: {'k8s:io.cilium.k8s.namespace.labels.vip': "
				 "'yes'}}]}]"),
		    FLOWS("a/web < b/liar tcp/1 denied", "a/web < 10.0.1.66 tcp/1 denied",
			  "a/web < a/db tcp/1 allowed"));
}

static void test_3_1_a_finished_pod_is_nobody(void **state)
{
	check_flows(CNP("x", "ingress: [{fromCIDR: [10.0.0.99/32]}]"),
		    FLOWS("a/web < 10.0.0.99 tcp/1 allowed"));
}

/* ---- 3.2: selectors and namespaces ---------------------------------------------------------------- */

static void test_3_2_a_namespaced_policy_selects_its_namespace_alone(void **state)
{
	check_flows(CNP("x", "ingress: [{fromEndpoints: [{}]}]"),
		    FLOWS("a/web < a/db tcp/1 allowed", "a/web < b/web tcp/1 denied",
			  "b/web < a/db tcp/1 unenforced", "a/db < b/web tcp/1 unenforced",
			  "a/web < 8.8.8.8 tcp/1 denied"));
}

static void test_3_2_peers_of_another_namespace_are_named(void **state)
{
	check_flows(CNP("x", "ingress: [{fromEndpoints: [{matchLabels: "
			     "{k8s:io.kubernetes.pod.namespace: b, app: web}}, {matchLabels: "
			     "{k8s:io.cilium.k8s.namespace.labels.team: blue, app: vm}}]}]"),
		    FLOWS("a/web < b/web tcp/1 allowed", "a/web < b/vm tcp/1 allowed",
			  "a/web < a/db tcp/1 denied", "a/web < 10.0.1.7 tcp/1 allowed",
			  "a/web < 10.9.9.9 tcp/1 denied"));
}

static void test_3_2_a_clusterwide_empty_selector_is_any_pod(void **state)
{
	check_flows(CCNP("x", "endpointSelector: {matchLabels: {app: web}}, "
			      "ingress: [{fromEndpoints: [{}]}]"),
		    FLOWS("a/web < b/vm tcp/1 allowed", "b/web < a/db tcp/1 allowed",
			  "a/web < 8.8.8.8 tcp/1 denied", "a/web < 192.168.0.12 tcp/1 denied",
			  "a/db < 8.8.8.8 tcp/1 unenforced"));
}

static void test_3_2_reserved_selectors_are_left_alone(void **state)
{
	check_flows(CNP("x", "ingress: [{fromEndpoints: [{matchLabels: "
			     "{'reserved:remote-node': ''}}]}]"),
		    FLOWS("a/web < 192.168.0.12 tcp/1 allowed", "a/web < a/db tcp/1 denied"));
}

static void test_3_2_expressions(void **state)
{
	check_flows(CNP("x", "ingress: [{fromEndpoints: [{matchExpressions: [{key: app, operator: "
			     "NotIn, values: [db]}, {key: 'k8s:io.kubernetes.pod.namespace', "
			     "operator: Exists}]}]}]"),
		    FLOWS("a/web < a/db tcp/1 denied", "a/web < b/web tcp/1 allowed",
			  "a/web < b/vm tcp/1 allowed"));
}

/* ---- 3.3: rules ------------------------------------------------------------------------------------- */

static void test_3_3_peers_and_ports_of_an_entry_must_both_match(void **state)
{
	check_flows(CNP("x", "ingress: [{fromEndpoints: [{matchLabels: {app: db}}], toPorts: "
			     "[{ports: [{port: '80', protocol: TCP}]}]}, {toPorts: [{ports: "
			     "[{port: '53', protocol: UDP}]}]}]"),
		    FLOWS("a/web < a/db tcp/80 allowed", "a/web < a/db tcp/81 denied",
			  "a/web < b/web tcp/80 denied", "a/web < b/web udp/53 allowed",
			  "a/web < 8.8.8.8 udp/53 allowed", "a/web < a/db udp/80 denied"));
}

static void test_3_3_empty_is_not_missing(void **state)
{
	check_flows(CNP("x", "ingress: [{fromEndpoints: [], toPorts: [{ports: [{port: '80'}]}]}], "
			     "egress: [{toPorts: [{ports: [{port: '80'}]}]}]"),
		    FLOWS("a/web < a/db tcp/80 denied", "a/web > 8.8.8.8 tcp/80 allowed",
			  "a/web > 8.8.8.8 tcp/81 denied"));
}

static void test_3_3_an_empty_entry_selects_nobody_and_denies_by_default(void **state)
{
	check_flows(CNP("x", "ingress: [{}]"),
		    FLOWS("a/web < a/db tcp/1 denied", "a/web > a/db tcp/1 unenforced"));
	check_flows(CNP("x", "egress: [{toPorts: []}]"),
		    FLOWS("a/web > a/db tcp/1 denied", "a/web < a/db tcp/1 unenforced"));
	check_flows(CNP("x", "ingressDeny: [{}]") CNP("z", "ingress: [{fromEntities: [all]}]"),
		    FLOWS("a/web < a/db tcp/1 allowed"));
}

static void test_3_3_an_empty_section_is_absent(void **state)
{
	check_flows(CNP("x", "ingress: [], egress: [{toEntities: [host]}]"),
		    FLOWS("a/web < a/db tcp/1 unenforced", "a/web > a/db tcp/1 denied"));
}

static void test_3_3_deny_over_allow(void **state)
{
	check_flows(CNP("x", "ingress: [{fromEndpoints: [{}]}], ingressDeny: [{fromEndpoints: "
			     "[{matchLabels: {app: db}}], toPorts: [{ports: [{port: '80', endPort: "
			     "90, protocol: TCP}]}]}]"),
		    FLOWS("a/web < a/db tcp/79 allowed", "a/web < a/db tcp/80 denied",
			  "a/web < a/db tcp/85 denied", "a/web < a/db tcp/90 denied",
			  "a/web < a/db tcp/91 allowed", "a/web < a/db udp/85 allowed"));
	check_flows(CNP("x", "ingress: [{fromEndpoints: [{matchLabels: {app: db}}], toPorts: "
			     "[{ports: [{port: '80', protocol: TCP}]}]}], ingressDeny: "
			     "[{fromEntities: [all]}]"),
		    FLOWS("a/web < a/db tcp/80 denied", "a/web < 192.168.0.10 tcp/80 denied"));
}

static void test_3_3_a_missing_protocol_is_tcp_udp_and_sctp(void **state)
{
	check_flows(CNP("x", "ingress: [{toPorts: [{ports: [{port: '80'}]}]}]"),
		    FLOWS("a/web < a/db tcp/80 allowed", "a/web < a/db udp/80 allowed",
			  "a/web < a/db sctp/80 allowed", "a/web < a/db icmp/8 denied",
			  "a/web < a/db gre/0 denied"));
}

static void test_3_3_port_zero_is_any_port(void **state)
{
	check_flows(CNP("x", "ingress: [{toPorts: [{ports: [{port: '0', protocol: UDP}]}]}]"),
		    FLOWS("a/web < a/db udp/0 allowed", "a/web < a/db udp/65535 allowed",
			  "a/web < a/db tcp/80 denied"));
}

static void test_3_3_without_layer_4_every_protocol(void **state)
{
	check_flows(CNP("x", "ingress: [{fromEndpoints: [{}]}]"),
		    FLOWS("a/web < a/db icmp/8 allowed", "a/web < a/db gre/0 allowed",
			  "a/web < a/db tcp/7 allowed"));
}

static void test_3_3_icmp_by_type_and_family(void **state)
{
	check_flows(CNP("x", "ingress: [{icmps: [{fields: [{type: 8, family: IPv4}, {type: "
			     "EchoRequest, family: IPv6}]}]}]"),
		    FLOWS("a/web < a/db icmp/8 allowed", "a/web < a/db icmp/0 denied",
			  "a/web < fd00::7 icmpv6/128 allowed", "a/web < a/db icmpv6/8 denied",
			  "a/web < a/db tcp/8 denied"));
}

static void test_3_3_icmp_type_zero_is_one_type(void **state)
{
	check_flows(CNP("x", "ingress: [{icmps: [{fields: [{type: 0, family: IPv4}]}]}]"),
		    FLOWS("a/web < a/db icmp/0 allowed", "a/web < a/db icmp/8 denied"));
}

static void test_3_3_a_named_port_of_ingress_is_the_endpoints_own(void **state)
{
	check_flows(CCNP("x", "endpointSelector: {matchLabels: {app: web}}, ingress: [{toPorts: "
			      "[{ports: [{port: http, protocol: TCP}]}]}]"),
		    FLOWS("a/web < a/db tcp/80 allowed", "a/web < a/db tcp/8080 denied",
			  "b/web < a/db tcp/8080 allowed", "b/web < a/db tcp/80 denied",
			  "a/web < a/db udp/80 denied"));
}

static void test_3_3_a_named_port_of_egress_is_one_number_for_all(void **state)
{
	check_flows(CNP("x", "egress: [{toPorts: [{ports: [{port: sql, protocol: TCP}, {port: ssh, "
			     "protocol: TCP}]}]}]"),
		    FLOWS("a/web > a/db tcp/5432 allowed", "a/web > 8.8.8.8 tcp/5432 allowed",
			  "a/web > b/vm tcp/22 allowed", "a/web > a/db udp/5432 denied",
			  "a/web > a/db tcp/80 denied"));
}

static void test_3_3_a_named_port_with_two_numbers_is_dropped(void **state)
{
	check_flows(CNP("x", "egress: [{toPorts: [{ports: [{port: http, protocol: TCP}]}]}]"),
		    FLOWS("a/web > b/web tcp/80 denied", "a/web > b/web tcp/8080 denied"));
}

static void test_3_3_end_port_beside_a_name_is_ignored(void **state)
{
	check_flows(CNP("x", "ingress: [{toPorts: [{ports: [{port: http, endPort: 90, protocol: "
			     "TCP}]}]}]"),
		    FLOWS("a/web < a/db tcp/80 allowed", "a/web < a/db tcp/85 denied"));
}

#define SERVICES                                                                                 \
	"---\nkind: Service\nmetadata: {namespace: b, name: shop, labels: {kind: in}}\nspec: {"  \
	"selector: {app: web}}\n---\nkind: Service\nmetadata: {namespace: b, name: far, "        \
	"labels: {kind: out}}\nspec: {}\n---\nkind: EndpointSlice\nmetadata: {namespace: b, "    \
	"name: far-x, labels: {kubernetes.io/service-name: far}}\naddressType: IPv4\nendpoints:" \
	" [{addresses: [8.8.8.8, 10.0.0.2]}, {addresses: [8.8.4.4], conditions: {ready: "        \
	"false}}]\n"

static void test_3_3_services_with_a_selector_are_their_pods(void **state)
{
	check_flows(SERVICES CNP("x", "egress: [{toServices: [{k8sService: {serviceName: shop, "
				      "namespace: b}}]}]"),
		    FLOWS("a/web > b/web tcp/1 allowed", "a/web > a/web tcp/1 denied",
			  "a/web > b/vm tcp/1 denied", "a/web > 8.8.8.8 tcp/1 denied"));
}

static void test_3_3_services_without_one_are_the_addresses_of_their_slices(void **state)
{
	check_flows(SERVICES CNP("x", "egress: [{toServices: [{k8sServiceSelector: {selector: "
				      "{matchLabels: {kind: out}}}}]}]"),
		    FLOWS("a/web > 8.8.8.8 tcp/1 allowed", "a/web > 8.8.4.4 tcp/1 denied",
			  "a/web > a/db tcp/1 denied", "a/web > b/web tcp/1 denied"));
}

static void test_3_3_a_service_that_is_not_there_opens_no_port(void **state)
{
	check_flows(SERVICES CNP("x", "egress: [{toServices: [{k8sService: {serviceName: none, "
				      "namespace: b}}], toPorts: [{ports: [{port: '80'}]}]}]"),
		    FLOWS("a/web > b/web tcp/80 denied", "a/web > 8.8.8.8 tcp/80 denied"));
}

static void test_3_3_what_cannot_be_enforced_allows_nothing(void **state)
{
	check_flows(CNP("x", "ingress: [{toPorts: [{ports: [{port: '80', protocol: TCP}], rules: "
			     "{http: [{method: GET}]}}]}], egress: [{toFQDNs: [{matchName: "
			     "example.org}]}]"),
		    FLOWS("a/web < a/db tcp/80 denied", "a/web > 8.8.8.8 tcp/80 denied"));
}

static void test_3_3_nodes_by_label(void **state)
{
	check_flows(CNP("x", "ingress: [{fromNodes: [{matchLabels: {rack: r1}}]}]"),
		    FLOWS("a/web < 192.168.0.12 tcp/1 allowed",
			  "a/web < 192.168.0.11 tcp/1 allowed",
			  "a/web < 192.168.0.10 tcp/1 allowed", "a/web < a/db tcp/1 denied"));
	check_flows(
		CNP("x", "egress: [{toNodes: [{matchLabels: {rack: r0}}]}]"),
		FLOWS("a/web > 192.168.0.12 tcp/1 denied", "a/web > 192.168.0.10 tcp/1 denied"));
}

static void test_3_3_specs(void **state)
{
	check_flows("---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: "
		    "{namespace: a, name: x}\nspecs: [{endpointSelector: {matchLabels: {app: web}},"
		    " ingress: [{fromEntities: [host]}]}, {endpointSelector: {matchLabels: {app: "
		    "db}}, ingress: [{fromEndpoints: [{matchLabels: {app: web}}]}]}]\n",
		    FLOWS("a/db < a/web tcp/1 allowed", "a/web < a/db tcp/1 denied",
			  "a/db < b/vm tcp/1 denied"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(3_1_filtered_labels_select_nobody),
		UNIT_TEST(3_1_service_account_and_cluster_are_labels),
		UNIT_TEST(3_1_a_pod_cannot_claim_what_the_cluster_gives),
		UNIT_TEST(3_1_a_finished_pod_is_nobody),
		UNIT_TEST(3_2_a_namespaced_policy_selects_its_namespace_alone),
		UNIT_TEST(3_2_peers_of_another_namespace_are_named),
		UNIT_TEST(3_2_a_clusterwide_empty_selector_is_any_pod),
		UNIT_TEST(3_2_reserved_selectors_are_left_alone),
		UNIT_TEST(3_2_expressions),
		UNIT_TEST(3_3_peers_and_ports_of_an_entry_must_both_match),
		UNIT_TEST(3_3_empty_is_not_missing),
		UNIT_TEST(3_3_an_empty_entry_selects_nobody_and_denies_by_default),
		UNIT_TEST(3_3_an_empty_section_is_absent),
		UNIT_TEST(3_3_deny_over_allow),
		UNIT_TEST(3_3_a_missing_protocol_is_tcp_udp_and_sctp),
		UNIT_TEST(3_3_port_zero_is_any_port),
		UNIT_TEST(3_3_without_layer_4_every_protocol),
		UNIT_TEST(3_3_icmp_by_type_and_family),
		UNIT_TEST(3_3_icmp_type_zero_is_one_type),
		UNIT_TEST(3_3_a_named_port_of_ingress_is_the_endpoints_own),
		UNIT_TEST(3_3_a_named_port_of_egress_is_one_number_for_all),
		UNIT_TEST(3_3_a_named_port_with_two_numbers_is_dropped),
		UNIT_TEST(3_3_end_port_beside_a_name_is_ignored),
		UNIT_TEST(3_3_services_with_a_selector_are_their_pods),
		UNIT_TEST(3_3_services_without_one_are_the_addresses_of_their_slices),
		UNIT_TEST(3_3_a_service_that_is_not_there_opens_no_port),
		UNIT_TEST(3_3_what_cannot_be_enforced_allows_nothing),
		UNIT_TEST(3_3_nodes_by_label),
		UNIT_TEST(3_3_specs),
	};

	return cmocka_run_group_tests(tests, NULL, nothing_is_held);
}
