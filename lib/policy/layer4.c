// SPDX-License-Identifier: Apache-2.0
/*
 * Layer 4 by name: protocols (IANA), ICMP types as Cilium's policies spell them (pkg/policy/api/icmp.go),
 * ports. Numbers in, rows out; no document is read here.
 */
#include <netinet/in.h>
#include <string.h>

#include "decode.h"

#define PORT_NAME_MAX 15

struct number_name {
	const char *name;
	uint8_t number;
};

/* Those that Cilium's grammar knows; the last ones with its extended protocols. */
static const struct number_name protocols[] = {
	{"TCP", IPPROTO_TCP},   {"UDP", IPPROTO_UDP},   {"SCTP", IPPROTO_SCTP},
	{"VRRP", 112},          {"IGMP", IPPROTO_IGMP}, {"GRE", IPPROTO_GRE},
	{"IPIP", IPPROTO_IPIP}, {"IPV6", IPPROTO_IPV6}, {"ESP", IPPROTO_ESP},
	{"AH", IPPROTO_AH},
};

static const struct number_name icmp4_types[] = {
	{"EchoReply", 0},
	{"DestinationUnreachable", 3},
	{"Redirect", 5},
	{"Echo", 8},
	{"EchoRequest", 8},
	{"RouterAdvertisement", 9},
	{"RouterSelection", 10},
	{"TimeExceeded", 11},
	{"ParameterProblem", 12},
	{"Timestamp", 13},
	{"TimestampReply", 14},
	{"Photuris", 40},
	{"ExtendedEchoRequest", 42},
	{"ExtendedEchoReply", 43},
};

static const struct number_name icmp6_types[] = {
	{"DestinationUnreachable", 1},
	{"PacketTooBig", 2},
	{"TimeExceeded", 3},
	{"ParameterProblem", 4},
	{"EchoRequest", 128},
	{"EchoReply", 129},
	{"MulticastListenerQuery", 130},
	{"MulticastListenerReport", 131},
	{"MulticastListenerDone", 132},
	{"RouterSolicitation", 133},
	{"RouterAdvertisement", 134},
	{"NeighborSolicitation", 135},
	{"NeighborAdvertisement", 136},
	{"RedirectMessage", 137},
	{"RouterRenumbering", 138},
	{"ICMPNodeInformationQuery", 139},
	{"ICMPNodeInformationResponse", 140},
	{"InverseNeighborDiscoverySolicitation", 141},
	{"InverseNeighborDiscoveryAdvertisement", 142},
	{"HomeAgentAddressDiscoveryRequest", 144},
	{"HomeAgentAddressDiscoveryReply", 145},
	{"MobilePrefixSolicitation", 146},
	{"MobilePrefixAdvertisement", 147},
	{"DuplicateAddressRequestCodeSuffix", 157},
	{"DuplicateAddressConfirmationCodeSuffix", 158},
	{"ExtendedEchoRequest", 160},
	{"ExtendedEchoReply", 161},
};

#define N_ITEMS(array) (sizeof(array) / sizeof((array)[0]))

static int find(const struct number_name *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i].name, name) == 0)
			return names[i].number;
	return -1;
}

int layer4_protocol(const char *name)
{
	return find(protocols, N_ITEMS(protocols), name);
}

const char *layer4_protocol_name(uint8_t protocol)
{
	if (protocol == IPPROTO_ICMP)
		return "ICMP";
	if (protocol == IPPROTO_ICMPV6)
		return "ICMPv6";
	for (size_t i = 0; i < N_ITEMS(protocols); i++)
		if (protocols[i].number == protocol)
			return protocols[i].name;
	return NULL;
}

bool layer4_has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

int layer4_icmp_type(enum bl_family family, const char *name)
{
	if (family == BL_V6)
		return find(icmp6_types, N_ITEMS(icmp6_types), name);
	return find(icmp4_types, N_ITEMS(icmp4_types), name);
}

bool layer4_is_port_name(const char *text)
{
	size_t len = strlen(text);
	bool letter = false;

	if (len == 0 || len > PORT_NAME_MAX || text[0] == '-' || text[len - 1] == '-' ||
	    strstr(text, "--"))
		return false;
	for (const char *c = text; *c; c++) {
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-", *c))
			return false;
		letter = letter || (*c >= 'a' && *c <= 'z');
	}
	return letter;
}

int layer4_port_number(const char *text)
{
	int number = 0;

	if (*text == '\0')
		return -1;
	for (const char *c = text; *c; c++) {
		if (*c < '0' || *c > '9')
			return -1;
		number = number * 10 + (*c - '0');
		if (number > UINT16_MAX)
			return -1;
	}
	return number;
}

static void add_ports(struct bl_policy_rule *rule, uint8_t protocol, uint16_t first, uint16_t last,
		      const char *name)
{
	struct bl_layer4 *row = policy_add_layer4(rule, protocol);

	row->name = bl_strdup(name);
	row->any_port = !name && first == 0 && last == UINT16_MAX;
	row->first = first;
	row->last = last;
}

void layer4_add_ports(struct bl_policy_rule *rule, uint8_t protocol, uint16_t first, uint16_t last,
		      const char *name)
{
	static const uint8_t with_ports[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};

	if (protocol) {
		add_ports(rule, protocol, first, last, name);
		return;
	}
	for (size_t i = 0; i < N_ITEMS(with_ports); i++)
		add_ports(rule, with_ports[i], first, last, name);
}
