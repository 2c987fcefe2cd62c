// SPDX-License-Identifier: Apache-2.0
/* The statements of Cilium's semantics about entities, prefixes and default deny (3.4 to 3.6). */
#include "unit_flow.h"
#include "unit_held.h"

/* ---- 3.4: entities ---------------------------------------------------------------------------------- */

#define INGRESS_FROM(entity) CNP("x", "ingress: [{fromEntities: [" entity "]}]")
#define EGRESS_TO(entity)    CNP("x", "egress: [{toEntities: [" entity "]}]")

static void test_3_4_all(void **state)
{
	check_flows(EGRESS_TO("all"),
		    FLOWS("a/web > 8.8.8.8 tcp/1 allowed", "a/web > a/db gre/0 allowed",
			  "a/web > host tcp/1 allowed", "a/web > 2600::1 tcp/1 allowed"));
}

static void test_3_4_world(void **state)
{
	check_flows(EGRESS_TO("world") CNP("z", "egress: [{toCIDR: [8.8.0.0/16], toPorts: [{ports:"
						" [{port: '1'}]}]}]"),
		    FLOWS("a/web > 8.8.8.8 tcp/2 allowed", "a/web > 9.9.9.9 tcp/2 allowed",
			  "a/web > 2600::1 tcp/2 allowed", "a/web > a/db tcp/2 denied",
			  "a/web > 192.168.0.12 tcp/2 denied", "a/web > host tcp/2 denied",
			  "a/web > 203.0.113.9 tcp/2 allowed"));
}

static void test_3_4_world_by_family(void **state)
{
	check_flows(EGRESS_TO("world-ipv4"),
		    FLOWS("a/web > 8.8.8.8 tcp/1 allowed", "a/web > 2600::1 tcp/1 denied"));
	check_flows(EGRESS_TO("world-ipv6"),
		    FLOWS("a/web > 8.8.8.8 tcp/1 denied", "a/web > 2600::1 tcp/1 allowed"));
}

static void test_3_4_cluster(void **state)
{
	check_flows(EGRESS_TO("cluster"),
		    FLOWS("a/web > a/db tcp/1 allowed", "a/web > b/vm tcp/1 allowed",
			  "a/web > host tcp/1 allowed", "a/web > 192.168.0.12 tcp/1 allowed",
			  "a/web > 8.8.8.8 tcp/1 denied", "a/web > 203.0.113.9 tcp/1 allowed"));
}

static void test_3_4_host_and_remote_node(void **state)
{
	check_flows(EGRESS_TO("host"),
		    FLOWS("a/web > host tcp/1 allowed", "a/web > 192.168.0.10 tcp/1 allowed",
			  "a/web > a/agent tcp/1 allowed", "a/web > 192.168.0.12 tcp/1 denied"));
	check_flows(EGRESS_TO("remote-node"),
		    FLOWS("a/web > host tcp/1 denied", "a/web > 192.168.0.11 tcp/1 allowed",
			  "a/web > 192.168.0.12 tcp/1 allowed", "a/web > a/agent tcp/1 denied"));
	check_flows(CCNP("x", "endpointSelector: {matchLabels: {app: db}}, egress: [{toEntities: "
			      "[remote-node]}]"),
		    FLOWS("a/db > a/agent tcp/1 allowed", "a/db > 192.168.0.11 tcp/1 denied"));
}

static void test_3_4_kube_apiserver(void **state)
{
	check_flows(EGRESS_TO("kube-apiserver"),
		    FLOWS("a/web > 192.168.0.11 tcp/6443 allowed",
			  "a/web > 203.0.113.9 tcp/6443 allowed",
			  "a/web > 192.168.0.12 tcp/1 denied", "a/web > host tcp/1 denied"));
	check_flows(CCNP("x", "endpointSelector: {matchLabels: {app: db}}, egress: [{toEntities: "
			      "[kube-apiserver]}]"),
		    FLOWS("a/db > host tcp/1 allowed", "a/db > 192.168.0.12 tcp/1 denied"));
}

