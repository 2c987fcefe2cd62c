// SPDX-License-Identifier: Apache-2.0
/*
 * Frames whose checksum is still to be completed, which only a real tap can bring, and whether the
 * tap's reader takes such frames back. A VMM says so when the guest's driver has spoken, and says
 * another thing when the guest boots another driver.
 */
#define TEST "offload"
#include "endpoint.h"
#include "guest.h"

#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>

#define TOO_BIG 1480 /* as an IP packet: more than the route's 1450, and the tap would take it */

/* The endpoint's flags as the programs see them. */
static uint32_t flags(void)
{
	bl_autoclose int map = bpf_obj_get(BPFFS "/maps/bl_endpoints");
	struct bl_endpoint entry;
	uint32_t index = 0;

	assert_true(map >= 0);
	assert_int_equal(bpf_map_lookup_elem(map, &index, &entry), 0);
	return entry.flags;
}

static void wait_plain(struct fixture *f, bool plain)
{
	uint64_t until = bl_now_ns() + 5000000000ull;

	while (!(flags() & BL_EP_TAP_PLAIN) == plain && bl_now_ns() < until)
		bl_loop_once(f->loop, 100);
	assert_int_equal(!(flags() & BL_EP_TAP_PLAIN), !plain);
}

/* What QEMU does when the guest's driver has said what it can take. */
static void set_offload(struct fixture *f, unsigned long offload)
{
	assert_int_equal(ioctl(f->pod.tap_fd, TUNSETOFFLOAD, offload), 0);
}

static int counted(const struct fixture *f, uint8_t reason)
{
	const struct endpoint *endpoint = endpoint_find(f->endpoints, f->pod.name);
	bl_auto_json struct cJSON *counters = endpoint_counters(f->endpoints, endpoint);

	bl_json_for_each (entry, bl_json_get(counters, "reasons")) {
		if ((int)bl_json_get_number(entry, "code", 0) == reason)
			return (int)bl_json_get_number(entry, "packets", 0);
	}
	return 0;
}

/* There is one answer in a millisecond, and these tests are faster. */
static void forget_answer(void)
{
	bl_autoclose int map = bpf_obj_get(BPFFS "/maps/bl_answered");
	uint32_t index = 0;
	uint64_t never = 0;

	assert_true(map >= 0);
	assert_int_equal(bpf_map_update_elem(map, &index, &never, BPF_ANY), 0);
}

/* A guest's frame of which the checksum at csum_start + csum_offset is the device's to complete. */
static void send_partial(const struct fixture *f, const void *frame, size_t len,
			 uint16_t csum_start, uint16_t csum_offset)
{
	struct virtio_net_hdr virtio = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					.csum_start = csum_start,
					.csum_offset = csum_offset};
	struct iovec iov[2] = {{&virtio, sizeof(virtio)}, {(void *)frame, len}};

	assert_int_equal(writev(f->pod.tap_fd, iov, 2), sizeof(virtio) + len);
}

struct big4 {
	struct ethhdr ethernet;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t payload[TOO_BIG - sizeof(struct iphdr) - sizeof(struct udphdr)];
} __attribute__((packed));

static struct big4 big4(const uint8_t mac[6])
{
	struct big4 frame = {
		.ethernet = {.h_dest = {0x02}, .h_proto = htons(ETH_P_IP)},
		.ip = {.version = 4,
		       .ihl = 5,
		       .tot_len = htons(TOO_BIG),
		       .frag_off = htons(IP_DF),
		       .ttl = 64,
		       .protocol = IPPROTO_UDP},
		.udp = {.source = htons(5), .dest = htons(6), .len = htons(TOO_BIG - 20)},
	};

	memcpy(frame.ethernet.h_source, mac, ETH_ALEN);
	inet_pton(AF_INET, "10.77.0.2", &frame.ip.saddr);
	inet_pton(AF_INET, "10.9.9.9", &frame.ip.daddr);
	frame.ip.check = guest_sum(&frame.ip, sizeof(frame.ip));
	return frame;
}

struct big6 {
	struct ethhdr ethernet;
	struct ip6_hdr ip;
	struct udphdr udp;
	uint8_t payload[TOO_BIG - sizeof(struct ip6_hdr) - sizeof(struct udphdr)];
} __attribute__((packed));

static struct big6 big6(const uint8_t mac[6])
{
	struct big6 frame = {
		.ethernet = {.h_dest = {0x02}, .h_proto = htons(ETH_P_IPV6)},
		.ip = {.ip6_flow = htonl(6u << 28),
		       .ip6_plen = htons(TOO_BIG - 40),
		       .ip6_nxt = IPPROTO_UDP,
		       .ip6_hlim = 64},
		.udp = {.source = htons(5), .dest = htons(6), .len = htons(TOO_BIG - 40)},
	};

	memcpy(frame.ethernet.h_source, mac, ETH_ALEN);
	inet_pton(AF_INET6, "fd77::2", &frame.ip.ip6_src);
	inet_pton(AF_INET6, "fd99::9", &frame.ip.ip6_dst);
	return frame;
}

