/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network policies as the engine reads them. All kinds become one form: rules that stand in a tier
 * and at a priority, each with a subject, peers, layer 4 and a verdict.
 *
 *   JSON --bl_policy_new--> struct bl_policy      CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy,
 *                                                 NetworkPolicy, ClusterNetworkPolicy
 *
 * What a kind implies is written out here, so that nothing behind this header asks for the kind again:
 * a namespace that selectors gain, default deny, tiers, a missing protocol. What cannot be judged
 * without other objects (named ports, CIDR groups, services, nodes) stays by name.
 *
 * Errors name the full path, as in <beeline/fields.h>, and refuse the document. A member that is valid
 * and cannot be enforced at layers 3 and 4 (toFQDNs, L7 rules, authentication, groups, TLS) makes its
 * rule allow nothing; bl_policy.unenforced names it. Never is anything widened.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <beeline/abi.h>
#include <beeline/cleanup.h>
#include <beeline/err.h>
#include <beeline/fields.h>
#include <beeline/json.h>
#include <beeline/labels.h>

enum bl_policy_direction { BL_INGRESS, BL_EGRESS, BL_POLICY_DIRECTIONS };

/* Lower is asked first (Cilium 1.20's tiers). */
enum bl_tier {
	BL_TIER_ADMIN = 100,
	BL_TIER_NORMAL = 200,
	BL_TIER_BASELINE = 250,
	BL_TIER_DEFAULT = 255
};

/* In this order within one tier and priority. PASS leaves the tier: the next one decides. */
enum bl_rule_verdict { BL_RULE_DENY, BL_RULE_ALLOW, BL_RULE_PASS };

enum bl_peer_kind {
	BL_PEER_LABELS,     /* identities that the selector matches: pods, VMs, reserved ones */
	BL_PEER_ENTITY,     /* a name of section 3.4 of Cilium's entities */
	BL_PEER_CIDR,       /* addresses outside the cluster */
	BL_PEER_CIDR_GROUP, /* the same, named by CiliumCIDRGroup objects */
	BL_PEER_NODES,      /* nodes that the selector matches, the own one not among them */
	BL_PEER_ALL_NODES,  /* the own one among them, which is the host */
	BL_PEER_SERVICE,    /* what stands behind services */
};

enum bl_entity {
	BL_ENTITY_ALL,
	BL_ENTITY_WORLD,
	BL_ENTITY_WORLD_IPV4,
	BL_ENTITY_WORLD_IPV6,
	BL_ENTITY_CLUSTER,
	BL_ENTITY_HOST,
	BL_ENTITY_REMOTE_NODE,
	BL_ENTITY_KUBE_APISERVER,
	BL_ENTITY_INGRESS,
	BL_ENTITY_INIT,
	BL_ENTITY_HEALTH,
	BL_ENTITY_UNMANAGED,
	BL_ENTITY_NONE,
	BL_ENTITIES,
};
/* As policies spell it: "kube-apiserver". */
const char *bl_entity_name(enum bl_entity entity);

struct bl_peer {
	enum bl_peer_kind kind;
	enum bl_entity entity;
	/* LABELS, NODES, ALL_NODES; CIDR_GROUP and SERVICE without a name: of the group's, the service's labels */
	struct bl_selector selector;
	char *name;      /* CIDR_GROUP, SERVICE: of one object; NULL: selector */
	char *namespace; /* SERVICE; NULL: any */
	struct bl_prefix cidr;
	struct bl_prefix *except; /* CIDR, CIDR_GROUP */
	size_t n_except;
};

/* One row of layer 4. Ports and ICMP types are numbers in host order. */
struct bl_layer4 {
	uint8_t protocol; /* IPPROTO_*; "ANY" is written out as one row each for TCP, UDP, SCTP */
	bool any_port;    /* every port or type of the protocol; first and last are 0 and 65535 */
	uint16_t first, last;
	char *name; /* a named port, in place of first and last; NULL: none */
};

