/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small universe: two pods and the world, and every policy of two rules: all combinations of tier,
 * verdict, peer and ports for each of them.
 */
#pragma once

#include "unit_policy.h"

static const char *const universe_objects[] = {
	"{kind: Pod, metadata: {namespace: a, name: web, labels: {app: web}},"
	" status: {podIP: 10.0.0.1}}",
	"{kind: Pod, metadata: {namespace: a, name: db, labels: {app: db}},"
	" status: {podIP: 10.0.0.2}}",
};

static const char *const universe_peers[] = {"a/db", "10.0.0.9", "10.1.0.9", "8.8.8.8", "fd00::9"};
static const struct {
	uint8_t protocol;
	uint16_t port;
} universe_packets[] = {{IPPROTO_TCP, 80},
			{IPPROTO_TCP, 81},
			{IPPROTO_TCP, 90},
			{IPPROTO_UDP, 80},
			{IPPROTO_ICMP, 8}};

enum { TIERS = 2, VERDICTS = 3, PEERS = 5, PORTS = 4 };
#define UNIVERSE_RULES (TIERS * VERDICTS * PEERS * PORTS)

/* Of a kind of rules: one digit per dimension. */
static inline unsigned int digit(unsigned int *kind, unsigned int base)
{
	unsigned int value = *kind % base;

	*kind /= base;
	return value;
}

static inline void set_peers(struct bl_policy_rule *rule, unsigned int which)
{
	struct bl_peer *peer;

	rule->any_peer = which == 0;
	if (which == 0 || which == 4) /* whoever; nobody */
		return;
	peer = rule->peers = bl_alloc(sizeof(*peer));
	rule->n_peers = 1;
	if (which == 1) {
		bl_selector_require(&peer->selector, NULL, "app", "db");
		return;
	}
	peer->kind = BL_PEER_CIDR;
	peer->cidr = prefix_of("10.0.0.0/8");
	if (which == 3) {
		peer->except = bl_alloc(sizeof(*peer->except));
		peer->except[peer->n_except++] = prefix_of("10.1.0.0/16");
	}
}

static inline void set_ports(struct bl_policy_rule *rule, unsigned int which)
{
	rule->any_layer4 = which == 0;
	if (which == 0)
		return;
	rule->layer4 = bl_alloc(sizeof(*rule->layer4));
	rule->n_layer4 = 1;
	rule->layer4->protocol = IPPROTO_TCP;
	rule->layer4->any_port = which == 1;
	rule->layer4->first = which == 1 ? 0 : 80;
	rule->layer4->last = which == 1 ? UINT16_MAX : which == 2 ? 81 : 80;
}

static inline void set_spec(struct bl_policy_spec *spec, unsigned int kind, bool deny)
{
	struct bl_policy_rule *rule = bl_alloc(sizeof(*rule));

	bl_selector_require(&spec->subject, "k8s", "app", "web");
	spec->tier = digit(&kind, TIERS) ? BL_TIER_ADMIN : BL_TIER_NORMAL;
	spec->default_deny[BL_INGRESS] = deny;
	spec->rules = rule;
	spec->n_rules = 1;
	rule->direction = BL_INGRESS;
	rule->verdict = (enum bl_rule_verdict)digit(&kind, VERDICTS);
	rule->path = atom_get("rule");
	set_peers(rule, digit(&kind, PEERS));
	set_ports(rule, digit(&kind, PORTS));
}

static inline struct bl_policy *universe_policy(unsigned int first, unsigned int second, bool deny)
{
	struct bl_policy *policy = bl_alloc(sizeof(*policy));

	policy->kind = "CiliumClusterwideNetworkPolicy";
	policy->namespace = atom_get("");
	policy->name = bl_strdup("x");
	policy->n_specs = 2;
	policy->specs = bl_alloc(2 * sizeof(*policy->specs));
	set_spec(&policy->specs[0], first, deny);
	set_spec(&policy->specs[1], second, false);
	return policy;
}