static bool is_frag_needed(const struct guest_frame *frame)
{
	const struct guest_ping *ping = (const void *)frame->bytes;

	return guest_is_icmp(frame, ICMP_UNREACH) && ping->icmp.code == ICMP_UNREACH_NEEDFRAG &&
	       guest_sum(&ping->icmp, frame->len - offsetof(struct guest_ping, icmp)) == 0;
}

static bool is_packet_too_big(const struct guest_frame *frame)
{
	return frame->len > 54 && memcmp(frame->bytes + 12, "\x86\xdd", 2) == 0 &&
	       frame->bytes[54] == ICMP6_PACKET_TOO_BIG;
}

static void start_guest(struct fixture *f, uint8_t mac[6])
{
	struct endpoint_spec spec = spec_of(f);

	pod_open_tap(&f->pod);
	memcpy(mac, endpoint_guest_mac(attach(f, &spec)), 6);
}

static void test_flag_follows_the_reader(void **state)
{
	struct fixture *f = *state;
	uint8_t mac[6];

	start_guest(f, mac);
	assert_true(flags() & BL_EP_TAP_PLAIN);
	set_offload(f, TUN_F_CSUM | TUN_F_TSO4);
	wait_plain(f, false);
	set_offload(f, 0);
	wait_plain(f, true);
	stop(f); /* and what is said while no agent listens */
	set_offload(f, TUN_F_CSUM);
	start(f);
	assert_false(flags() & BL_EP_TAP_PLAIN);
}

/* An answer made of a partial frame stays partial. Who takes complete frames only would get one with a
 * checksum put into its middle, and gets none. */
static void test_too_big_and_partial(void **state)
{
	struct fixture *f = *state;
	struct guest_frame answer;
	uint8_t mac[6];
	struct big4 four;
	struct big6 six;

	start_guest(f, mac);
	four = big4(mac);
	six = big6(mac);
	send_partial(f, &four, sizeof(four), offsetof(struct big4, udp), 6);
	assert_int_equal(counted(f, BL_REASON_PARTIAL_CSUM), 1);
	forget_answer();
	send_partial(f, &six, sizeof(six), offsetof(struct big6, udp), 6);
	assert_int_equal(counted(f, BL_REASON_PARTIAL_CSUM), 2);
	assert_int_equal(counted(f, BL_REASON_TOO_BIG), 0);
	forget_answer();
	guest_send(&f->pod, &four, sizeof(four)); /* complete as far as the kernel can tell */
	guest_receive(&f->pod, is_frag_needed, &answer);

	set_offload(f, TUN_F_CSUM);
	wait_plain(f, false);
	forget_answer();
	send_partial(f, &four, sizeof(four), offsetof(struct big4, udp), 6);
	guest_receive(&f->pod, is_frag_needed, &answer);
	forget_answer();
	send_partial(f, &six, sizeof(six), offsetof(struct big6, udp), 6);
	guest_receive(&f->pod, is_packet_too_big, &answer);
	assert_int_equal(counted(f, BL_REASON_PARTIAL_CSUM), 2);
	assert_int_equal(counted(f, BL_REASON_TOO_BIG), 3);
}

struct solicitation {
	struct ethhdr ethernet;
	struct ip6_hdr ip;
	struct nd_neighbor_solicit nd;
	struct nd_opt_hdr option;
	uint8_t mac[6];
	uint8_t padding[200];
} __attribute__((packed));

/* The kernel cuts no frame before the place of a checksum that it is still to write: a guest that has
 * it behind the end of the answer gets none. */
static void test_answer_cannot_be_written(void **state)
{
	struct fixture *f = *state;
	struct solicitation frame = {
		.ethernet = {.h_dest = {0x33, 0x33, 0xff, 0, 0, 1}, .h_proto = htons(ETH_P_IPV6)},
		.ip = {.ip6_flow = htonl(6u << 28),
		       .ip6_plen = htons(32),
		       .ip6_nxt = IPPROTO_ICMPV6,
		       .ip6_hlim = 255},
		.nd.nd_ns_type = ND_NEIGHBOR_SOLICIT,
		.option = {.nd_opt_type = ND_OPT_SOURCE_LINKADDR, .nd_opt_len = 1},
	};

	start_guest(f, frame.mac);
	memcpy(frame.ethernet.h_source, frame.mac, ETH_ALEN);
	inet_pton(AF_INET6, "fd77::2", &frame.ip.ip6_src);
	inet_pton(AF_INET6, "ff02::1:ff00:1", &frame.ip.ip6_dst);
	inet_pton(AF_INET6, "fe80::1", &frame.nd.nd_ns_target);
	send_partial(f, &frame, sizeof(frame), offsetof(struct solicitation, nd), 2);
	assert_int_equal(counted(f, BL_REASON_ANSWERED), 1);
	send_partial(f, &frame, sizeof(frame), offsetof(struct solicitation, padding) + 100, 2);
	assert_int_equal(counted(f, BL_REASON_WRITE_ERROR), 1);
	assert_int_equal(counted(f, BL_REASON_ANSWERED), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_flag_follows_the_reader, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_big_and_partial, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_answer_cannot_be_written, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, take_turn, NULL);
}
