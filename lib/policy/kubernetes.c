// SPDX-License-Identifier: Apache-2.0
/*
 * NetworkPolicy (networking.k8s.io/v1), read as Cilium reads it (pkg/k8s/network_policy.go) with one
 * difference: rules of a direction that policyTypes leaves out are ignored, as Kubernetes says. A rule
 * without peers is for everybody, one without ports for every protocol; an ipBlock never means pods
 * or nodes.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "decode.h"

struct np_port {
	uint8_t protocol;
	const struct cJSON *port; /* a number or a name */
	uint16_t end_port;
};

struct np_peer {
	const struct cJSON *pods, *namespaces;
	const struct cJSON *block; /* there is one */
	char *cidr;
	char **except;
	size_t n_except;
};

struct np_rule {
	struct np_peer *peers;
	size_t n_peers;
	struct np_port *ports;
	size_t n_ports;
	char *unknown; /* a sentence about a member that nobody knows; NULL: there is none */
};

struct np_rules {
	struct np_rule *items;
	size_t n_items;
};

struct network_policy {
	const struct cJSON *pods;
	char **types; /* NULL: not said */
	size_t n_types;
	struct np_rules rules[BL_POLICY_DIRECTIONS];
};

static const char *const protocols[] = {
	[IPPROTO_TCP] = "TCP", [IPPROTO_UDP] = "UDP", [IPPROTO_SCTP] = "SCTP"};

static const struct bl_field port_rows[] = {
	BL_FIELD("protocol", BL_FIELD_ENUM, struct np_port, protocol, BL_FIELD_NAMES(protocols)),
	BL_FIELD("port", BL_FIELD_JSON, struct np_port, port),
	BL_FIELD("endPort", BL_FIELD_UINT, struct np_port, end_port, .min = 1),
};
static const struct bl_fields port_fields = BL_FIELDS(port_rows, struct np_port);

static const struct bl_field peer_rows[] = {
	BL_FIELD("podSelector", BL_FIELD_JSON, struct np_peer, pods),
	BL_FIELD("namespaceSelector", BL_FIELD_JSON, struct np_peer, namespaces),
	BL_FIELD("ipBlock", BL_FIELD_MARK, struct np_peer, block, .checked_only = true),
	BL_FIELD("ipBlock.cidr", BL_FIELD_STRING, struct np_peer, cidr, .required = true),
	BL_FIELD_PAIR("ipBlock.except", BL_FIELD_STRINGS, struct np_peer, except, n_except,
		      .max = POLICY_PEERS_MAX),
};
static const struct bl_fields peer_fields = BL_FIELDS(peer_rows, struct np_peer);

#define RULE_ROWS(side)                                                                           \
	BL_FIELD_PAIR(side, BL_FIELD_LIST, struct np_rule, peers, n_peers, .items = &peer_fields, \
		      .max = POLICY_PEERS_MAX),                                                   \
		BL_FIELD_PAIR("ports", BL_FIELD_LIST, struct np_rule, ports, n_ports,             \
			      .items = &port_fields, .max = POLICY_PEERS_MAX)

static const struct bl_field ingress_rows[] = {RULE_ROWS("from")};
static const struct bl_fields ingress_fields =
	BL_FIELDS_NOTING(ingress_rows, struct np_rule, unknown);
static const struct bl_field egress_rows[] = {RULE_ROWS("to")};
static const struct bl_fields egress_fields =
	BL_FIELDS_NOTING(egress_rows, struct np_rule, unknown);

static const char *const directions[] = {[BL_INGRESS] = "Ingress", [BL_EGRESS] = "Egress"};
static const char *const sections[] = {[BL_INGRESS] = "ingress", [BL_EGRESS] = "egress"};
static const char *const sides[] = {[BL_INGRESS] = "from", [BL_EGRESS] = "to"};

