// SPDX-License-Identifier: Apache-2.0
/*
 * ClusterNetworkPolicy (policy.networking.k8s.io/v1alpha2): rules of the tiers Admin and Baseline, by
 * priority and then in the order of the document, which accept, deny or pass. It turns no default deny
 * on. Each rule gets a priority of its own, so that the document's order decides within a policy.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "decode.h"

#define PRIORITY_MAX       1000
#define CLUSTER_RULES      25 /* of one direction, as the API has it */
#define RULE_NAME_MAX      100
#define RULES_PER_PRIORITY 32

/* One of tcp, udp, sctp, or a named port of any of them. */
struct cnp_protocol {
	uint8_t protocol; /* 0: a named port */
	uint16_t number;
	uint16_t first, last;
	char *named;
};

struct cnp_selected {
	const struct cJSON *namespaces;
	const struct cJSON *pods_of, *pods;
};

struct cnp_peer {
	struct cnp_selected selected;
	const struct cJSON *nodes;
	char **networks, **domains;
	size_t n_networks, n_domains;
};

struct cnp_rule {
	char *name;
	uint8_t action; /* enum bl_rule_verdict */
	struct cnp_peer *peers;
	size_t n_peers;
	struct cnp_protocol *protocols;
	size_t n_protocols;
	char *unknown; /* a sentence about a member that nobody knows; NULL: there is none */
};

struct cnp_rules {
	struct cnp_rule *items;
	size_t n_items;
};

struct cluster_policy {
	uint8_t tier;
	uint32_t priority;
	struct cnp_selected subject;
	struct cnp_rules rules[BL_POLICY_DIRECTIONS];
};

static const char *const tiers[] = {[BL_TIER_ADMIN] = "Admin", [BL_TIER_BASELINE] = "Baseline"};
static const char *const actions[] = {
	[BL_RULE_DENY] = "Deny", [BL_RULE_ALLOW] = "Accept", [BL_RULE_PASS] = "Pass"};

#define PORT_ROWS(name, number_)                                                                  \
	BL_FIELD(name, BL_FIELD_MARK, struct cnp_protocol, protocol, .value = number_,            \
		 .group = "protocol"),                                                            \
		BL_FIELD(name ".destinationPort.number", BL_FIELD_UINT, struct cnp_protocol,      \
			 number, .min = 1),                                                       \
		BL_FIELD(name ".destinationPort.range.start", BL_FIELD_UINT, struct cnp_protocol, \
			 first, .min = 1),                                                        \
		BL_FIELD(name ".destinationPort.range.end", BL_FIELD_UINT, struct cnp_protocol,   \
			 last, .min = 1)

static const struct bl_field protocol_rows[] = {
	PORT_ROWS("tcp", IPPROTO_TCP),
	PORT_ROWS("udp", IPPROTO_UDP),
	PORT_ROWS("sctp", IPPROTO_SCTP),
	BL_FIELD("destinationNamedPort", BL_FIELD_STRING, struct cnp_protocol, named,
		 .group = "protocol", .one_of = BL_ONE_OF_EXACTLY_ONE),
};
static const struct bl_fields protocol_fields = BL_FIELDS(protocol_rows, struct cnp_protocol);

#define SELECTED_ROWS(prefix, struct_, member)                                                     \
	BL_FIELD(prefix "namespaces", BL_FIELD_JSON, struct_, member.namespaces,                   \
		 .group = "selected", .one_of = BL_ONE_OF_EXACTLY_ONE),                            \
		BL_FIELD(prefix "pods", BL_FIELD_MARK, struct_, member.pods, .checked_only = true, \
			 .group = "selected"),                                                     \
		BL_FIELD(prefix "pods.namespaceSelector", BL_FIELD_JSON, struct_, member.pods_of), \
		BL_FIELD(prefix "pods.podSelector", BL_FIELD_JSON, struct_, member.pods,           \
			 .required = true)

static const struct bl_field from_rows[] = {SELECTED_ROWS("", struct cnp_peer, selected)};
static const struct bl_fields from_fields = BL_FIELDS(from_rows, struct cnp_peer);

static const struct bl_field to_rows[] = {
	SELECTED_ROWS("", struct cnp_peer, selected),
	BL_FIELD("nodes", BL_FIELD_JSON, struct cnp_peer, nodes, .group = "selected"),
	BL_FIELD_PAIR("networks", BL_FIELD_STRINGS, struct cnp_peer, networks, n_networks,
		      .group = "selected", .min = 1, .max = CLUSTER_RULES),
	BL_FIELD_PAIR("domainNames", BL_FIELD_STRINGS, struct cnp_peer, domains, n_domains,
		      .group = "selected", .min = 1, .max = CLUSTER_RULES),
};
static const struct bl_fields to_fields = BL_FIELDS(to_rows, struct cnp_peer);

