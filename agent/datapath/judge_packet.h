/* SPDX-License-Identifier: Apache-2.0 */
/* Packets that open connections, for programs that are asked about them. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <beeline/abi.h>

#define JUDGE_PACKET_MAX 128
#define JUDGE_PORT       1025 /* that the opener calls from, and an echo's identifier */

/* Who is who at the endpoint. */
struct judge_ends {
	struct bl_addr own, peer; /* of one family */
	uint8_t own_mac[6], peer_mac[6];
};

struct judge_packet {
	uint8_t bytes[JUDGE_PACKET_MAX];
	size_t len;
};

/* port: the destination's, or the type of ICMP. Checksums are zero: no program looks at them. */
struct judge_packet judge_packet(const struct judge_ends *ends, enum bl_direction direction,
				 uint8_t protocol, uint16_t port);
