// SPDX-License-Identifier: Apache-2.0
/* Frame and sending of an unsolicited router advertisement. */
#include "advert.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <string.h>
#include <sys/socket.h>

#include <beeline/cleanup.h>

#include "lease.h"
#include "../netns.h"

#define HOP_LIMIT 255 /* neighbour discovery never crosses a router */

static const struct bl_addr all_nodes = {.bytes = {0xff, 0x02, [15] = 1}};
static const uint8_t all_nodes_mac[ETH_ALEN] = {0x33, 0x33, 0, 0, 0, 1};

/* RFC 8200 8.1. The blob's own sum is known already. */
static uint16_t checksum(const struct bl_addr *from, const struct bl_blob *ra)
{
	uint16_t parts[] = {lease_sum(from->bytes, sizeof(from->bytes)),
			    lease_sum(all_nodes.bytes, sizeof(all_nodes.bytes)), htons(ra->len),
			    htons(IPPROTO_ICMPV6), ra->sum};

	return (uint16_t)~lease_sum(parts, sizeof(parts));
}

size_t advert_frame(const struct bl_endpoint *entry, const struct bl_blob *ra,
		    uint8_t frame[ADVERT_FRAME_MAX])
{
	struct ethhdr ethernet = {.h_proto = htons(ETH_P_IPV6)};
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6u << 28),
		.ip6_plen = htons(ra->len),
		.ip6_nxt = IPPROTO_ICMPV6,
		.ip6_hlim = HOP_LIMIT,
	};
	uint16_t check = checksum(&entry->router6, ra);
	uint8_t *body = frame + sizeof(ethernet) + sizeof(ip);

	memcpy(ethernet.h_dest, all_nodes_mac, ETH_ALEN);
	memcpy(ethernet.h_source, entry->router_mac, ETH_ALEN);
	memcpy(&ip.ip6_src, entry->router6.bytes, sizeof(ip.ip6_src));
	memcpy(&ip.ip6_dst, all_nodes.bytes, sizeof(ip.ip6_dst));
	memcpy(frame, &ethernet, sizeof(ethernet));
	memcpy(frame + sizeof(ethernet), &ip, sizeof(ip));
	memcpy(body, ra->bytes, ra->len);
	memcpy(body + offsetof(struct nd_router_advert, nd_ra_cksum), &check, sizeof(check));
	return sizeof(ethernet) + sizeof(ip) + ra->len;
}

static int open_here(void *data, struct bl_err *err)
{
	int *ret_fd = data;

	*ret_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return *ret_fd < 0 ? bl_fail_errno(err, -errno, "opening a packet socket") : 0;
}

int advert_send(int netns_fd, const struct bl_endpoint *entry, const struct bl_blob *ra,
		struct bl_err *err)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_IPV6),
				 .sll_ifindex = (int)entry->tap_ifindex};
	uint8_t frame[ADVERT_FRAME_MAX];
	size_t len = advert_frame(entry, ra, frame);
	bl_autoclose int fd = -1;
	int r = netns_do(netns_fd, open_here, &fd, err);

	if (r < 0)
		return r;
	if (sendto(fd, frame, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		return bl_fail_errno(err, -errno, "advertising the router");
	return 0;
}
