/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CiliumNetworkPolicy as its document says it, member by member (pkg/policy/api); the rows that
 * read it are in cilium_fields.c, what it means in cilium.c, cilium_peers.c and cilium_ports.c. Lists
 * that are absent are NULL, empty ones are not: the two differ in meaning.
 */
#pragma once

#include "decode.h"

struct cilium_cidr {
	char *cidr;
	char *group;
	const struct cJSON *group_selector;
	char **except;
	size_t n_except;
};

struct cilium_service {
	const struct cJSON *by_name; /* these two only say which it is */
	const struct cJSON *by_selector;
	char *name, *namespace;
	const struct cJSON *selector;
	char *selector_namespace;
};

struct cilium_port {
	char *port;
	uint16_t end_port;
	char *protocol;
};

struct cilium_ports {
	struct cilium_port *ports;
	size_t n_ports;
	const struct cJSON *rules, *listener, *terminating_tls, *originating_tls, *server_names;
};

struct cilium_icmp_field {
	uint8_t family; /* enum bl_family */
	const struct cJSON *type;
};

struct cilium_icmp {
	struct cilium_icmp_field *fields;
	size_t n_fields;
};

/* One entry of ingress, ingressDeny, egress or egressDeny; "from" and "to" are alike. */
struct cilium_entry {
	const struct cJSON *endpoints, *nodes, *groups, *fqdns, *authentication;
	char **cidrs;
	size_t n_cidrs;
	struct cilium_cidr *cidr_set;
	size_t n_cidr_set;
	char **entities;
	size_t n_entities;
	struct cilium_service *services;
	size_t n_services;
	struct cilium_ports *ports;
	size_t n_ports;
	struct cilium_icmp *icmps;
	size_t n_icmps;
	char *unknown; /* a sentence about a member that nobody knows; NULL: there is none */
};

enum cilium_section { CILIUM_INGRESS, CILIUM_INGRESS_DENY, CILIUM_EGRESS, CILIUM_EGRESS_DENY };
#define CILIUM_SECTIONS 4

struct cilium_rule {
	const struct cJSON *endpoint_selector, *node_selector;
	struct cilium_entries {
		struct cilium_entry *items;
		size_t n_items;
	} sections[CILIUM_SECTIONS];
	bool default_deny[BL_POLICY_DIRECTIONS]; /* preset true */
};

extern const struct bl_fields cilium_rule_fields;
/* "ingressDeny" */
extern const char *const cilium_section_names[CILIUM_SECTIONS];

/* What an entry is read into, and what its selectors gain. */
struct cilium_context {
	struct bl_policy *policy;
	struct bl_policy_rule *rule;
	const char *namespace; /* "" for a clusterwide policy */
	const char *path;      /* of the entry */
	const char *side;      /* "from" or "to": how its members begin */
};

/* The peers of an entry: exactly one member of layer 3 may be there. ret_wildcard: none is. */
int cilium_peers_read(const struct cilium_context *context, const struct cilium_entry *entry,
		      bool *ret_wildcard, struct bl_err *err);
/* Layer 4; with neither ports nor ICMP it is every protocol. */
int cilium_ports_read(const struct cilium_context *context, const struct cilium_entry *entry,
		      struct bl_err *err);
/* Members above layer 4, which are checked and not enforced. */
int cilium_layer7_check(const struct cilium_entry *entry, const char *path, bool egress,
			struct bl_err *err);
/* Do the rules of layer 7 ask for anything? {} and {http: []} do not. */
bool cilium_layer7_asks(const struct cJSON *rules);
