// SPDX-License-Identifier: Apache-2.0
/* Policies in words, for people: peers, layer 4, tiers. Nothing here is read again by a program. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/addr.h>

#include "decode.h"

/* ---- layer 4 ------------------------------------------------------------------------------------ */

char *bl_protocol_format(uint8_t protocol)
{
	const char *name = layer4_protocol_name(protocol);

	return name ? bl_strdup(name) : bl_format("%u", protocol);
}

char *bl_layer4_format(const struct bl_layer4 *row)
{
	bl_autofree char *protocol = bl_protocol_format(row->protocol);

	if (row->name)
		return bl_format("%s/%s", row->name, protocol);
	if (row->any_port)
		return bl_take_ptr(protocol);
	if (row->first == row->last)
		return bl_format("%u/%s", row->first, protocol);
	return bl_format("%u-%u/%s", row->first, row->last, protocol);
}

char *bl_policy_key_layer4(const struct bl_policy_key *key)
{
	unsigned int bits = key->prefixlen < BL_POLICY_PREFIX_PROTOCOL
				    ? 0
				    : key->prefixlen - BL_POLICY_PREFIX_PROTOCOL;
	uint16_t first = ntohs(key->dport);
	const struct bl_layer4 row = {
		.protocol = key->protocol,
		.any_port = bits == 0,
		.first = first,
		.last = (uint16_t)(first | (0xffffu >> bits)),
	};

	return key->prefixlen < BL_POLICY_PREFIX_PROTOCOL ? bl_strdup("ANY")
							  : bl_layer4_format(&row);
}

/* ---- peers -------------------------------------------------------------------------------------- */

static void write_values(FILE *stream, const struct bl_requirement *requirement)
{
	for (size_t i = 0; i < requirement->n_values; i++)
		fprintf(stream, "%s%s", i ? "," : "", requirement->values[i]);
}

/* "k8s:app=web", "role in (a,b)", "!tier"; as kubectl writes selectors, with Cilium's sources. */
static void write_requirement(FILE *stream, const struct bl_requirement *requirement)
{
	bool single = requirement->op == BL_LABEL_IN && requirement->n_values == 1;

	if (requirement->op == BL_LABEL_DOES_NOT_EXIST)
		fputc('!', stream);
	if (requirement->source)
		fprintf(stream, "%s:", requirement->source);
	fputs(requirement->key, stream);
	if (single && *requirement->values[0])
		fprintf(stream, "=%s", requirement->values[0]);
	if (single || requirement->n_values == 0)
		return;
	fputs(requirement->op == BL_LABEL_IN ? " in (" : " notin (", stream);
	write_values(stream, requirement);
	fputc(')', stream);
}

static void write_selector(FILE *stream, const struct bl_selector *selector)
{
	if (selector->n_items == 0)
		fputs("all", stream);
	for (size_t i = 0; i < selector->n_items; i++) {
		fputs(i ? ", " : "", stream);
		write_requirement(stream, selector->items[i]);
	}
}

static void write_prefix(FILE *stream, const struct bl_prefix *prefix)
{
	char text[BL_ADDR_TEXT_MAX];

	fputs(bl_prefix_format(prefix, text), stream);
}

static void write_except(FILE *stream, const struct bl_peer *peer)
{
	for (size_t i = 0; i < peer->n_except; i++) {
		fputs(i ? ", " : " except ", stream);
		write_prefix(stream, &peer->except[i]);
	}
}

/* What is meant by name, or by labels. */
static void write_named(FILE *stream, const char *what, const struct bl_peer *peer)
{
	fprintf(stream, "%s ", what);
	if (!peer->name)
		write_selector(stream, &peer->selector);
	if (peer->name && peer->namespace)
		fprintf(stream, "%s/", peer->namespace);
	if (peer->name)
		fputs(peer->name, stream);
	else if (peer->namespace)
		fprintf(stream, " in %s", peer->namespace);
}

static void write_peer(FILE *stream, const struct bl_peer *peer)
{
	switch (peer->kind) {
	case BL_PEER_LABELS:
		write_selector(stream, &peer->selector);
		break;
	case BL_PEER_ENTITY:
		fprintf(stream, "entity %s", bl_entity_name(peer->entity));
		break;
	case BL_PEER_CIDR:
		write_prefix(stream, &peer->cidr);
		write_except(stream, peer);
		break;
	case BL_PEER_CIDR_GROUP:
		write_named(stream, "CIDR group", peer);
		write_except(stream, peer);
		break;
	case BL_PEER_NODES:
		write_named(stream, "nodes", peer);
		break;
	case BL_PEER_ALL_NODES:
		write_named(stream, "all nodes", peer);
		break;
	case BL_PEER_SERVICE:
		write_named(stream, "service", peer);
		break;
	}
}

static FILE *open_text(char **text, size_t *size)
{
	FILE *stream = open_memstream(text, size);

	if (!stream)
		abort();
	return stream;
}

static void close_text(FILE *stream)
{
	if (fclose(stream) != 0)
		abort();
}

char *bl_peer_format(const struct bl_peer *peer)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_text(&text, &size);

	write_peer(stream, peer);
	close_text(stream);
	return text;
}

char *bl_subject_format(const struct bl_policy_spec *spec)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_text(&text, &size);

	fputs(spec->of_nodes ? "nodes " : "", stream);
	write_selector(stream, &spec->subject);
	close_text(stream);
	return text;
}

/* A spec of Cilium's kinds has a rule at least, whose path begins with the spec's. */
char *bl_subject_path(const struct bl_policy *policy, const struct bl_policy_spec *spec)
{
	const char *rule = spec->n_rules > 0 ? spec->rules[0].path : "spec";

	if (strcmp(policy->kind, "NetworkPolicy") == 0)
		return bl_strdup("spec.podSelector");
	if (strcmp(policy->kind, "ClusterNetworkPolicy") == 0)
		return bl_strdup("spec.subject");
	return bl_format("%.*s.%s", (int)strcspn(rule, "."), rule,
			 spec->of_nodes ? "nodeSelector" : "endpointSelector");
}

/* ---- words -------------------------------------------------------------------------------------- */

const char *bl_tier_name(enum bl_tier tier)
{
	switch (tier) {
	case BL_TIER_ADMIN:
		return "Admin";
	case BL_TIER_NORMAL:
		return "Normal";
	case BL_TIER_BASELINE:
		return "Baseline";
	case BL_TIER_DEFAULT:
		break;
	}
	return "Default";
}

const char *bl_rule_verdict_name(enum bl_rule_verdict verdict)
{
	static const char *const names[] = {
		[BL_RULE_DENY] = "Deny", [BL_RULE_ALLOW] = "Allow", [BL_RULE_PASS] = "Pass"};

	return names[verdict];
}

const char *bl_policy_direction_name(enum bl_policy_direction direction)
{
	return direction == BL_INGRESS ? "Ingress" : "Egress";
}
