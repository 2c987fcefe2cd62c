// SPDX-License-Identifier: Apache-2.0
/* Policies in words: what people are shown of peers, ports, subjects and entries. */
#include "unit_policy.h"

#include <arpa/inet.h>

static struct bl_err err;

static struct bl_policy *policy_of(const char *yaml)
{
	bl_auto_json struct cJSON *list = parse_yaml(yaml);
	struct bl_policy *policy;

	if (bl_policy_new(bl_json_first(list), &policy, &err) < 0)
		fail_msg("%s", err.message);
	return policy;
}

/* peers and ports are joined by " | ". */
static void says(const struct bl_policy_rule *rule, const char *peers, const char *ports)
{
	char text[512] = "";

	for (size_t i = 0; i < rule->n_peers; i++) {
		bl_autofree char *peer = bl_peer_format(&rule->peers[i]);

		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " | " : "",
			 peer);
	}
	assert_string_equal(text, peers);
	*text = '\0';
	for (size_t i = 0; i < rule->n_layer4; i++) {
		bl_autofree char *port = bl_layer4_format(&rule->layer4[i]);

		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " | " : "",
			 port);
	}
	assert_string_equal(text, ports);
}

#define CNP                                                                        \
	"kind: CiliumNetworkPolicy\napiVersion: cilium.io/v2\n"                    \
	"metadata: {name: x, namespace: a}\n"                                      \
	"spec:\n  endpointSelector: {matchExpressions: [{key: app, operator: In, " \
	"values: [web, db]}, {key: old, operator: DoesNotExist}]}\n  egress:\n"

static void test_peers_and_ports(void **state)
{
	bl_auto_policy struct bl_policy *policy = policy_of(
		CNP
		"  - toEndpoints: [{matchLabels: {'k8s:role': api, tier: ''}}, {matchExpressions: "
		"[{key: env, operator: NotIn, values: [dev]}, {key: team, operator: Exists}]}]\n"
		"    toPorts: [{ports: [{port: '80', protocol: TCP}, {port: '90', endPort: 95, "
		"protocol: UDP}, {port: http, protocol: TCP}, {port: '0', protocol: SCTP}]}]\n"
		"  - toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.2.0.0/16]}]\n"
		"    icmps: [{fields: [{family: IPv4, type: 8}, {family: IPv6, type: 128}]}]\n"
		"  - toCIDR: ['2001:db8::/32', 0.0.0.0/0]\n"
		"  - toEntities: [world, kube-apiserver]\n"
		"  - toServices: [{k8sService: {serviceName: db, namespace: shop}}, "
		"{k8sServiceSelector: {selector: {matchLabels: {a: b}}, namespace: shop}}]\n"
		"  - toCIDRSet: [{cidrGroupRef: far, except: [10.1.0.0/16]}]\n"
		"  - toNodes: [{matchLabels: {rack: r1}}]\n");
	const struct bl_policy_rule *rules = policy->specs[0].rules;
	bl_autofree char *subject = bl_subject_format(&policy->specs[0]);

	assert_int_equal(policy->specs[0].n_rules, 7);
	assert_string_equal(subject, "app in (db,web), k8s:io.kubernetes.pod.namespace=a, !old");
	says(&rules[0],
	     "k8s:io.kubernetes.pod.namespace=a, k8s:role=api, tier | "
	     "env notin (dev), k8s:io.kubernetes.pod.namespace=a, team",
	     "80/TCP | 90-95/UDP | http/TCP | SCTP");
	says(&rules[1], "10.0.0.0/8 except 10.1.0.0/16, 10.2.0.0/16", "8/ICMP | 128/ICMPv6");
	says(&rules[2], "2001:db8::/32 | 0.0.0.0/0", "");
	says(&rules[3], "entity world | entity kube-apiserver", "");
	says(&rules[4], "service shop/db | service a=b in shop", "");
	says(&rules[5], "CIDR group far except 10.1.0.0/16", "");
	says(&rules[6], "nodes rack=r1", "");
}

static void key_says(uint32_t prefixlen, uint8_t protocol, uint16_t port, const char *want)
{
	const struct bl_policy_key key = {
		.prefixlen = prefixlen, .protocol = protocol, .dport = htons(port)};
	bl_autofree char *text = bl_policy_key_layer4(&key);

	assert_string_equal(text, want);
}

static void test_entries(void **state)
{
	key_says(BL_POLICY_PREFIX_FIXED, 0, 0, "ANY");
	key_says(BL_POLICY_PREFIX_PROTOCOL, IPPROTO_UDP, 0, "UDP");
	key_says(BL_POLICY_PREFIX_PROTOCOL, 50, 0, "ESP");
	key_says(BL_POLICY_PREFIX_PROTOCOL, 200, 0, "200");
	key_says(BL_POLICY_PREFIX_FULL, IPPROTO_TCP, 443, "443/TCP");
	key_says(BL_POLICY_PREFIX_FULL, IPPROTO_TCP, 0, "0/TCP");
	key_says(BL_POLICY_PREFIX_FULL - 4, IPPROTO_TCP, 80, "80-95/TCP");
	key_says(BL_POLICY_PREFIX_PROTOCOL + 1, IPPROTO_SCTP, 32768, "32768-65535/SCTP");
	key_says(BL_POLICY_PREFIX_FULL, IPPROTO_ICMP, 8, "8/ICMP");
}

static void test_prefixes(void **state)
{
	static const struct {
		const char *addr;
		uint8_t bits;
		const char *want;
	} cases[] = {
		{"10.0.0.0", 104, "10.0.0.0/8"},    {"0.0.0.0", 96, "0.0.0.0/0"},
		{"192.0.2.1", 128, "192.0.2.1/32"}, {"::", 0, "::/0"},
		{"fd00::", 64, "fd00::/64"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bl_prefix prefix = {.bits = cases[i].bits};
		char text[BL_ADDR_TEXT_MAX];

		assert_int_equal(bl_addr_parse(cases[i].addr, &prefix.addr, NULL), 0);
		assert_string_equal(bl_prefix_format(&prefix, text), cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peers_and_ports),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
