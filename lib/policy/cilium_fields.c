// SPDX-License-Identifier: Apache-2.0
/*
 * Every member of a CiliumNetworkPolicy's spec, a row each (pkg/policy/api: rule.go, ingress.go,
 * egress.go, l4.go, icmp.go, cidr.go, service.go). Ingress says "from" where egress says "to".
 */
#include "cilium.h"

#define REMOVED      "Cilium removed it; write a policy that denies in its place"
#define REMOVED_HERE "is not for deny rules"

#define LOG_VALUE_MAX 32

const char *const cilium_section_names[CILIUM_SECTIONS] = {"ingress", "ingressDeny", "egress",
							   "egressDeny"};

static const char *const families[] = {[BL_V4] = "IPv4", [BL_V6] = "IPv6"};

static const struct bl_field cidr_rows[] = {
	BL_FIELD("cidr", BL_FIELD_STRING, struct cilium_cidr, cidr, .group = "source",
		 .one_of = BL_ONE_OF_EXACTLY_ONE),
	BL_FIELD("cidrGroupRef", BL_FIELD_STRING, struct cilium_cidr, group, .group = "source"),
	BL_FIELD("cidrGroupSelector", BL_FIELD_JSON, struct cilium_cidr, group_selector,
		 .group = "source"),
	BL_FIELD_PAIR("except", BL_FIELD_STRINGS, struct cilium_cidr, except, n_except,
		      .max = POLICY_PEERS_MAX),
};
static const struct bl_fields cidr_fields = BL_FIELDS(cidr_rows, struct cilium_cidr);

static const struct bl_field service_rows[] = {
	BL_FIELD("k8sService", BL_FIELD_MARK, struct cilium_service, by_name, .checked_only = true,
		 .group = "service", .one_of = BL_ONE_OF_EXACTLY_ONE),
	BL_FIELD("k8sService.serviceName", BL_FIELD_STRING, struct cilium_service, name,
		 .required = true),
	BL_FIELD("k8sService.namespace", BL_FIELD_STRING, struct cilium_service, namespace),
	BL_FIELD("k8sServiceSelector", BL_FIELD_MARK, struct cilium_service, by_selector,
		 .checked_only = true, .group = "service"),
	BL_FIELD("k8sServiceSelector.selector", BL_FIELD_JSON, struct cilium_service, selector,
		 .required = true),
	BL_FIELD("k8sServiceSelector.namespace", BL_FIELD_STRING, struct cilium_service,
		 selector_namespace),
};
static const struct bl_fields service_fields = BL_FIELDS(service_rows, struct cilium_service);

static const struct bl_field port_rows[] = {
	BL_FIELD("port", BL_FIELD_STRING, struct cilium_port, port),
	BL_FIELD("endPort", BL_FIELD_UINT, struct cilium_port, end_port),
	BL_FIELD("protocol", BL_FIELD_STRING, struct cilium_port, protocol),
};
static const struct bl_fields port_fields = BL_FIELDS(port_rows, struct cilium_port);

static const struct bl_field ports_rows[] = {
	BL_FIELD_PAIR("ports", BL_FIELD_LIST, struct cilium_ports, ports, n_ports,
		      .items = &port_fields, .max = POLICY_PORTS_MAX),
	BL_FIELD("rules", BL_FIELD_JSON, struct cilium_ports, rules),
	BL_FIELD("listener", BL_FIELD_JSON, struct cilium_ports, listener),
	BL_FIELD("terminatingTLS", BL_FIELD_JSON, struct cilium_ports, terminating_tls),
	BL_FIELD("originatingTLS", BL_FIELD_JSON, struct cilium_ports, originating_tls),
	BL_FIELD("serverNames", BL_FIELD_JSON, struct cilium_ports, server_names),
};
static const struct bl_fields ports_fields = BL_FIELDS(ports_rows, struct cilium_ports);

static const struct bl_field deny_ports_rows[] = {
	BL_FIELD_PAIR("ports", BL_FIELD_LIST, struct cilium_ports, ports, n_ports,
		      .items = &port_fields, .max = POLICY_PORTS_MAX),
	BL_FIELD_REFUSED("rules", REMOVED_HERE),
	BL_FIELD_REFUSED("listener", REMOVED_HERE),
	BL_FIELD_REFUSED("terminatingTLS", REMOVED_HERE),
	BL_FIELD_REFUSED("originatingTLS", REMOVED_HERE),
	BL_FIELD_REFUSED("serverNames", REMOVED_HERE),
};
static const struct bl_fields deny_ports_fields = BL_FIELDS(deny_ports_rows, struct cilium_ports);

static const struct bl_field icmp_field_rows[] = {
	BL_FIELD("family", BL_FIELD_ENUM, struct cilium_icmp_field, family,
		 BL_FIELD_NAMES(families)),
	BL_FIELD("type", BL_FIELD_JSON, struct cilium_icmp_field, type, .required = true),
};
static const struct bl_fields icmp_field_fields =
	BL_FIELDS(icmp_field_rows, struct cilium_icmp_field);

static const struct bl_field icmp_rows[] = {
	BL_FIELD_PAIR("fields", BL_FIELD_LIST, struct cilium_icmp, fields, n_fields,
		      .items = &icmp_field_fields, .max = POLICY_PORTS_MAX),
};
static const struct bl_fields icmp_fields = BL_FIELDS(icmp_rows, struct cilium_icmp);