struct bl_policy_rule {
	enum bl_policy_direction direction;
	enum bl_rule_verdict verdict;
	/* Peers are alternatives. any_peer: whoever it is; else no peer at all selects nobody. */
	bool any_peer;
	struct bl_peer *peers;
	size_t n_peers;
	/* Rows are alternatives. any_layer4: every protocol; else no row at all selects nothing. */
	bool any_layer4;
	struct bl_layer4 *layer4;
	size_t n_layer4;
	/* "spec.ingress[0]", what people are told; a ClusterNetworkPolicy's rule name too. Shared. */
	const char *path;
};

/* One spec: whom it concerns, and its rules in the order of the document. */
struct bl_policy_spec {
	/* matched against the labels of endpoints; a namespaced kind has gained its namespace */
	struct bl_selector subject;
	bool of_nodes; /* nodeSelector: a host firewall, which selects no endpoint of ours */
	enum bl_tier tier;
	uint32_t priority; /* within the tier, lower first; at most 65535 */
	/* In this direction what no rule allows is denied. */
	bool default_deny[BL_POLICY_DIRECTIONS];
	struct bl_policy_rule *rules;
	size_t n_rules;
};

struct bl_policy {
	const char *kind;      /* of a table */
	const char *namespace; /* "" for cluster-wide kinds; shared */
	char *name;
	struct bl_policy_spec *specs;
	size_t n_specs;
	/* Sentences: the path of each member that cannot be enforced, and what follows from it. */
	struct bl_warnings unenforced;
	struct bl_warnings warnings; /* fields accepted without effect */
};

/* Is this a kind that bl_policy_new() reads? */
bool bl_policy_is_kind(const char *kind);
/* One of those that stand in no namespace? */
bool bl_policy_is_clusterwide(const char *kind);
/* The document is not kept. On success the caller owns *ret_policy. */
int bl_policy_new(const struct cJSON *document, struct bl_policy **ret_policy, struct bl_err *err);
/* The same, but that an unknown field within a rule, where unknown does not refuse it, makes the rule allow
 * nothing, or deny everybody if it does not allow: it may have narrowed the rule. Beside rules, or within a
 * selector, it may be a misspelt one, and stays an error. */
int bl_policy_new_lax(const struct cJSON *document, enum bl_unknown unknown,
		      struct bl_policy **ret_policy, struct bl_err *err);
void bl_policy_free(struct bl_policy *policy);
BL_DEFINE_AUTO(policy, struct bl_policy *, bl_policy_free)
#define bl_auto_policy bl_cleanup(bl_auto_policy_fn)

/* ---- in words, for people; who calls frees a char * ---------------------------------------------- */

/* "TCP", or the number of a protocol that policies have no name for. */
char *bl_protocol_format(uint8_t protocol);
/* "80/TCP", "80-95/TCP", "http/TCP", "TCP"; of ICMP the type: "8/ICMP". */
char *bl_layer4_format(const struct bl_layer4 *row);
/* The same of an entry's key; "ANY": of every protocol. */
char *bl_policy_key_layer4(const struct bl_policy_key *key);
/* "k8s:app=web, !tier", "entity world", "10.0.0.0/8 except 10.1.0.0/16", "service shop/db". */
char *bl_peer_format(const struct bl_peer *peer);
/* Whom a spec concerns: "k8s:app=web", "nodes all". */
char *bl_subject_format(const struct bl_policy_spec *spec);
/* Where the policy says it: "spec.podSelector", "specs[1].endpointSelector". */
char *bl_subject_path(const struct bl_policy *policy, const struct bl_policy_spec *spec);
const char *bl_tier_name(enum bl_tier tier);
const char *bl_rule_verdict_name(enum bl_rule_verdict verdict);           /* "Deny", ... */
const char *bl_policy_direction_name(enum bl_policy_direction direction); /* "Ingress", ... */
