/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least of a guest: frames written into a tap and read from it, each behind a virtio header.
 * Reading waits for the frame that is meant and never for a time.
 */
#pragma once

#include "pod.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <sys/uio.h>

#include <linux/virtio_net.h>

#define GUEST_FRAME_MAX   2048
#define GUEST_PATIENCE_MS 5000

struct guest_frame {
	struct virtio_net_hdr virtio;
	uint8_t bytes[GUEST_FRAME_MAX];
	size_t len;
};

struct guest_ping {
	struct ethhdr ethernet;
	struct iphdr ip;
	struct icmphdr icmp;
	uint8_t payload[16];
} __attribute__((packed));

static inline uint16_t guest_sum(const void *bytes, size_t len)
{
	const uint16_t *at = bytes;
	uint32_t sum = 0;

	for (size_t i = 0; i < len / 2; i++)
		sum += at[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static inline void guest_send(const struct pod *pod, const void *frame, size_t len)
{
	uint8_t buffer[sizeof(struct virtio_net_hdr) + GUEST_FRAME_MAX] = {0};

	memcpy(buffer + sizeof(struct virtio_net_hdr), frame, len);
	assert_int_equal(write(pod->tap_fd, buffer, sizeof(struct virtio_net_hdr) + len),
			 sizeof(struct virtio_net_hdr) + len);
}

/* The next frame that fits; fails the test when none comes. */
static inline void guest_receive(const struct pod *pod, bool (*fits)(const struct guest_frame *),
				 struct guest_frame *frame)
{
	struct pollfd ready = {.fd = pod->tap_fd, .events = POLLIN};

	while (poll(&ready, 1, GUEST_PATIENCE_MS) == 1) {
		struct iovec iov[2] = {{&frame->virtio, sizeof(frame->virtio)},
				       {frame->bytes, sizeof(frame->bytes)}};
		ssize_t n = readv(pod->tap_fd, iov, 2);

		assert_true(n > (ssize_t)sizeof(frame->virtio));
		frame->len = (size_t)n - sizeof(frame->virtio);
		if (fits(frame))
			return;
	}
	fail_msg("the guest waited %d ms for a frame", GUEST_PATIENCE_MS);
}

static inline bool guest_is_icmp(const struct guest_frame *frame, uint8_t type)
{
	const struct guest_ping *ping = (const void *)frame->bytes;

	return frame->len >= sizeof(*ping) && ping->ethernet.h_proto == htons(ETH_P_IP) &&
	       ping->ip.protocol == IPPROTO_ICMP && ping->icmp.type == type;
}

static inline bool guest_is_echo_reply(const struct guest_frame *frame)
{
	return guest_is_icmp(frame, ICMP_ECHOREPLY);
}

static inline struct guest_ping guest_ping(const uint8_t mac[6], const char *from, const char *to)
{
	struct guest_ping ping = {
		.ethernet = {.h_dest = {0x02}, .h_proto = htons(ETH_P_IP)},
		.ip = {.version = 4,
		       .ihl = 5,
		       .tot_len = htons(sizeof(ping) - sizeof(ping.ethernet)),
		       .ttl = 64,
		       .protocol = IPPROTO_ICMP},
		.icmp = {.type = ICMP_ECHO, .un.echo = {.id = htons(7), .sequence = htons(1)}},
	};

	memcpy(ping.ethernet.h_source, mac, ETH_ALEN);
	inet_pton(AF_INET, from, &ping.ip.saddr);
	inet_pton(AF_INET, to, &ping.ip.daddr);
	ping.ip.check = guest_sum(&ping.ip, sizeof(ping.ip));
	ping.icmp.checksum = guest_sum(&ping.icmp, sizeof(ping.icmp) + sizeof(ping.payload));
	return ping;
}
