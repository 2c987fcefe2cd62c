// SPDX-License-Identifier: Apache-2.0
/* Frames of UDP and, as one segment of 64 KB, of TCP; see frame.h. */
#include "frame.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>
#include <linux/virtio_net.h>

#include <beeline/file.h>

#define IP_AT    (sizeof(struct ether_header))
#define L4_AT    (IP_AT + sizeof(struct iphdr))
#define GSO_LEN  65336
#define GSO_SIZE 1448
/* Connections come from ports that flows do not. */
#define CONNECT_PORT  21000
#define CONNECT_PORTS 40000

const char *const way_names[WAYS] = {"to-guest", "from-guest"};
const char *const load_names[LOADS] = {"64B", "1514B", "gso64k", "64B-16kflows"};

void frame_far_ip(unsigned int i, uint8_t ret_ip[4])
{
	ret_ip[0] = 198;
	ret_ip[1] = 18;
	ret_ip[2] = 0;
	ret_ip[3] = 1 + i;
}

static bool is_tcp(const struct frames *frames)
{
	return frames->load == LOAD_GSO || frames->load == LOAD_CONNECT;
}

static uint32_t sum(const void *bytes, size_t len, uint32_t before)
{
	const unsigned char *p = bytes;
	uint32_t total = before;

	for (size_t i = 0; i + 1 < len; i += 2)
		total += (uint32_t)p[i] << 8 | p[i + 1];
	if (len & 1)
		total += (uint32_t)p[len - 1] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

static uint16_t pseudo_sum(const struct iphdr *ip)
{
	size_t len = ntohs(ip->tot_len) - sizeof(*ip);

	return sum(&ip->saddr, 8, ip->protocol + (uint32_t)len);
}

/* A guest leaves the transport checksum to its device: the field holds the pseudo header's sum. A
 * segment of 64 KB is unfinished from both sides. */
static bool is_partial(const struct frames *frames)
{
	return frames->way == FROM_GUEST || frames->load == LOAD_GSO;
}

static void write_checksums(const struct frames *frames, unsigned char *frame)
{
	struct iphdr *ip = (void *)(frame + IP_AT);
	uint16_t *check = (void *)(frame + L4_AT + (ip->protocol == IPPROTO_TCP ? 16 : 6));

	ip->check = 0;
	ip->check = htons(~sum(ip, sizeof(*ip), 0));
	*check = 0;
	if (is_partial(frames))
		*check = htons(pseudo_sum(ip));
	else
		*check = htons(~sum(frame + L4_AT, frames->len - L4_AT, pseudo_sum(ip)));
}

static void write_virtio(const struct frames *frames, unsigned char *at)
{
	struct virtio_net_hdr header = {0};

	if (is_partial(frames)) {
		header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header.csum_start = L4_AT;
		header.csum_offset = is_tcp(frames) ? 16 : 6;
	}
	if (frames->load == LOAD_GSO) {
		header.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
		header.gso_size = GSO_SIZE;
		header.hdr_len = L4_AT + sizeof(struct tcphdr);
	}
	if (frames->header)
		memcpy(at, &header, sizeof(header));
}

static void write_l4(const struct frames *frames, unsigned char *at)
{
	struct udphdr *udp = (void *)at;
	struct tcphdr *tcp = (void *)at;

	/* both begin with the ports; the far end's has the higher number in either direction */
	udp->source = htons(frames->way == TO_GUEST ? FRAME_FAR_PORT : FRAME_GUEST_PORT);
	udp->dest = htons(frames->way == TO_GUEST ? FRAME_GUEST_PORT : FRAME_FAR_PORT);
	if (!is_tcp(frames)) {
		udp->len = htons(frames->len - L4_AT);
		return;
	}
	tcp->seq = htonl(1);
	tcp->doff = sizeof(*tcp) / 4;
	tcp->window = htons(65535);
	tcp->syn = frames->load == LOAD_CONNECT;
	tcp->ack = !tcp->syn || frames->way == FROM_GUEST;
	tcp->ack_seq = htonl(tcp->ack ? 2 : 0);
	if (frames->load == LOAD_CONNECT)
		return;
	/* two connections, since neither end here ever acknowledges what the other sent */
	udp->source = htons(ntohs(udp->source) + frames->way);
	udp->dest = htons(ntohs(udp->dest) + frames->way);
}

static void write_frame(const struct frames *frames, const struct frame_ends *ends,
			unsigned char *at)
{
	unsigned char *frame = at + frames->header;
	struct ether_header *eth = (void *)frame;
	struct iphdr *ip = (void *)(frame + IP_AT);
	bool to_guest = frames->way == TO_GUEST;
	uint8_t far_ip[4];

	frame_far_ip(0, far_ip);
	write_virtio(frames, at);
	memcpy(eth->ether_shost, to_guest ? ends->wire_mac : ends->guest_mac, ETH_ALEN);
	memcpy(eth->ether_dhost, to_guest ? ends->pod_mac : ends->router_mac, ETH_ALEN);
	eth->ether_type = htons(ETHERTYPE_IP);
	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->ttl = 64;
	ip->frag_off = htons(IP_DF);
	ip->tot_len = htons(frames->len - IP_AT);
	ip->protocol = is_tcp(frames) ? IPPROTO_TCP : IPPROTO_UDP;
	memcpy(&ip->saddr, to_guest ? far_ip : ends->guest_ip, sizeof(ip->saddr));
	memcpy(&ip->daddr, to_guest ? ends->pod_ip : far_ip, sizeof(ip->daddr));
	write_l4(frames, frame + L4_AT);
	write_checksums(frames, frame);
}

void frames_init(struct frames *frames, const struct frame_ends *ends, enum way way, enum load load)
{
	static const size_t lens[FRAME_KINDS] = {64, 1514, GSO_LEN, 64, 64};
	bool small = lens[load] == 64;

	*frames = (struct frames){.way = way, .load = load, .len = lens[load]};
	if (way == FROM_GUEST)
		frames->header = FRAME_TAP_HEADER;
	else if (load == LOAD_GSO)
		frames->header = FRAME_PACKET_HEADER;
	/* small frames lie beside each other in both loads, so that one flow and many read as much */
	frames->stride = small ? frames->header + frames->len : 0;
	frames->bytes = bl_alloc(frames->header + frames->len + frames->stride * FRAME_BURST);
	for (unsigned int i = 0; i < (small ? FRAME_BURST : 1); i++)
		write_frame(frames, ends, frames_at(frames, i));
}

unsigned char *frames_at(const struct frames *frames, unsigned int i)
{
	return frames->bytes + frames->stride * i;
}

/* The far end of one frame of a burst. */
static void set_far(struct frames *frames, unsigned int i, const uint8_t far_ip[4], uint16_t port)
{
	unsigned char *frame = frames_at(frames, i) + frames->header;
	struct iphdr *ip = (void *)(frame + IP_AT);
	struct udphdr *l4 = (void *)(frame + L4_AT);

	memcpy(frames->way == TO_GUEST ? &ip->saddr : &ip->daddr, far_ip, 4);
	*(frames->way == TO_GUEST ? &l4->source : &l4->dest) = htons(port);
	write_checksums(frames, frame);
}

void frames_set_flows(struct frames *frames, unsigned int first)
{
	for (unsigned int i = 0; i < FRAME_BURST; i++) {
		unsigned int flow = (first + i) % FRAME_FLOWS;
		uint8_t far_ip[4];

		frame_far_ip(flow / FRAME_FAR_PORTS, far_ip);
		set_far(frames, i, far_ip, FRAME_FAR_PORT + flow % FRAME_FAR_PORTS);
	}
}

void frames_set_connections(struct frames *frames, unsigned int first)
{
	for (unsigned int i = 0; i < FRAME_BURST; i++) {
		unsigned int connection = first + i;
		uint8_t far_ip[4];

		frame_far_ip(connection % FRAME_FAR_IPS, far_ip);
		set_far(frames, i, far_ip,
			CONNECT_PORT + connection / FRAME_FAR_IPS % CONNECT_PORTS);
	}
}

void frames_set_reset(struct frames *frames, bool reset)
{
	for (unsigned int i = 0; i < FRAME_BURST; i++) {
		unsigned char *frame = frames_at(frames, i) + frames->header;
		struct tcphdr *tcp = (void *)(frame + L4_AT);

		tcp->rst = reset;
		tcp->syn = !reset;
		tcp->ack = reset || frames->way == FROM_GUEST;
		tcp->seq = htonl(reset ? 2 : 1);
		tcp->ack_seq = htonl(tcp->ack ? 2 : 0);
		write_checksums(frames, frame);
	}
}

void frames_set_stranger(struct frames *frames)
{
	uint8_t far_ip[4];

	frame_far_ip(FRAME_FAR_IPS, far_ip);
	for (unsigned int i = 0; i < FRAME_BURST; i++)
		set_far(frames, i, far_ip, FRAME_FAR_PORT);
}