/* What all four sections have; side is "from" or "to". */
#define ENTRY_ROWS(side, ports_)                                                                  \
	BL_FIELD(side "Endpoints", BL_FIELD_JSON, struct cilium_entry, endpoints),                \
		BL_FIELD(side "Nodes", BL_FIELD_JSON, struct cilium_entry, nodes),                \
		BL_FIELD(side "Groups", BL_FIELD_JSON, struct cilium_entry, groups),              \
		BL_FIELD_REFUSED(side "Requires", REMOVED),                                       \
		BL_FIELD_PAIR(side "CIDR", BL_FIELD_STRINGS, struct cilium_entry, cidrs, n_cidrs, \
			      .max = POLICY_PEERS_MAX),                                           \
		BL_FIELD_PAIR(side "CIDRSet", BL_FIELD_LIST, struct cilium_entry, cidr_set,       \
			      n_cidr_set, .items = &cidr_fields, .max = POLICY_PEERS_MAX),        \
		BL_FIELD_PAIR(side "Entities", BL_FIELD_STRINGS, struct cilium_entry, entities,   \
			      n_entities, .max = POLICY_PEERS_MAX),                               \
		BL_FIELD_PAIR("toPorts", BL_FIELD_LIST, struct cilium_entry, ports, n_ports,      \
			      .items = &ports_, .max = POLICY_PEERS_MAX),                         \
		BL_FIELD_PAIR("icmps", BL_FIELD_LIST, struct cilium_entry, icmps, n_icmps,        \
			      .items = &icmp_fields, .max = POLICY_PEERS_MAX)

#define SERVICE_ROWS                                                                          \
	BL_FIELD_PAIR("toServices", BL_FIELD_LIST, struct cilium_entry, services, n_services, \
		      .items = &service_fields, .max = POLICY_PEERS_MAX)

#define AUTHENTICATION_ROW \
	BL_FIELD("authentication", BL_FIELD_JSON, struct cilium_entry, authentication)

static const struct bl_field ingress_rows[] = {
	ENTRY_ROWS("from", ports_fields),
	AUTHENTICATION_ROW,
};
static const struct bl_fields ingress_fields =
	BL_FIELDS_NOTING(ingress_rows, struct cilium_entry, unknown);

static const struct bl_field ingress_deny_rows[] = {
	ENTRY_ROWS("from", deny_ports_fields),
	BL_FIELD_REFUSED("authentication", REMOVED_HERE),
};
static const struct bl_fields ingress_deny_fields =
	BL_FIELDS_NOTING(ingress_deny_rows, struct cilium_entry, unknown);

static const struct bl_field egress_rows[] = {
	ENTRY_ROWS("to", ports_fields),
	SERVICE_ROWS,
	AUTHENTICATION_ROW,
	BL_FIELD("toFQDNs", BL_FIELD_JSON, struct cilium_entry, fqdns),
};
static const struct bl_fields egress_fields =
	BL_FIELDS_NOTING(egress_rows, struct cilium_entry, unknown);

static const struct bl_field egress_deny_rows[] = {
	ENTRY_ROWS("to", deny_ports_fields),
	SERVICE_ROWS,
	BL_FIELD_REFUSED("authentication", REMOVED_HERE),
	BL_FIELD_REFUSED("toFQDNs", REMOVED_HERE),
};
static const struct bl_fields egress_deny_fields =
	BL_FIELDS_NOTING(egress_deny_rows, struct cilium_entry, unknown);

#define SECTION_ROW(name_, section_, fields_)                                             \
	BL_FIELD_PAIR(name_, BL_FIELD_LIST, struct cilium_rule, sections[section_].items, \
		      sections[section_].n_items, .items = &fields_, .max = POLICY_RULES_MAX)

static const struct bl_field label_rows[] = {
	BL_FIELD_CHECK("key", BL_FIELD_STRING, .required = true),
	BL_FIELD_CHECK("value", BL_FIELD_STRING),
	BL_FIELD_CHECK("source", BL_FIELD_STRING),
};
static const struct bl_fields label_fields = BL_FIELDS(label_rows, struct cilium_rule);

static const struct bl_field rule_rows[] = {
	BL_FIELD("endpointSelector", BL_FIELD_JSON, struct cilium_rule, endpoint_selector,
		 .group = "subject", .one_of = BL_ONE_OF_EXACTLY_ONE),
	BL_FIELD("nodeSelector", BL_FIELD_JSON, struct cilium_rule, node_selector,
		 .group = "subject"),
	SECTION_ROW("ingress", CILIUM_INGRESS, ingress_fields),
	SECTION_ROW("ingressDeny", CILIUM_INGRESS_DENY, ingress_deny_fields),
	SECTION_ROW("egress", CILIUM_EGRESS, egress_fields),
	SECTION_ROW("egressDeny", CILIUM_EGRESS_DENY, egress_deny_fields),
	BL_FIELD("enableDefaultDeny.ingress", BL_FIELD_BOOL, struct cilium_rule,
		 default_deny[BL_INGRESS]),
	BL_FIELD("enableDefaultDeny.egress", BL_FIELD_BOOL, struct cilium_rule,
		 default_deny[BL_EGRESS]),
	BL_FIELD_CHECK("labels", BL_FIELD_LIST, .items = &label_fields, .max = POLICY_RULES_MAX),
	BL_FIELD_CHECK("description", BL_FIELD_STRING),
	BL_FIELD_CHECK("log.value", BL_FIELD_STRING, .max = LOG_VALUE_MAX),
};
const struct bl_fields cilium_rule_fields = BL_FIELDS(rule_rows, struct cilium_rule);
