// SPDX-License-Identifier: Apache-2.0
/*
 * Decoding of captured headers. Every read is bounded by what was captured; a header that is cut off
 * ends the description there, which is then shorter and still true.
 */
#include "events.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <beeline/addr.h>
#include <beeline/reason.h>

#define VLAN_TAG_LEN   4
#define IPV4_OFFSET    0x1fff
#define EXTENSIONS_MAX 8

struct reader {
	const uint8_t *at;
	size_t left;
};

/* The next len bytes, or NULL. */
static const uint8_t *take(struct reader *reader, size_t len)
{
	const uint8_t *taken = reader->at;

	if (len > reader->left)
		return NULL;
	reader->at += len;
	reader->left -= len;
	return taken;
}

static uint16_t get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

const char *event_direction(enum bl_direction direction)
{
	static const char *const names[BL_DIRECTIONS_MAX] = {
		[BL_TO_VM] = "to-vm",
		[BL_FROM_VM] = "from-vm",
		[BL_POD_OUT] = "pod-out",
	};

	return (unsigned int)direction < BL_DIRECTIONS_MAX ? names[direction] : "unknown";
}

static void set_addrs(struct cJSON *json, const uint8_t *source, const uint8_t *destination,
		      size_t len)
{
	struct bl_addr from = bl_addr_from_bytes(source, len);
	struct bl_addr to = bl_addr_from_bytes(destination, len);
	char text[BL_ADDR_TEXT_MAX];

	bl_json_set_string(json, "source", bl_addr_format(&from, text));
	bl_json_set_string(json, "destination", bl_addr_format(&to, text));
}

static void set_macs(struct cJSON *json, const uint8_t *ethernet)
{
	char text[BL_MAC_TEXT_MAX];

	bl_json_set_string(json, "source", bl_mac_format(ethernet + ETH_ALEN, text));
	bl_json_set_string(json, "destination", bl_mac_format(ethernet, text));
}

/* ---- layer 4 --------------------------------------------------------------------------------- */

static void set_ports(struct cJSON *json, const uint8_t *ports)
{
	bl_json_set_number(json, "sourcePort", get16(ports));
	bl_json_set_number(json, "destinationPort", get16(ports + 2));
}

static void set_tcp_flags(struct cJSON *json, uint8_t flags)
{
	static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"};
	char text[64] = "";
	size_t len = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (flags & 1u << i)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s",
						len ? "," : "", names[i]);
	if (*text)
		bl_json_set_string(json, "detail", text);
}

struct icmp_name {
	uint8_t type;
	const char *name;
};

static void set_icmp(struct cJSON *json, const struct icmp_name *names, const uint8_t *header)
{
	char text[32];

	bl_json_set_number(json, "icmpType", header[0]);
	bl_json_set_number(json, "icmpCode", header[1]);
	for (; names->name; names++) {
		if (names->type == header[0]) {
			bl_json_set_string(json, "detail", names->name);
			return;
		}
	}
	snprintf(text, sizeof(text), "type %u code %u", header[0], header[1]);
	bl_json_set_string(json, "detail", text);
}

static const struct icmp_name icmp4_names[] = {
	{0, "echo reply"},   {3, "destination unreachable"}, {5, "redirect"},
	{8, "echo request"}, {11, "time exceeded"},          {0, NULL},
};

static const struct icmp_name icmp6_names[] = {
	{1, "destination unreachable"},
	{2, "packet too big"},
	{3, "time exceeded"},
	{128, "echo request"},
	{129, "echo reply"},
	{133, "router solicitation"},
	{134, "router advertisement"},
	{135, "neighbour solicitation"},
	{136, "neighbour advertisement"},
	{137, "redirect"},
	{143, "multicast listener report"},
	{0, NULL},
};

const char *event_protocol(uint8_t protocol, char text[EVENT_PROTOCOL_MAX])
{
	static const struct {
		uint8_t number;
		const char *name;
	} names[] = {
		{IPPROTO_ICMP, "ICMP"},     {IPPROTO_IGMP, "IGMP"}, {IPPROTO_TCP, "TCP"},
		{IPPROTO_UDP, "UDP"},       {IPPROTO_GRE, "GRE"},   {IPPROTO_ESP, "ESP"},
		{IPPROTO_ICMPV6, "ICMPv6"}, {IPPROTO_SCTP, "SCTP"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].number == protocol)
			return names[i].name;
	snprintf(text, EVENT_PROTOCOL_MAX, "IP %u", protocol);
	return text;
}

static void set_protocol(struct cJSON *json, uint8_t protocol)
{
	char text[EVENT_PROTOCOL_MAX];

	bl_json_set_string(json, "protocol", event_protocol(protocol, text));
}

