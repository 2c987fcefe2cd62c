/* SPDX-License-Identifier: Apache-2.0 */
/* Policies and objects for tests: from YAML, or made up at random from a small world. */
#pragma once

#include <netinet/in.h>
#include <stdio.h>

#include <beeline/addr.h>
#include <beeline/engine.h>
#include <beeline/reference.h>
#include <beeline/yaml.h>

#include "../../lib/atom.h"
#include "../../lib/labels/requirement.h"
#include "unit.h"

/* ---- a random world ------------------------------------------------------------------------------ */

/* xorshift64*: the same sequence for the same seed, everywhere. */
struct random {
	uint64_t state;
};

static inline uint32_t random_below(struct random *random, uint32_t n)
{
	random->state ^= random->state >> 12;
	random->state ^= random->state << 25;
	random->state ^= random->state >> 27;
	return (uint32_t)((random->state * 2685821657736338717ull) >> 33) % n;
}

#define RANDOM_OF(random, list) ((list)[random_below(random, sizeof(list) / sizeof((list)[0]))])

/* Objects that are always there. Two nodes, of which n1 is an API server; another one outside. */
static const char *const world_objects[] = {
	"{kind: Namespace, metadata: {name: a, labels: {team: red}}}",
	"{kind: Namespace, metadata: {name: b, labels: {team: blue, pci: 'yes'}}}",
	"{kind: Node, metadata: {name: n0, labels: {rack: r0}},"
	" status: {addresses: [{type: InternalIP, address: 192.168.0.10},"
	" {type: InternalIP, address: 'fd00:1::10'}]}}",
	"{kind: Node, metadata: {name: n1, labels: {rack: r1}},"
	" status: {addresses: [{type: InternalIP, address: 192.168.0.11}]}}",
	"{kind: Node, metadata: {name: n2, labels: {rack: r1, gpu: 'yes'}},"
	" status: {addresses: [{type: InternalIP, address: 192.168.0.12}]}}",
	"{kind: EndpointSlice, metadata: {name: kubernetes, namespace: default,"
	" labels: {kubernetes.io/service-name: kubernetes}}, addressType: IPv4,"
	" endpoints: [{addresses: [192.168.0.11]}, {addresses: [203.0.113.9]}]}",
	"{kind: Service, metadata: {name: web, namespace: a, labels: {kind: inner}},"
	" spec: {selector: {app: web}}}",
	"{kind: Service, metadata: {name: far, namespace: b, labels: {kind: outer}}, spec: {}}",
	"{kind: EndpointSlice, metadata: {name: far-1, namespace: b,"
	" labels: {kubernetes.io/service-name: far}}, addressType: IPv4,"
	" endpoints: [{addresses: [10.1.2.3]}, {addresses: [10.0.0.1]}]}",
	"{kind: CiliumCIDRGroup, metadata: {name: g0, labels: {role: feed}},"
	" spec: {externalCIDRs: [10.1.0.0/16, '2001:db8::/32']}}",
	"{kind: CiliumCIDRGroup, metadata: {name: g1, labels: {role: feed, vip: 'yes'}},"
	" spec: {externalCIDRs: [10.1.2.0/24, 203.0.113.0/24]}}",
};

/* One more per row; labels and addresses of pods are drawn. */
static const char *const world_pods[] = {"a/p0", "a/p1", "a/p2", "b/p0", "b/p1", "b/vm"};
static const char *const world_peers[] = {
	"a/p0",         "a/p1",         "a/p2",          "b/p0",        "b/p1",
	"b/vm",         "a/hostpod",    "host",          "10.0.0.1",    "10.0.0.2",
	"10.0.0.4",     "10.1.2.3",     "10.1.9.9",      "10.200.0.1",  "192.168.0.10",
	"192.168.0.11", "192.168.0.12", "fd00:1::10",    "203.0.113.9", "203.0.113.77",
	"8.8.8.8",      "2001:db8::1",  "2001:db8:1::1", "fd00::1",     "fd00::4",
	"2600::1",      "10.0.0.9",
};
static const char *const world_cidrs[] = {
	"10.0.0.0/8", "10.1.0.0/16",    "10.1.2.0/24",    "10.1.2.3/32",     "0.0.0.0/0",
	"::/0",       "2001:db8::/32",  "fd00::/16",      "2001:db8:1::/48", "10.0.0.1/32",
	"8.8.8.8/32", "192.168.0.0/24", "203.0.113.0/24", "203.0.113.9/32",  "192.168.0.10/32",
};
static const char *const world_names[] = {"http", "dns", "none"};
static const uint8_t world_protocols[] = {IPPROTO_TCP,  IPPROTO_TCP,    IPPROTO_UDP, IPPROTO_SCTP,
					  IPPROTO_ICMP, IPPROTO_ICMPV6, 47};