static void test_3_4_entities_that_nobody_is(void **state)
{
	check_flows(EGRESS_TO("ingress, init, health, unmanaged, none"),
		    FLOWS("a/web > a/db tcp/1 denied", "a/web > 8.8.8.8 tcp/1 denied",
			  "a/web > host tcp/1 denied"));
}

/* ---- 3.5: prefixes ---------------------------------------------------------------------------------- */

static void test_3_5_a_prefix_holds_the_narrower_ones(void **state)
{
	check_flows(CNP("x", "egress: [{toCIDR: [10.0.0.0/8]}]")
			    CNP("z", "egress: [{toCIDR: [10.77.0.0/16], toPorts: [{ports: [{port: "
				     "'80'}]}]}]"),
		    FLOWS("a/web > 10.77.1.1 tcp/22 allowed", "a/web > 10.78.1.1 tcp/22 allowed",
			  "a/web > 11.0.0.1 tcp/80 denied"));
}

static void test_3_5_except(void **state)
{
	check_flows(CNP("x", "egress: [{toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.77.0.0/16]}]}]")
			    CNP("z", "egress: [{toCIDR: [10.77.5.0/24], toPorts: [{ports: [{port: "
				     "'80'}]}]}]"),
		    FLOWS("a/web > 10.1.1.1 tcp/22 allowed", "a/web > 10.77.1.1 tcp/22 denied",
			  "a/web > 10.77.5.1 tcp/22 denied", "a/web > 10.77.5.1 tcp/80 allowed"));
	/* the same prefix without it is somebody else */
	check_flows(CNP("x", "egress: [{toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.77.0.0/16]}]}, "
			     "{toCIDR: [10.0.0.0/8], toPorts: [{ports: [{port: '443'}]}]}]"),
		    FLOWS("a/web > 10.77.1.1 tcp/22 denied", "a/web > 10.77.1.1 tcp/443 allowed",
			  "a/web > 10.1.1.1 tcp/22 allowed"));
}

static void test_3_5_prefixes_never_match_pods_or_nodes(void **state)
{
	check_flows(CNP("x", "egress: [{toCIDR: [0.0.0.0/0, '::/0', 10.0.0.2/32, 192.168.0.12/32, "
			     "192.168.0.10/32]}]"),
		    FLOWS("a/web > a/db tcp/1 denied", "a/web > 10.0.0.2 tcp/1 denied",
			  "a/web > 192.168.0.12 tcp/1 denied", "a/web > host tcp/1 denied",
			  "a/web > 8.8.8.8 tcp/1 allowed", "a/web > 2600::1 tcp/1 allowed"));
}

static void test_3_5_zero_length_is_the_world_of_its_family(void **state)
{
	check_flows(CNP("x", "egress: [{toCIDR: [0.0.0.0/0]}]")
			    CNP("z", "egress: [{toCIDR: ['2600::/16'], toPorts: [{ports: [{port: "
				     "'80'}]}]}]"),
		    FLOWS("a/web > 8.8.8.8 tcp/1 allowed", "a/web > 2600::1 tcp/1 denied",
			  "a/web > 2600::1 tcp/80 allowed"));
	check_flows(CNP("x", "egress: [{toCIDR: ['::/0']}]")
			    CNP("z", "egress: [{toCIDR: [8.8.8.8/32], toPorts: [{ports: [{port: "
				     "'80'}]}]}]"),
		    FLOWS("a/web > 8.8.8.8 tcp/1 denied", "a/web > 2600::1 tcp/1 allowed"));
}

#define GROUPS                                                                               \
	"---\nkind: CiliumCIDRGroup\nmetadata: {name: feed, labels: {role: x}}\nspec: "      \
	"{externalCIDRs: [8.8.0.0/16, '2600::/16']}\n---\nkind: CiliumCIDRGroup\nmetadata: " \
	"{name: more, labels: {role: x}}\nspec: {externalCIDRs: [9.9.9.9/32]}\n"