#define RULE_ROWS(side, peer_fields)                                                               \
	BL_FIELD("name", BL_FIELD_STRING, struct cnp_rule, name, .max = RULE_NAME_MAX),            \
		BL_FIELD("action", BL_FIELD_ENUM, struct cnp_rule, action,                         \
			 BL_FIELD_NAMES(actions), .required = true),                               \
		BL_FIELD_PAIR(side, BL_FIELD_LIST, struct cnp_rule, peers, n_peers,                \
			      .items = &peer_fields, .min = 1, .max = CLUSTER_RULES,               \
			      .required = true),                                                   \
		BL_FIELD_PAIR("protocols", BL_FIELD_LIST, struct cnp_rule, protocols, n_protocols, \
			      .items = &protocol_fields, .min = 1, .max = CLUSTER_RULES)

static const struct bl_field ingress_rows[] = {RULE_ROWS("from", from_fields)};
static const struct bl_fields ingress_fields =
	BL_FIELDS_NOTING(ingress_rows, struct cnp_rule, unknown);
static const struct bl_field egress_rows[] = {RULE_ROWS("to", to_fields)};
static const struct bl_fields egress_fields =
	BL_FIELDS_NOTING(egress_rows, struct cnp_rule, unknown);

static const struct bl_field policy_rows[] = {
	BL_FIELD("tier", BL_FIELD_ENUM, struct cluster_policy, tier, BL_FIELD_NAMES(tiers),
		 .required = true),
	BL_FIELD("priority", BL_FIELD_UINT, struct cluster_policy, priority, .required = true,
		 .max = PRIORITY_MAX),
	SELECTED_ROWS("subject.", struct cluster_policy, subject),
	BL_FIELD_PAIR("ingress", BL_FIELD_LIST, struct cluster_policy, rules[BL_INGRESS].items,
		      rules[BL_INGRESS].n_items, .items = &ingress_fields, .max = CLUSTER_RULES),
	BL_FIELD_PAIR("egress", BL_FIELD_LIST, struct cluster_policy, rules[BL_EGRESS].items,
		      rules[BL_EGRESS].n_items, .items = &egress_fields, .max = CLUSTER_RULES),
};
static const struct bl_fields policy_fields = BL_FIELDS(policy_rows, struct cluster_policy);

static const char *const sections[] = {[BL_INGRESS] = "ingress", [BL_EGRESS] = "egress"};
static const char *const sides[] = {[BL_INGRESS] = "from", [BL_EGRESS] = "to"};

/* ---- subject and peers ------------------------------------------------------------------------- */

/* Pods of the namespaces that a selector matches, all or those of a second selector; without
 * a selector of namespaces, of all. */
static int read_selected(const struct cnp_selected *raw, const char *path,
			 struct bl_selector *selector, struct bl_err *err)
{
	bl_autofree char *at =
		bl_format("%s.%s", path, raw->namespaces ? "namespaces" : "pods.namespaceSelector");
	bl_autofree char *pods = bl_format("%s.pods.podSelector", path);
	const struct cJSON *namespaces = raw->namespaces ? raw->namespaces : raw->pods_of;
	int r = namespaces ? bl_selector_decode(namespaces, "k8s", BL_LABEL_NAMESPACE_LABELS, at,
						selector, err)
			   : 0;

	if (r < 0)
		return r;
	policy_pods_only(selector);
	return raw->pods ? policy_add_selector(selector, raw->pods, pods, err) : 0;
}