static const uint16_t world_ports[] = {0,   1,    8,    53,    79,    80,   81,
				       443, 1024, 8080, 32767, 32768, 65535};

static inline struct cJSON *parse_yaml(const char *text)
{
	struct bl_err err = BL_ERR_INIT;
	struct cJSON *list;

	if (bl_yaml_parse(text, strlen(text), &list, &err) < 0)
		fail_msg("%s", err.message);
	return list;
}

static inline char *world_pod(struct random *random, size_t i)
{
	static const char *const apps[] = {"web", "db", "cache"};
	const char *name = world_pods[i] + 2;
	const char *http = random_below(random, 4) ? "80" : "8080";
	bool is_vm = strcmp(name, "vm") == 0;
	bl_autofree char *head =
		bl_format("metadata: {namespace: %c, name: %s, labels: {app: %s, tier: '%u',"
			  " pod-template-hash: x}}",
			  world_pods[i][0], name, RANDOM_OF(random, apps), random_below(random, 2));

	if (is_vm)
		return bl_format("{kind: VirtualMachineInstance, %s, spec: {domain: {devices: "
				 "{interfaces: [{name: default, masquerade: {}, ports: [{name: "
				 "http, port: %s}]}]}}}, status: {nodeName: n1, interfaces: "
				 "[{name: default, ipAddresses: [10.0.0.%zu, 'fd00::%zu']}]}}",
				 head, http, i, i);
	return bl_format("{kind: Pod, %s, spec: {nodeName: n%zu, serviceAccountName: sa%zu, "
			 "containers: [{ports: [{name: http, containerPort: %s}, {name: dns, "
			 "containerPort: 53, protocol: UDP}]}]}, status: {podIPs: [{ip: "
			 "10.0.0.%zu}, {ip: 'fd00::%zu'}]}}",
			 head, i % 3, i % 2, http, i, i);
}

static const char world_host_pod[] =
	"{kind: Pod, metadata: {namespace: a, name: hostpod, labels: {app: web}}, spec: {nodeName: "
	"n0, hostNetwork: true}, status: {podIPs: [{ip: 192.168.0.10}]}}";

/* ---- random policies: any shape that the form allows ----------------------------------------------- */

/* by_value: another value will do, if it has one; else the key must not be there. */
static inline void negate(const struct bl_requirement **requirement, bool by_value)
{
	const struct bl_requirement *before = *requirement;
	struct bl_requirement like = *before;

	if (!by_value)
		like.n_values = 0;
	like.op = like.n_values ? BL_LABEL_NOT_IN : BL_LABEL_DOES_NOT_EXIST;
	*requirement = requirement_get(&like);
	requirement_put(before);
}

static inline void random_selector(struct random *random, struct bl_selector *selector)
{
	static const char *const namespaces[] = {"a", "b", NULL};
	static const char *const apps[] = {"web", "db", "cache", NULL};

	if (random_below(random, 3))
		bl_selector_require(selector, random_below(random, 2) ? "k8s" : NULL,
				    BL_LABEL_NAMESPACE, RANDOM_OF(random, namespaces));
	if (random_below(random, 2))
		bl_selector_require(selector, NULL, "app", RANDOM_OF(random, apps));
	if (random_below(random, 4) == 0)
		bl_selector_require(selector, "k8s", BL_LABEL_NAMESPACE_LABELS "team",
				    random_below(random, 2) ? "red" : "blue");
	if (random_below(random, 6) == 0)
		bl_selector_require(selector, "k8s", BL_LABEL_SERVICE_ACCOUNT,
				    random_below(random, 2) ? "sa0" : "default");
	if (random_below(random, 8) == 0)
		bl_selector_require(selector, "k8s", "pod-template-hash", NULL);
	if (random_below(random, 5) == 0)
		bl_selector_require(selector, NULL, "tier", "1");
	if (random_below(random, 5) == 0 && selector->n_items > 0)
		negate(&selector->items[random_below(random, (uint32_t)selector->n_items)],
		       selector->items[0]->n_values > 0);
}

static inline struct bl_prefix prefix_of(const char *text)
{
	struct bl_prefix prefix = {0};
	uint8_t bits;

	assert_int_equal(bl_prefix_parse(text, false, &prefix.addr, &bits, NULL), 0);
	prefix.bits = bl_addr_is_v4(&prefix.addr) ? bits + 96 : bits;
	return prefix;
}

static inline void random_excepts(struct random *random, struct bl_peer *peer)
{
	peer->except = bl_alloc(2 * sizeof(*peer->except));
	while (peer->n_except < 2 && random_below(random, 3) == 0)
		peer->except[peer->n_except++] = prefix_of(RANDOM_OF(random, world_cidrs));
}

