// SPDX-License-Identifier: Apache-2.0
/* The statements of Cilium's semantics about tiers and NetworkPolicy (3.8, 3.10). */
#include "unit_flow.h"

/* ---- 3.8: tiers ------------------------------------------------------------------------------------- */

#define ALL "[{namespaces: {}}]"

static void test_3_8_admin_before_the_others(void **state)
{
	check_flows(TIER("x", "Admin", 10,
			 "ingress: [{name: one, action: Deny, from: " ALL
			 ", protocols: [{tcp: {destinationPort: {number: 80}}}]}]")
			    CNP("z", "ingress: [{fromEndpoints: [{}]}]"),
		    FLOWS("a/web < a/db tcp/80 denied", "a/web < a/db tcp/81 allowed",
			  "a/db < a/web tcp/80 denied", "a/db < a/web tcp/81 unenforced"));
}

static void test_3_8_an_allow_of_admin_overrules_a_deny_below(void **state)
{
	check_flows(TIER("x", "Admin", 10, "ingress: [{name: one, action: Accept, from: " ALL "}]")
			    CNP("z", "ingressDeny: [{fromEndpoints: [{}]}]"),
		    FLOWS("a/web < a/db tcp/80 allowed", "a/web < b/web tcp/80 allowed",
			  "a/web < 8.8.8.8 tcp/80 denied"));
}

static void test_3_8_the_lower_priority_is_asked_first(void **state)
{
	check_flows(TIER("x", "Admin", 20, "ingress: [{name: one, action: Deny, from: " ALL "}]")
			    TIER("z", "Admin", 10,
				 "ingress: [{name: one, action: Accept, from: " ALL
				 ", protocols: [{tcp: {destinationPort: {number: "
				 "80}}}]}]"),
		    FLOWS("a/web < a/db tcp/80 unenforced", "a/web < a/db tcp/81 denied"));
}

static void test_3_8_rules_of_a_policy_in_their_order(void **state)
{
	check_flows(
		TIER("x", "Admin", 10,
		     "ingress: [{name: one, action: Accept, from: " ALL
		     ", protocols: [{tcp: {destinationPort: {number: 80}}}]}, {name: two, action:"
		     " Deny, from: " ALL "}]"),
		FLOWS("a/web < a/db tcp/80 unenforced", "a/web < a/db tcp/81 denied"));
}

static void test_3_8_pass_leaves_the_tier(void **state)
{
	check_flows(
		TIER("x", "Admin", 10,
		     "ingress: [{name: one, action: Pass, from: [{pods: {namespaceSelector: {}, "
		     "podSelector: {matchLabels: {app: db}}}}]}, {name: two, action: Deny, "
		     "from: " ALL "}]")
			CNP("z", "ingress: [{fromEndpoints: [{}], toPorts: [{ports: [{port: "
				 "'80'}]}]}]"),
		FLOWS("a/web < a/db tcp/80 allowed", "a/web < a/db tcp/81 denied",
		      "a/web < b/web tcp/80 denied", "b/web < a/db tcp/81 unenforced",
		      "b/web < b/vm tcp/81 denied"));
}

static void test_3_8_baseline_comes_last(void **state)
{
	check_flows(TIER("x", "Baseline", 0, "ingress: [{name: one, action: Deny, from: " ALL "}]")
			    CNP("z", "ingress: [{fromEndpoints: [{}], toPorts: [{ports: [{port: "
				     "'80'}]}]}]"),
		    FLOWS("a/web < a/db tcp/80 allowed", "a/web < a/db tcp/81 denied",
			  "a/db < a/web tcp/80 denied", "a/db < 8.8.8.8 tcp/80 unenforced"));
}

/* ---- 3.10: NetworkPolicy ---------------------------------------------------------------------------- */

static void test_3_10_an_empty_entry_allows_all(void **state)
{
	check_flows(NP("x", "podSelector: {}, ingress: [{}]"),
		    FLOWS("a/web < 8.8.8.8 tcp/1 allowed", "a/db < b/vm gre/0 allowed",
			  "a/web > 8.8.8.8 tcp/1 unenforced"));
}

