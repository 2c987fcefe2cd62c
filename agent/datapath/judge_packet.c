// SPDX-License-Identifier: Apache-2.0
/* Frames of first packets; see the header. */
#include "judge_packet.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#include <beeline/addr.h>

#define TCP_HEADER_LEN (5 << 4)
#define TCP_SYN        2
#define SCTP_INIT      1
#define HOP_LIMIT      64

static uint8_t *put(struct judge_packet *packet, const void *bytes, size_t len)
{
	uint8_t *at = packet->bytes + packet->len;

	memcpy(at, bytes, len);
	packet->len += len;
	return at;
}

static void put8(struct judge_packet *packet, uint8_t value)
{
	put(packet, &value, sizeof(value));
}

static void put16(struct judge_packet *packet, uint16_t value)
{
	uint16_t swapped = htons(value);

	put(packet, &swapped, sizeof(swapped));
}

static void put_zeroes(struct judge_packet *packet, size_t len)
{
	static const uint8_t zeroes[32];

	put(packet, zeroes, len);
}

static void put_ports(struct judge_packet *packet, uint16_t port)
{
	put16(packet, JUDGE_PORT);
	put16(packet, port);
}

/* ---- layer 4 ------------------------------------------------------------------------------------- */

static void put_tcp(struct judge_packet *packet, uint16_t port)
{
	put_ports(packet, port);
	put_zeroes(packet, 8); /* numbers */
	put8(packet, TCP_HEADER_LEN);
	put8(packet, TCP_SYN);
	put16(packet, UINT16_MAX); /* window */
	put_zeroes(packet, 4);
}

static void put_udp(struct judge_packet *packet, uint16_t port)
{
	put_ports(packet, port);
	put16(packet, 8);
	put16(packet, 0);
}

static void put_sctp(struct judge_packet *packet, uint16_t port)
{
	put_ports(packet, port);
	put_zeroes(packet, 8); /* tag and checksum */
	put8(packet, SCTP_INIT);
	put8(packet, 0);
	put16(packet, 20);
	put_zeroes(packet, 16);
}

static void put_icmp(struct judge_packet *packet, uint16_t type)
{
	put8(packet, (uint8_t)type);
	put_zeroes(packet, 3);
	put16(packet, JUDGE_PORT);
	put16(packet, 1);
}

static void put_layer4(struct judge_packet *packet, uint8_t protocol, uint16_t port)
{
	switch (protocol) {
	case IPPROTO_TCP:
		put_tcp(packet, port);
		break;
	case IPPROTO_UDP:
		put_udp(packet, port);
		break;
	case IPPROTO_SCTP:
		put_sctp(packet, port);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		put_icmp(packet, port);
		break;
	default:
		put_zeroes(packet, 8);
	}
}

/* ---- layer 3 ------------------------------------------------------------------------------------- */

/* Where its length belongs. */
static uint8_t *put_ipv4(struct judge_packet *packet, const struct bl_addr *src,
			 const struct bl_addr *dst, uint8_t protocol)
{
	uint8_t *header;

	header = put(packet, (uint8_t[]){0x45, 0}, 2);
	put_zeroes(packet, 6);
	put8(packet, HOP_LIMIT);
	put8(packet, protocol);
	put16(packet, 0);
	put(packet, &src->words[3], 4);
	put(packet, &dst->words[3], 4);
	return header + 2;
}

static uint8_t *put_ipv6(struct judge_packet *packet, const struct bl_addr *src,
			 const struct bl_addr *dst, uint8_t protocol)
{
	uint8_t *header;

	header = put(packet, (uint8_t[]){0x60, 0, 0, 0}, 4);
	put16(packet, 0);
	put8(packet, protocol);
	put8(packet, HOP_LIMIT);
	put(packet, src, sizeof(*src));
	put(packet, dst, sizeof(*dst));
	return header + 4;
}

struct judge_packet judge_packet(const struct judge_ends *ends, enum bl_direction direction,
				 uint8_t protocol, uint16_t port)
{
	bool to_vm = direction == BL_TO_VM, v4 = bl_addr_is_v4(&ends->own);
	const struct bl_addr *src = to_vm ? &ends->peer : &ends->own;
	const struct bl_addr *dst = to_vm ? &ends->own : &ends->peer;
	struct judge_packet packet = {.len = 0};
	uint16_t len;
	uint8_t *at;

	put(&packet, to_vm ? ends->own_mac : ends->peer_mac, ETH_ALEN);
	put(&packet, to_vm ? ends->peer_mac : ends->own_mac, ETH_ALEN);
	put16(&packet, v4 ? ETH_P_IP : ETH_P_IPV6);
	at = v4 ? put_ipv4(&packet, src, dst, protocol) : put_ipv6(&packet, src, dst, protocol);
	put_layer4(&packet, protocol, port);
	/* IPv4 counts its header, IPv6 does not */
	len = htons((uint16_t)(packet.len - ETH_HLEN - (v4 ? 0 : 40)));
	memcpy(at, &len, sizeof(len));
	return packet;
}