static inline void random_peer(struct random *random, struct bl_peer *peer)
{
	peer->kind = (enum bl_peer_kind)random_below(random, 7);
	switch (peer->kind) {
	case BL_PEER_LABELS:
		random_selector(random, &peer->selector);
		break;
	case BL_PEER_ENTITY:
		peer->entity = (enum bl_entity)random_below(random, BL_ENTITIES);
		break;
	case BL_PEER_CIDR:
		peer->cidr = prefix_of(RANDOM_OF(random, world_cidrs));
		random_excepts(random, peer);
		break;
	case BL_PEER_CIDR_GROUP:
		if (random_below(random, 2))
			peer->name = bl_strdup(random_below(random, 2) ? "g0" : "g1");
		else
			bl_selector_require(&peer->selector, NULL,
					    random_below(random, 2) ? "vip" : "role", NULL);
		random_excepts(random, peer);
		break;
	case BL_PEER_NODES:
	case BL_PEER_ALL_NODES:
		if (random_below(random, 4))
			bl_selector_require(&peer->selector, "node",
					    random_below(random, 2) ? "gpu" : "rack", NULL);
		break;
	case BL_PEER_SERVICE:
		if (random_below(random, 2))
			peer->name = bl_strdup(random_below(random, 2) ? "web" : "far");
		else
			bl_selector_require(&peer->selector, NULL, "kind",
					    random_below(random, 2) ? "inner" : "outer");
		if (random_below(random, 2))
			peer->namespace = bl_strdup(random_below(random, 2) ? "a" : "b");
		break;
	}
}

static inline void random_layer4(struct random *random, struct bl_layer4 *row)
{
	uint16_t a = RANDOM_OF(random, world_ports), b = RANDOM_OF(random, world_ports);

	row->protocol = RANDOM_OF(random, world_protocols);
	row->last = UINT16_MAX;
	switch (random_below(random, 5)) {
	case 0:
		row->any_port = true;
		break;
	case 1:
		row->name = bl_strdup(RANDOM_OF(random, world_names));
		break;
	case 2:
		row->first = a < b ? a : b;
		row->last = a < b ? b : a;
		break;
	default:
		row->first = row->last = a;
	}
}

static inline void random_rule(struct random *random, struct bl_policy_rule *rule, size_t index,
			       bool with_pass)
{
	bl_autofree char *path = bl_format("rule[%zu]", index);

	rule->direction = (enum bl_policy_direction)random_below(random, 2);
	rule->verdict = random_below(random, 3) == 0 ? BL_RULE_DENY : BL_RULE_ALLOW;
	if (with_pass && random_below(random, 4) == 0)
		rule->verdict = BL_RULE_PASS;
	rule->path = atom_get(path);
	rule->any_peer = random_below(random, 4) == 0;
	rule->peers = bl_alloc(3 * sizeof(*rule->peers));
	while (!rule->any_peer && rule->n_peers < 3 && random_below(random, 3))
		random_peer(random, &rule->peers[rule->n_peers++]);
	rule->any_layer4 = random_below(random, 3) == 0;
	rule->layer4 = bl_alloc(4 * sizeof(*rule->layer4));
	while (!rule->any_layer4 && rule->n_layer4 < 4 && random_below(random, 4))
		random_layer4(random, &rule->layer4[rule->n_layer4++]);
}

static inline void random_spec(struct random *random, struct bl_policy_spec *spec, bool with_pass)
{
	static const enum bl_tier tiers[] = {BL_TIER_NORMAL, BL_TIER_NORMAL, BL_TIER_ADMIN,
					     BL_TIER_BASELINE};

	if (random_below(random, 3))
		random_selector(random, &spec->subject);
	spec->of_nodes = random_below(random, 12) == 0;
	spec->tier = RANDOM_OF(random, tiers);
	spec->priority = random_below(random, 3);
	spec->default_deny[BL_INGRESS] = random_below(random, 2);
	spec->default_deny[BL_EGRESS] = random_below(random, 2);
	spec->rules = bl_alloc(5 * sizeof(*spec->rules));
	while (spec->n_rules < 5 && random_below(random, 5)) {
		random_rule(random, &spec->rules[spec->n_rules], spec->n_rules, with_pass);
		spec->n_rules++;
	}
}

static inline struct bl_policy *random_policy(struct random *random, const char *name)
{
	struct bl_policy *policy = bl_alloc(sizeof(*policy));
	bool with_pass = random_below(random, 2);

	policy->kind = "CiliumClusterwideNetworkPolicy";
	policy->namespace = atom_get("");
	policy->name = bl_strdup(name);
	policy->n_specs = 1 + random_below(random, 2);
	policy->specs = bl_alloc(policy->n_specs * sizeof(*policy->specs));
	for (size_t i = 0; i < policy->n_specs; i++)
		random_spec(random, &policy->specs[i], with_pass);
	return policy;
}