static int read_networks(const struct cnp_peer *raw, struct bl_policy_rule *rule, const char *path,
			 struct bl_err *err)
{
	for (size_t i = 0; i < raw->n_networks; i++) {
		bl_autofree char *at = bl_format("%s.networks[%zu]", path, i);
		struct bl_peer *peer = policy_add_peer(rule, BL_PEER_CIDR);
		int r = policy_prefix(raw->networks[i], false, at, &peer->cidr, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_peer(const struct cnp_peer *raw, struct bl_policy_rule *rule, const char *path,
		     struct bl_err *err)
{
	bl_autofree char *nodes = bl_format("%s.nodes", path);

	if (raw->networks)
		return read_networks(raw, rule, path, err);
	if (raw->nodes)
		return bl_selector_decode(raw->nodes, "node", "", nodes,
					  &policy_add_peer(rule, BL_PEER_ALL_NODES)->selector, err);
	if (raw->domains)
		return 0;
	return read_selected(&raw->selected, path, &policy_add_peer(rule, BL_PEER_LABELS)->selector,
			     err);
}

/* ---- layer 4 ----------------------------------------------------------------------------------- */

static int read_named(const struct cnp_protocol *raw, struct bl_policy_rule *rule, const char *path,
		      struct bl_err *err)
{
	if (!layer4_is_port_name(raw->named))
		return bl_fail(err, -EINVAL,
			       "%s.destinationNamedPort: '%.48s' is not the name of a port", path,
			       raw->named);
	layer4_add_ports(rule, 0, 0, 0, raw->named);
	return 0;
}

static int read_protocol(const struct cnp_protocol *raw, struct bl_policy_rule *rule,
			 const char *path, struct bl_err *err)
{
	if (raw->named)
		return read_named(raw, rule, path, err);
	if (raw->number && (raw->first || raw->last))
		return bl_fail(err, -EINVAL,
			       "%s: number and range of destinationPort exclude each other", path);
	if (!raw->number && !raw->first && !raw->last)
		return bl_fail(err, -EINVAL, "%s: needs destinationPort.number or .range", path);
	if (!raw->number && (!raw->first || raw->last <= raw->first))
		return bl_fail(err, -EINVAL, "%s: destinationPort.range from %u to %u is none",
			       path, raw->first, raw->last);
	if (raw->number)
		layer4_add_ports(rule, raw->protocol, raw->number, raw->number, NULL);
	else
		layer4_add_ports(rule, raw->protocol, raw->first, raw->last, NULL);
	return 0;
}

/* ---- rules ------------------------------------------------------------------------------------- */

static int read_domains(struct bl_policy *policy, const struct cnp_rule *raw,
			struct bl_policy_rule *rule, const char *path, struct bl_err *err)
{
	bl_autofree char *at = bl_format("%s.domainNames", path);

	if (raw->action != BL_RULE_ALLOW)
		return bl_fail(err, -EINVAL, "%s: is for the action Accept alone", at);
	policy_cannot_enforce(policy, rule, at, "names are not enforced at layers 3 and 4");
	return 0;
}

/* Only pods have ports with names. */
static int check_names(const struct cnp_rule *raw, const struct bl_policy_rule *rule,
		       const char *path, struct bl_err *err)
{
	bool named = false;

	for (size_t i = 0; i < raw->n_protocols; i++)
		named |= raw->protocols[i].named != NULL;
	for (size_t i = 0; named && i < raw->n_peers; i++)
		if (raw->peers[i].networks || raw->peers[i].nodes || raw->peers[i].domains)
			return bl_fail(err, -EINVAL,
				       "%s.%s[%zu]: networks, nodes and domainNames have no ports "
				       "by name, and a protocol asks for destinationNamedPort",
				       path, sides[rule->direction], i);
	return 0;
}

static int read_rule(struct bl_policy *policy, const struct cnp_rule *raw,
		     struct bl_policy_rule *rule, const char *path, struct bl_err *err)
{
	int r = check_names(raw, rule, path, err);

	rule->any_layer4 = raw->n_protocols == 0;
	for (size_t i = 0; r == 0 && i < raw->n_protocols; i++) {
		bl_autofree char *at = bl_format("%s.protocols[%zu]", path, i);

		r = read_protocol(&raw->protocols[i], rule, at, err);
	}
	for (size_t i = 0; r == 0 && i < raw->n_peers; i++) {
		bl_autofree char *at = bl_format("%s.%s[%zu]", path, sides[rule->direction], i);

		r = read_peer(&raw->peers[i], rule, at, err);
	}
	/* last, as what cannot be enforced empties the whole rule */
	for (size_t i = 0; r == 0 && i < raw->n_peers; i++) {
		bl_autofree char *at = bl_format("%s.%s[%zu]", path, sides[rule->direction], i);

		if (raw->peers[i].domains)
			r = read_domains(policy, raw, rule, at, err);
	}
	if (r == 0 && raw->unknown)
		policy_not_understood(policy, rule, raw->unknown);
	return r;
}

/* The i-th rule of a direction, as a spec with a priority of its own. */
static int read_one(struct bl_policy *policy, const struct cluster_policy *raw,
		    enum bl_policy_direction direction, size_t i, struct bl_err *err)
{
	const struct cnp_rule *rule = &raw->rules[direction].items[i];
	struct bl_policy_spec *spec = policy_add_spec(policy);
	bl_autofree char *path = bl_format("spec.%s[%zu]", sections[direction], i);
	bl_autofree char *shown =
		rule->name ? bl_format("%s '%s'", path, rule->name) : bl_strdup(path);
	int r = read_selected(&raw->subject, "spec.subject", &spec->subject, err);

	if (r < 0)
		return r;
	spec->tier = raw->tier;
	spec->priority = raw->priority * RULES_PER_PRIORITY + i;
	return read_rule(policy, rule, policy_add_rule(spec, direction, rule->action, shown), path,
			 err);
}

static int read_policy(struct bl_policy *policy, const struct cluster_policy *raw,
		       struct bl_err *err)
{
	for (int d = 0; d < BL_POLICY_DIRECTIONS; d++) {
		for (size_t i = 0; i < raw->rules[d].n_items; i++) {
			int r = read_one(policy, raw, d, i, err);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

int cluster_policy_read(const struct cJSON *document, struct bl_policy *policy, struct bl_err *err)
{
	const struct cJSON *json;
	struct cluster_policy raw = {};
	int r = policy_document_spec(document, &json, err);

	if (r < 0)
		return r;
	r = bl_fields_decode(&policy_fields, json, "spec", &raw, &policy->warnings, err);
	if (r == 0)
		r = read_policy(policy, &raw, err);
	bl_fields_clear(&policy_fields, &raw);
	return r;
}