static const struct bl_field policy_rows[] = {
	/* absent it is {}: every pod of the namespace */
	BL_FIELD("podSelector", BL_FIELD_JSON, struct network_policy, pods),
	BL_FIELD_PAIR("policyTypes", BL_FIELD_STRINGS, struct network_policy, types, n_types,
		      .max = 2),
	BL_FIELD_PAIR("ingress", BL_FIELD_LIST, struct network_policy, rules[BL_INGRESS].items,
		      rules[BL_INGRESS].n_items, .items = &ingress_fields, .max = POLICY_RULES_MAX),
	BL_FIELD_PAIR("egress", BL_FIELD_LIST, struct network_policy, rules[BL_EGRESS].items,
		      rules[BL_EGRESS].n_items, .items = &egress_fields, .max = POLICY_RULES_MAX),
};
static const struct bl_fields policy_fields = BL_FIELDS(policy_rows, struct network_policy);

/* ---- peers ------------------------------------------------------------------------------------- */

static int read_block(const struct np_peer *raw, struct bl_policy_rule *rule, const char *path,
		      struct bl_err *err)
{
	struct bl_peer *peer = policy_add_peer(rule, BL_PEER_CIDR);
	bl_autofree char *cidr = bl_format("%s.ipBlock.cidr", path);
	int r = policy_prefix(raw->cidr, false, cidr, &peer->cidr, err);

	for (size_t i = 0; r == 0 && i < raw->n_except; i++) {
		bl_autofree char *except = bl_format("%s.ipBlock.except[%zu]", path, i);

		r = policy_add_except(peer, raw->except[i], except, err);
		if (r == 0 && peer->except[i].bits == peer->cidr.bits)
			return bl_fail(err, -EINVAL, "%s: %s is all of the cidr", except,
				       raw->except[i]);
	}
	return r;
}

/* Pods of the policy's namespace, all pods of namespaces, or those that both selectors match. */
static int read_pods(const struct bl_policy *policy, const struct np_peer *raw,
		     struct bl_policy_rule *rule, const char *path, struct bl_err *err)
{
	struct bl_selector *selector = &policy_add_peer(rule, BL_PEER_LABELS)->selector;
	bl_autofree char *namespaces = bl_format("%s.namespaceSelector", path);
	bl_autofree char *pods = bl_format("%s.podSelector", path);
	int r = 0;

	if (raw->namespaces)
		r = bl_selector_decode(raw->namespaces, "k8s", BL_LABEL_NAMESPACE_LABELS,
				       namespaces, selector, err);
	if (r < 0)
		return r;
	if (!raw->namespaces)
		bl_selector_require(selector, "k8s", BL_LABEL_NAMESPACE, policy->namespace);
	else
		policy_pods_only(selector);
	return raw->pods ? policy_add_selector(selector, raw->pods, pods, err) : 0;
}

static int read_peer(const struct bl_policy *policy, const struct np_peer *raw,
		     struct bl_policy_rule *rule, const char *path, struct bl_err *err)
{
	if (raw->cidr && (raw->pods || raw->namespaces))
		return bl_fail(err, -EINVAL,
			       "%s: ipBlock stands alone; write selectors as a peer of their own",
			       path);
	if (raw->cidr)
		return read_block(raw, rule, path, err);
	if (!raw->pods && !raw->namespaces)
		return bl_fail(err, -EINVAL, "%s: needs podSelector, namespaceSelector or ipBlock",
			       path);
	return read_pods(policy, raw, rule, path, err);
}

/* ---- ports ------------------------------------------------------------------------------------- */

static int read_port_name(const struct np_port *raw, uint8_t protocol, struct bl_policy_rule *rule,
			  const char *path, struct bl_err *err)
{
	const char *name = bl_json_text(raw->port);

	if (!layer4_is_port_name(name))
		return bl_fail(err, -EINVAL, "%s.port: '%.48s' is not the name of a port", path,
			       name);
	if (raw->end_port)
		return bl_fail(err, -EINVAL, "%s.endPort: needs a number as port", path);
	layer4_add_ports(rule, protocol, 0, 0, name);
	return 0;
}

static int read_port(const struct np_port *raw, struct bl_policy_rule *rule, const char *path,
		     struct bl_err *err)
{
	uint8_t protocol = raw->protocol ? raw->protocol : IPPROTO_TCP;
	double number = bl_json_value(raw->port);