static void test_3_5_groups_by_name_and_by_label(void **state)
{
	check_flows(GROUPS CNP("x", "egress: [{toCIDRSet: [{cidrGroupRef: feed, except: "
				    "[8.8.4.0/24]}]}]"),
		    FLOWS("a/web > 8.8.8.8 tcp/1 allowed", "a/web > 8.8.4.4 tcp/1 denied",
			  "a/web > 2600::1 tcp/1 allowed", "a/web > 9.9.9.9 tcp/1 denied"));
	check_flows(GROUPS CNP("x", "egress: [{toCIDRSet: [{cidrGroupSelector: {matchLabels: "
				    "{role: x}}}]}]"),
		    FLOWS("a/web > 8.8.8.8 tcp/1 allowed", "a/web > 9.9.9.9 tcp/1 allowed",
			  "a/web > 9.9.9.8 tcp/1 denied"));
}

/* ---- 3.6: default deny ------------------------------------------------------------------------------ */

static void test_3_6_without_a_policy_everything_goes(void **state)
{
	check_flows("", FLOWS("a/web < 8.8.8.8 tcp/1 unenforced", "a/web > a/db gre/0 unenforced"));
}

static void test_3_6_rules_without_default_deny_still_deny(void **state)
{
	check_flows(CNP("x", "enableDefaultDeny: {ingress: false}, ingressDeny: [{fromEndpoints: "
			     "[{matchLabels: {app: db}}]}]"),
		    FLOWS("a/web < a/db tcp/1 denied", "a/web < b/web tcp/1 unenforced"));
}

static void test_3_6_default_deny_needs_a_rule_of_the_direction(void **state)
{
	check_flows(CNP("x", "enableDefaultDeny: {ingress: true, egress: true}, egress: "
			     "[{toEntities: [host]}]"),
		    FLOWS("a/web < a/db tcp/1 unenforced", "a/web > a/db tcp/1 denied"));
}

static void test_3_6_the_node_may_always_come_in(void **state)
{
	check_flows(CNP("x", "ingress: [{}], egress: [{}]"),
		    FLOWS("a/web < host tcp/1 allowed", "a/web < 192.168.0.10 icmp/8 allowed",
			  "a/web < 192.168.0.12 tcp/1 denied", "a/web > host tcp/1 denied"));
}

static void test_3_6_unless_it_is_denied(void **state)
{
	check_flows(CNP("x", "ingressDeny: [{fromEntities: [host], toPorts: [{ports: [{port: '22'}]"
			     "}]}]"),
		    FLOWS("a/web < host tcp/22 denied", "a/web < host tcp/80 allowed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(3_4_all),
		UNIT_TEST(3_4_world),
		UNIT_TEST(3_4_world_by_family),
		UNIT_TEST(3_4_cluster),
		UNIT_TEST(3_4_host_and_remote_node),
		UNIT_TEST(3_4_kube_apiserver),
		UNIT_TEST(3_4_entities_that_nobody_is),
		UNIT_TEST(3_5_a_prefix_holds_the_narrower_ones),
		UNIT_TEST(3_5_except),
		UNIT_TEST(3_5_prefixes_never_match_pods_or_nodes),
		UNIT_TEST(3_5_zero_length_is_the_world_of_its_family),
		UNIT_TEST(3_5_groups_by_name_and_by_label),
		UNIT_TEST(3_6_without_a_policy_everything_goes),
		UNIT_TEST(3_6_rules_without_default_deny_still_deny),
		UNIT_TEST(3_6_default_deny_needs_a_rule_of_the_direction),
		UNIT_TEST(3_6_the_node_may_always_come_in),
		UNIT_TEST(3_6_unless_it_is_denied),
	};

	return cmocka_run_group_tests(tests, NULL, nothing_is_held);
}
