/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the readers of the kinds share: policy.c asks the reader of a document's kind, which fills
 * specs. Each kind has a file of its own; what is in no document (layer 4 by name, growing lists)
 * lives here.
 *
 * Paths are the document's ("spec.ingress[0].toPorts[1]"), made by bl_format() on the way down.
 */
#pragma once

#include <beeline/file.h>
#include <beeline/policy.h>

#define POLICY_RULES_MAX 1000 /* of one section */
#define POLICY_PEERS_MAX 1000 /* of one list */
#define POLICY_PORTS_MAX 40   /* Cilium's */

/* One kind: reads the document into policy->specs. */
int cilium_policy_read(const struct cJSON *document, struct bl_policy *policy, struct bl_err *err);
int network_policy_read(const struct cJSON *document, struct bl_policy *policy, struct bl_err *err);
int cluster_policy_read(const struct cJSON *document, struct bl_policy *policy, struct bl_err *err);

/* Each adds a zeroed item at the end of a list and returns it; borrowed until the next one. */
struct bl_policy_spec *policy_add_spec(struct bl_policy *policy);
struct bl_policy_rule *policy_add_rule(struct bl_policy_spec *spec,
				       enum bl_policy_direction direction,
				       enum bl_rule_verdict verdict, const char *path);
struct bl_peer *policy_add_peer(struct bl_policy_rule *rule, enum bl_peer_kind kind);
struct bl_layer4 *policy_add_layer4(struct bl_policy_rule *rule, uint8_t protocol);

/* The rule selects nobody any more. */
void policy_empty_rule(struct bl_policy_rule *rule);
/* The requirements of a Kubernetes LabelSelector beside those that are there. */
int policy_add_selector(struct bl_selector *selector, const struct cJSON *object, const char *path,
			struct bl_err *err);
/* Requires a namespace, which pods have and nobody else, unless what is required implies it: "not in
 * namespace a" is true of the world as well. */
void policy_pods_only(struct bl_selector *selector);
/* The spec of a document that has nothing else of its own; borrowed. */
int policy_document_spec(const struct cJSON *document, const struct cJSON **ret_spec,
			 struct bl_err *err);

/* path cannot be enforced: a rule that allows allows nothing any more, one that denies denies
 * whoever it is. */
void policy_cannot_enforce(struct bl_policy *policy, struct bl_policy_rule *rule, const char *path,
			   const char *why);

/* note: a sentence about an unknown field in the rule, which allows nothing any more; one that denies or
 * passes denies everything. */
void policy_not_understood(struct bl_policy *policy, struct bl_policy_rule *rule, const char *note);

/* Prefixes of peers, host bits refused. A bare address is its own prefix when bare is allowed. */
int policy_prefix(const char *text, bool bare, const char *path, struct bl_prefix *ret_prefix,
		  struct bl_err *err);
/* Adds an exception to a peer, which has to lie within its prefix unless that is a group's. */
int policy_add_except(struct bl_peer *peer, const char *text, const char *path, struct bl_err *err);

/* ---- layer 4 (layer4.c) ------------------------------------------------------------------------ */

/* IPPROTO_* by name as policies spell it, in capitals; -1: unknown. */
int layer4_protocol(const char *name);
/* The other way, ICMP's two included; NULL: it has no name here. */
const char *layer4_protocol_name(uint8_t protocol);
/* TCP, UDP and SCTP: what has ports. */
bool layer4_has_ports(uint8_t protocol);
/* Type of ICMP by Cilium's name of it; -1: unknown in this family. */
int layer4_icmp_type(enum bl_family family, const char *name);
/* A service name (RFC 6335 5.1): up to 15 lower-case letters, digits and '-', one letter at least. */
bool layer4_is_port_name(const char *text);
/* A number 0 to 65535, nothing before or behind it; -1: it is none. */
int layer4_port_number(const char *text);
/* Adds a row for a range, or for each of TCP, UDP and SCTP when protocol is 0. */
void layer4_add_ports(struct bl_policy_rule *rule, uint8_t protocol, uint16_t first, uint16_t last,
		      const char *name);