static void describe_transport(struct cJSON *json, struct reader *reader, uint8_t protocol)
{
	const uint8_t *header;

	set_protocol(json, protocol);
	switch (protocol) {
	case IPPROTO_TCP:
		header = take(reader, 14);
		if (header) {
			set_ports(json, header);
			set_tcp_flags(json, header[13]);
		}
		break;
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		header = take(reader, 4);
		if (header)
			set_ports(json, header);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		header = take(reader, 2);
		if (header)
			set_icmp(json, protocol == IPPROTO_ICMP ? icmp4_names : icmp6_names,
				 header);
		break;
	}
}

/* ---- layer 3 --------------------------------------------------------------------------------- */

static void describe_ipv4(struct cJSON *json, struct reader *reader)
{
	const uint8_t *header = take(reader, 20);
	size_t options;

	bl_json_set_string(json, "protocol", "IPv4");
	if (!header || (header[0] & 0xf) < 5)
		return;
	set_addrs(json, header + 12, header + 16, 4);
	set_protocol(json, header[9]);
	options = (header[0] & 0xfu) * 4 - 20;
	if (get16(header + 6) & IPV4_OFFSET)
		bl_json_set_string(json, "detail", "fragment");
	else if (take(reader, options))
		describe_transport(json, reader, header[9]);
}

/* Walks extension headers up to the transport; a later fragment has none. */
static void describe_ipv6(struct cJSON *json, struct reader *reader)
{
	const uint8_t *header = take(reader, 40);
	uint8_t next;

	bl_json_set_string(json, "protocol", "IPv6");
	if (!header)
		return;
	set_addrs(json, header + 8, header + 24, 16);
	next = header[6];
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		const uint8_t *extension;

		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS &&
		    next != IPPROTO_FRAGMENT)
			break;
		extension = take(reader, 8);
		if (!extension)
			return;
		if (next == IPPROTO_FRAGMENT && get16(extension + 2) >> 3) {
			set_protocol(json, extension[0]);
			bl_json_set_string(json, "detail", "fragment");
			return;
		}
		if (next != IPPROTO_FRAGMENT && !take(reader, extension[1] * 8u))
			return;
		next = extension[0];
	}
	describe_transport(json, reader, next);
}

static void describe_arp(struct cJSON *json, struct reader *reader)
{
	const uint8_t *header = take(reader, 28);

	bl_json_set_string(json, "protocol", "ARP");
	if (!header)
		return;
	set_addrs(json, header + 14, header + 24, 4);
	bl_json_set_string(json, "detail", get16(header + 6) == 1 ? "request" : "reply");
}

static void describe_packet(struct cJSON *json, struct reader *reader)
{
	const uint8_t *ethernet = take(reader, ETH_HLEN);
	char text[16];
	uint16_t type;

	if (!ethernet)
		return;
	type = get16(ethernet + 2 * ETH_ALEN);
	if (type == ETH_P_8021Q) {
		const uint8_t *tag = take(reader, VLAN_TAG_LEN);

		type = tag ? get16(tag + 2) : ETH_P_8021Q;
	}
	switch (type) {
	case ETH_P_IP:
		describe_ipv4(json, reader);
		return;
	case ETH_P_IPV6:
		describe_ipv6(json, reader);
		return;
	case ETH_P_ARP:
		describe_arp(json, reader);
		return;
	}
	snprintf(text, sizeof(text), "0x%04x", type);
	bl_json_set_string(json, "protocol", text);
	set_macs(json, ethernet);
}

static void set_time(struct cJSON *json, int64_t wall_ns)
{
	time_t seconds = wall_ns / 1000000000;
	struct tm tm;
	char text[40];
	size_t len;

	gmtime_r(&seconds, &tm);
	len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, sizeof(text) - len, ".%06dZ", (int)(wall_ns % 1000000000 / 1000));
	bl_json_set_string(json, "time", text);
}

struct cJSON *event_json(const struct bl_event *event, const char *endpoint, int64_t wall_ns)
{
	struct cJSON *json = bl_json_object();
	size_t captured = event->captured;
	struct reader reader = {.at = event->bytes, .left = captured};

	if (captured > sizeof(event->bytes))
		reader.left = sizeof(event->bytes);
	set_time(json, wall_ns);
	bl_json_set_string(json, "endpoint", endpoint);
	bl_json_set_string(json, "direction", event_direction(event->direction));
	bl_json_set_string(json, "verdict",
			   BL_REASON_IS_DROP(event->reason) ? "dropped" : "traced");
	bl_json_set_string(json, "reason", bl_reason_text(event->reason));
	bl_json_set_number(json, "code", event->reason);
	if (event->cookie)
		bl_json_set_number(json, "rule", event->cookie);
	bl_json_set_number(json, "bytes", event->len);
	describe_packet(json, &reader);
	return json;
}
