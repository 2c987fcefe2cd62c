// SPDX-License-Identifier: Apache-2.0
/* The router advertisement that goes out unasked. */
#include "unit.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>

#include "../../agent/endpoint/advert.h"
#include "../../agent/endpoint/lease.h"

/* A receiver's check (RFC 1071): all words of pseudo header and message sum up to 0xffff. */
static uint16_t received_sum(const struct ip6_hdr *ip, const uint8_t *body, size_t len)
{
	uint32_t sum = (uint32_t)len + IPPROTO_ICMPV6;
	const uint8_t *addrs = (const uint8_t *)&ip->ip6_src;

	for (size_t i = 0; i < 32; i += 2)
		sum += (uint32_t)addrs[i] << 8 | addrs[i + 1];
	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)body[i] << 8 | body[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void test_frame(void **state)
{
	struct lease_spec spec = {.mtu = 1450, .router_mac = {2}};
	struct bl_endpoint entry = {.router_mac = {2},
				    .router6 = {.bytes = {0xfe, 0x80, [15] = 1}}};
	struct bl_lease lease;
	uint8_t frame[ADVERT_FRAME_MAX];
	struct ip6_hdr ip;
	size_t len;

	assert_int_equal(lease_encode(&spec, &lease, NULL), 0);
	len = advert_frame(&entry, &lease.ra, frame);
	assert_int_equal(len, 14 + 40 + lease.ra.len);
	assert_memory_equal(frame, "\x33\x33\0\0\0\1\2\0\0\0\0\0\x86\xdd", 14);
	memcpy(&ip, frame + 14, sizeof(ip));
	assert_int_equal(ip.ip6_vfc, 0x60);
	assert_int_equal(ip.ip6_hlim, 255);
	assert_int_equal(ip.ip6_nxt, IPPROTO_ICMPV6);
	assert_int_equal(ntohs(ip.ip6_plen), lease.ra.len);
	assert_int_equal(ip.ip6_dst.s6_addr[0], 0xff);
	assert_int_equal(ip.ip6_dst.s6_addr[1], 0x02);
	assert_int_equal(frame[54], ND_ROUTER_ADVERT);
	assert_int_equal(received_sum(&ip, frame + 54, len - 54), 0xffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