	if (!raw->port) {
		if (raw->end_port)
			return bl_fail(err, -EINVAL, "%s.endPort: needs port", path);
		layer4_add_ports(rule, protocol, 0, UINT16_MAX, NULL);
		return 0;
	}
	if (bl_json_is_string(raw->port))
		return read_port_name(raw, protocol, rule, path, err);
	if (!bl_json_is_number(raw->port) || number < 1 || number > UINT16_MAX ||
	    number != (uint16_t)number)
		return bl_fail(err, -EINVAL,
			       "%s.port: expected a number from 1 to 65535 or the name of a port",
			       path);
	if (raw->end_port && raw->end_port < number)
		return bl_fail(err, -EINVAL, "%s.endPort: %u is less than port", path,
			       raw->end_port);
	layer4_add_ports(rule, protocol, number, raw->end_port ? raw->end_port : number, NULL);
	return 0;
}

/* ---- rules ------------------------------------------------------------------------------------- */

static int read_rule(struct bl_policy *policy, const struct np_rule *raw,
		     struct bl_policy_rule *rule, struct bl_err *err)
{
	int r = 0;

	rule->any_peer = raw->n_peers == 0;
	rule->any_layer4 = raw->n_ports == 0;
	for (size_t i = 0; r == 0 && i < raw->n_peers; i++) {
		bl_autofree char *path =
			bl_format("%s.%s[%zu]", rule->path, sides[rule->direction], i);

		r = read_peer(policy, &raw->peers[i], rule, path, err);
	}
	for (size_t i = 0; r == 0 && i < raw->n_ports; i++) {
		bl_autofree char *path = bl_format("%s.ports[%zu]", rule->path, i);

		r = read_port(&raw->ports[i], rule, path, err);
	}
	if (r == 0 && raw->unknown)
		policy_not_understood(policy, rule, raw->unknown);
	return r;
}

/* The directions that the policy is about: those it names, else ingress, and egress when it has
 * rules of that. */
static int read_types(const struct network_policy *raw, bool ret_about[BL_POLICY_DIRECTIONS],
		      struct bl_err *err)
{
	ret_about[BL_INGRESS] = raw->n_types == 0;
	ret_about[BL_EGRESS] = raw->n_types == 0 && raw->rules[BL_EGRESS].n_items > 0;
	for (size_t i = 0; i < raw->n_types; i++) {
		if (strcmp(raw->types[i], directions[BL_INGRESS]) == 0)
			ret_about[BL_INGRESS] = true;
		else if (strcmp(raw->types[i], directions[BL_EGRESS]) == 0)
			ret_about[BL_EGRESS] = true;
		else
			return bl_fail(err, -EINVAL,
				       "spec.policyTypes[%zu]: expected Ingress or Egress, got "
				       "'%.48s'",
				       i, raw->types[i]);
	}
	return 0;
}

static int read_policy(const struct network_policy *raw, struct bl_policy *policy,
		       struct bl_err *err)
{
	struct bl_policy_spec *spec = policy_add_spec(policy);
	bool about[BL_POLICY_DIRECTIONS];
	int r = read_types(raw, about, err);

	if (r < 0)
		return r;
	spec->tier = BL_TIER_NORMAL;
	if (raw->pods)
		r = bl_selector_decode(raw->pods, "k8s", "", "spec.podSelector", &spec->subject,
				       err);
	if (r < 0)
		return r;
	bl_selector_require(&spec->subject, "k8s", BL_LABEL_NAMESPACE, policy->namespace);
	for (int d = 0; d < BL_POLICY_DIRECTIONS; d++) {
		spec->default_deny[d] = about[d];
		for (size_t i = 0; r == 0 && i < raw->rules[d].n_items; i++) {
			bl_autofree char *path = bl_format("spec.%s[%zu]", sections[d], i);
			struct bl_policy_rule *rule = policy_add_rule(spec, d, BL_RULE_ALLOW, path);

			r = read_rule(policy, &raw->rules[d].items[i], rule, err);
			if (!about[d])
				policy_empty_rule(rule);
		}
	}
	return r;
}

int network_policy_read(const struct cJSON *document, struct bl_policy *policy, struct bl_err *err)
{
	const struct cJSON *json;
	struct network_policy raw = {};
	int r = policy_document_spec(document, &json, err);

	if (r < 0)
		return r;
	r = bl_fields_decode(&policy_fields, json, "spec", &raw, &policy->warnings, err);
	if (r == 0)
		r = read_policy(&raw, policy, err);
	bl_fields_clear(&policy_fields, &raw);
	return r;
}
