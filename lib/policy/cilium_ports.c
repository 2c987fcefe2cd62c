// SPDX-License-Identifier: Apache-2.0
/*
 * Layer 4 of one entry of a CiliumNetworkPolicy: toPorts or icmps, which exclude each other. A port is a
 * number, a name, or "0" for any; a missing protocol is TCP, UDP and SCTP. Unlike Cilium's, ICMP type 0 is
 * echo reply and nothing else, and endPort beside a name is ignored always.
 */
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "cilium.h"

/* 0: any of the three with ports. */
static int read_protocol(const char *name, const char *path, uint8_t *ret_protocol,
			 struct bl_err *err)
{
	int protocol = name ? layer4_protocol(name) : 0;

	if (!name || strcmp(name, "ANY") == 0) {
		*ret_protocol = 0;
		return 0;
	}
	if (strncmp(name, "ICMP", 4) == 0)
		return bl_fail(err, -EINVAL, "%s.protocol: write icmps in place of toPorts", path);
	if (protocol < 0)
		return bl_fail(err, -EINVAL,
			       "%s.protocol: expected TCP, UDP, SCTP, VRRP, IGMP, GRE, IPIP, IPV6, "
			       "ESP, AH or ANY, got '%.48s'",
			       path, name);
	*ret_protocol = protocol;
	return 0;
}

static int read_numbers(const struct cilium_port *port, uint8_t protocol, const char *path,
			struct bl_policy_rule *rule, struct bl_err *err)
{
	int first = layer4_port_number(port->port);

	if (first < 0)
		return bl_fail(err, -EINVAL,
			       "%s.port: '%.48s' is neither a number up to 65535 nor a port's name",
			       path, port->port);
	if (first == 0 && (port->end_port == 0 || port->end_port == UINT16_MAX))
		layer4_add_ports(rule, protocol, 0, UINT16_MAX, NULL);
	else
		layer4_add_ports(rule, protocol, first,
				 port->end_port > first ? port->end_port : first, NULL);
	return 0;
}

/* A protocol without ports: neither a number nor a name means anything. */
static int read_portless(const struct cilium_port *port, uint8_t protocol, const char *path,
			 struct bl_policy_rule *rule, struct bl_err *err)
{
	if ((port->port && layer4_port_number(port->port) != 0) || port->end_port)
		return bl_fail(err, -EINVAL, "%s.port: %s has no ports; write \"0\"", path,
			       port->protocol);
	policy_add_layer4(rule, protocol)->any_port = true;
	rule->layer4[rule->n_layer4 - 1].last = UINT16_MAX;
	return 0;
}

/* Names of ports are told apart without regard to case. */
static char *lower(const char *text)
{
	char *copy = bl_strdup(text);

	for (char *c = copy; copy && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return copy;
}

static int read_port(const struct cilium_port *port, const char *path, struct bl_policy_rule *rule,
		     struct bl_err *err)
{
	bl_autofree char *name = lower(port->port);
	uint8_t protocol = 0;
	int r = read_protocol(port->protocol, path, &protocol, err);

	if (r < 0)
		return r;
	if (protocol && !layer4_has_ports(protocol))
		return read_portless(port, protocol, path, rule, err);
	if (!port->port)
		return bl_fail(err, -EINVAL, "%s.port: missing", path);
	if (!layer4_is_port_name(name))
		return read_numbers(port, protocol, path, rule, err);
	layer4_add_ports(rule, protocol, 0, 0, name);
	return 0;
}

static int read_ports(const struct cilium_context *context, const struct cilium_entry *entry,
		      struct bl_err *err)
{
	for (size_t i = 0; i < entry->n_ports; i++) {
		for (size_t k = 0; k < entry->ports[i].n_ports; k++) {
			bl_autofree char *path =
				bl_format("%s.toPorts[%zu].ports[%zu]", context->path, i, k);
			int r = read_port(&entry->ports[i].ports[k], path, context->rule, err);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* ---- ICMP -------------------------------------------------------------------------------------- */

static int read_type(const struct cilium_icmp_field *field, const char *path,
		     struct bl_policy_rule *rule, struct bl_err *err)
{
	const char *name = bl_json_text(field->type);
	double number = bl_json_value(field->type);
	struct bl_layer4 *row;
	int type;

	if (name)
		type = layer4_icmp_type(field->family, name);
	else
		type = bl_json_is_number(field->type) && number >= 0 && number <= UINT8_MAX &&
				       number == (int)number
			       ? (int)number
			       : -1;
	if (name && type < 0 && (name[0] != '0' || !name[1]) &&
	    layer4_port_number(name) <= UINT8_MAX)
		type = layer4_port_number(name);
	if (type < 0)
		return bl_fail(err, -EINVAL,
			       "%s.type: expected a number from 0 to 255 or the name of a type of "
			       "%s",
			       path, field->family == BL_V6 ? "ICMPv6" : "ICMP");
	row = policy_add_layer4(rule, field->family == BL_V6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	row->first = type;
	row->last = type;
	return 0;
}

static int read_icmps(const struct cilium_context *context, const struct cilium_entry *entry,
		      struct bl_err *err)
{
	for (size_t i = 0; i < entry->n_icmps; i++) {
		for (size_t k = 0; k < entry->icmps[i].n_fields; k++) {
			bl_autofree char *path =
				bl_format("%s.icmps[%zu].fields[%zu]", context->path, i, k);
			int r = read_type(&entry->icmps[i].fields[k], path, context->rule, err);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

int cilium_ports_read(const struct cilium_context *context, const struct cilium_entry *entry,
		      struct bl_err *err)
{
	int r;

	if (entry->n_ports && entry->n_icmps)
		return bl_fail(err, -EINVAL,
			       "%s: toPorts and icmps exclude each other; write an entry for each",
			       context->path);
	context->rule->any_layer4 = !entry->n_ports && !entry->n_icmps;
	r = read_ports(context, entry, err);
	return r < 0 ? r : read_icmps(context, entry, err);
}