static void test_3_10_policy_types(void **state)
{
	check_flows(NP("x", "podSelector: {}"),
		    FLOWS("a/web < a/db tcp/1 denied", "a/web > a/db tcp/1 unenforced"));
	check_flows(NP("x", "podSelector: {}, egress: [{}]"),
		    FLOWS("a/web < a/db tcp/1 denied", "a/web > a/db tcp/1 allowed"));
	check_flows(NP("x", "podSelector: {}, policyTypes: [Egress]"),
		    FLOWS("a/web < a/db tcp/1 unenforced", "a/web > a/db tcp/1 denied"));
}

/* Here Kubernetes is followed and not Cilium, which would apply the rules. */
static void test_3_10_rules_of_a_direction_that_policy_types_omits_are_ignored(void **state)
{
	check_flows(NP("x", "podSelector: {}, policyTypes: [Ingress], egress: [{to: [{podSelector: "
			    "{}}]}]"),
		    FLOWS("a/web > 8.8.8.8 tcp/1 unenforced", "a/web < a/db tcp/1 denied"));
}

static void test_3_10_pod_and_namespace_selectors(void **state)
{
	check_flows(NP("x", "podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: "
			    "db}}}]}]"),
		    FLOWS("a/web < a/db tcp/1 allowed", "a/web < b/web tcp/1 denied"));
	check_flows(NP("x", "podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: "
			    "{team: blue}}}]}]"),
		    FLOWS("a/web < a/db tcp/1 denied", "a/web < b/web tcp/1 allowed"));
	check_flows(NP("x", "podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]"),
		    FLOWS("a/web < a/db tcp/1 allowed", "a/web < b/vm tcp/1 allowed",
			  "a/web < 8.8.8.8 tcp/1 denied"));
	check_flows(NP("x", "podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: "
			    "{kubernetes.io/metadata.name: b}}, podSelector: {matchLabels: {app: "
			    "web}}}]}]"),
		    FLOWS("a/web < b/web tcp/1 allowed", "a/web < b/vm tcp/1 denied",
			  "a/web < a/db tcp/1 denied"));
}

static void test_3_10_ip_block_matches_neither_pods_nor_nodes(void **state)
{
	check_flows(NP("x", "podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0, except:"
			    " [8.8.0.0/16]}}]}]"),
		    FLOWS("a/web < 9.9.9.9 tcp/1 allowed", "a/web < 8.8.8.8 tcp/1 denied",
			  "a/web < a/db tcp/1 denied", "a/web < 192.168.0.12 tcp/1 denied",
			  "a/web < host tcp/1 allowed"));
}

static void test_3_10_ports(void **state)
{
	check_flows(NP("x", "podSelector: {}, ingress: [{ports: [{port: http}, {port: 1000, "
			    "endPort: 1010, protocol: UDP}, {protocol: SCTP}]}]"),
		    FLOWS("a/web < a/db tcp/80 allowed", "a/db < a/web tcp/80 denied",
			  "a/web < a/db udp/1010 allowed", "a/web < a/db udp/1011 denied",
			  "a/web < a/db sctp/5 allowed", "a/web < a/db udp/80 denied",
			  "a/web < a/db icmp/8 denied"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(3_8_admin_before_the_others),
		UNIT_TEST(3_8_an_allow_of_admin_overrules_a_deny_below),
		UNIT_TEST(3_8_the_lower_priority_is_asked_first),
		UNIT_TEST(3_8_rules_of_a_policy_in_their_order),
		UNIT_TEST(3_8_pass_leaves_the_tier),
		UNIT_TEST(3_8_baseline_comes_last),
		UNIT_TEST(3_10_an_empty_entry_allows_all),
		UNIT_TEST(3_10_policy_types),
		UNIT_TEST(3_10_rules_of_a_direction_that_policy_types_omits_are_ignored),
		UNIT_TEST(3_10_pod_and_namespace_selectors),
		UNIT_TEST(3_10_ip_block_matches_neither_pods_nor_nodes),
		UNIT_TEST(3_10_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
