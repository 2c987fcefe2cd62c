// SPDX-License-Identifier: Apache-2.0
/* DHCP options and router advertisement, read back by a decoder of the test's own. */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdio.h>

#include <beeline/addr.h>

#include "../../agent/endpoint/lease.h"

#define MAX_ROUTES 64

static struct bl_err err;
static struct bl_lease lease;

static struct bl_addr addr(const char *text)
{
	struct bl_addr parsed;

	assert_int_equal(bl_addr_parse(text, &parsed, NULL), 0);
	return parsed;
}

static struct podnet_route route(const char *to, uint8_t bits, const char *gateway)
{
	struct podnet_route made = {.to = addr(to), .bits = bits};

	if (gateway)
		made.gateway = addr(gateway);
	return made;
}

static struct lease_spec spec_of(void)
{
	return (struct lease_spec){
		.addr4 = addr("10.1.2.3"),
		.bits4 = 24,
		.router4 = addr("10.1.2.1"),
		.mtu = 1450,
		.router_mac = {2, 0, 0, 0, 0, 0},
	};
}

static void encode(const struct lease_spec *spec)
{
	if (lease_encode(spec, &lease, &err) < 0)
		fail_msg("%s", err.message);
}

/* The bodies of all options of a code, one after the other (RFC 3396), as hex; NULL when none. The
 * walk ends at the option 255, which must be the last byte. */
static char *option4(uint8_t code)
{
	const uint8_t *at = lease.dhcp4.bytes, *end = at + lease.dhcp4.len;
	char *text = NULL;
	size_t len = 0;

	while (at < end && *at != 255) {
		if (*at == 0) {
			at++;
			continue;
		}
		assert_true(at + 2 + at[1] <= end);
		for (int i = 0; *at == code && i < at[1]; i++) {
			text = realloc(text, len + 3);
			len += (size_t)sprintf(text + len, "%02x", at[2 + i]);
		}
		at += 2 + at[1];
	}
	assert_ptr_equal(at, end - 1);
	return text;
}

static void assert_option4(uint8_t code, const char *hex)
{
	bl_autofree char *text = option4(code);

	if (!hex) {
		assert_null(text);
		return;
	}
	assert_non_null(text);
	assert_string_equal(text, hex);
}

static void test_basics(void **state)
{
	struct podnet_route routes[] = {route("0.0.0.0", 0, "10.1.2.1")};
	struct bl_addr dns[] = {addr("10.96.0.10"), addr("fd00::a"), addr("8.8.8.8")};
	struct lease_spec spec = spec_of();

	spec.routes = routes;
	spec.n_routes = 1;
	spec.dns = dns;
	spec.n_dns = 3;
	spec.hostname = "vm-01";
	spec.domain = "example.org";
	encode(&spec);
	assert_option4(1, "ffffff00");
	assert_option4(3, "0a010201");
	assert_option4(6, "0a60000a08080808");
	assert_option4(12, "766d2d3031");
	assert_option4(15, "6578616d706c652e6f7267");
	assert_option4(26, "05aa");
	assert_option4(121, "000a010201");
	/* Put by BPF, or not asked for. */
	assert_option4(51, NULL);
	assert_option4(53, NULL);
	assert_option4(54, NULL);
	assert_option4(42, NULL);
	assert_option4(119, NULL);
	assert_int_equal(lease.lease_s, 999 * 86400);
	assert_memory_equal(lease.server_duid, "\0\3\0\1\2\0\0\0\0\0", BL_DUID_LEN);
}

/* Lengths are even, whatever is in there, and sums are those of the bytes. */
static void test_sums(void **state)
{
	char name[12] = "";

	for (int i = 0; i < 10; i++) {
		struct lease_spec spec = spec_of();

		name[i] = 'a';
		spec.hostname = name;
		encode(&spec);
		assert_int_equal(lease.dhcp4.len % 2, 0);
		assert_int_equal(lease.dhcp4.bytes[lease.dhcp4.len - 1], 255);
		assert_int_equal(lease.dhcp4.sum, lease_sum(lease.dhcp4.bytes, lease.dhcp4.len));
		assert_int_equal(lease.ra.len % 8, 0);
		assert_int_equal(lease.ra.sum, lease_sum(lease.ra.bytes, lease.ra.len));
	}
	/* RFC 1071's own example: the sum is 0xddf2. */
	assert_int_equal(lease_sum("\x00\x01\xf2\x03\xf4\xf5\xf6\xf7", 8), htons(0xddf2));
	assert_int_equal(lease_sum("\x01\x02\x03", 3), htons(0x0402));
	assert_int_equal(lease_sum("", 0), 0);
}

/* A pod with a /32 (Cilium): the gateway lies outside and is made reachable first. */
static void test_routes_host(void **state)
{
	struct podnet_route routes[] = {route("10.0.0.1", 32, NULL),
					route("0.0.0.0", 0, "10.0.0.1")};
	struct lease_spec spec = spec_of();

	spec.bits4 = 32;
	spec.routes = routes;
	spec.n_routes = 2;
	encode(&spec);
	assert_option4(1, "ffffffff");
	assert_option4(121, "200a00000100000000" /* 10.0.0.1/32 via 0.0.0.0 */
			    "000a000001");       /* default */
}

/* What the mask covers is no route: ptp has the subnet behind its gateway. Destinations are as short
 * as their prefix, and IPv6 stays out. */
static void test_routes_subnet(void **state)
{
	struct podnet_route routes[] = {
		route("10.1.2.1", 32, NULL),
		route("10.1.2.0", 24, "10.1.2.1"),
		route("192.168.128.0", 17, "10.1.2.1"),
		route("172.16.0.0", 12, "10.1.2.9"),
		route("10.0.0.0", 8, "10.1.2.1"),
		route("fd00::", 64, NULL),
		route("0.0.0.0", 0, "10.1.2.1"),
	};
	struct lease_spec spec = spec_of();

	spec.routes = routes;
	spec.n_routes = 7;
	encode(&spec);
	assert_option4(121, "11c0a8800a010201"
			    "0cac100a010209"
			    "080a0a010201"
			    "000a010201");
}

/* An option longer than 255 bytes goes on in another of its code. */
static void test_long_option(void **state)
{
	struct podnet_route routes[MAX_ROUTES];
	struct lease_spec spec = spec_of();
	bl_autofree char *text = NULL;

	for (int i = 0; i < 40; i++) {
		char to[32];

		snprintf(to, sizeof(to), "192.168.%d.7", i);
		routes[i] = route(to, 32, "10.1.2.1");
	}
	spec.routes = routes;
	spec.n_routes = 40;
	encode(&spec);
	text = option4(121);
	assert_int_equal(strlen(text), 2 * 40 * 9);
	spec.n_routes = 40;
	spec.hostname = "a-very-long-name";
	encode(&spec);
}

static void test_dhcp_options(void **state)
{
	struct bl_addr ntp[] = {addr("10.0.0.5"), addr("10.0.0.6")};
	struct bl_dhcp_option private_options[] = {{224, "one"}, {254, "two"}};
	struct bl_interface interface = {
		.boot_file_name = "pxe",
		.tftp_server_name = "tftp",
		.ntp_servers = ntp,
		.n_ntp_servers = 2,
		.private_options = private_options,
		.n_private_options = 2,
	};
	struct lease_spec spec = spec_of();

	spec.interface = &interface;
	encode(&spec);
	assert_option4(42, "0a0000050a000006");
	assert_option4(66, "74667470");
	assert_option4(67, "707865");
	assert_option4(224, "6f6e65");
	assert_option4(254, "74776f");
}

static void test_searches(void **state)
{
	const char *const searches[] = {"svc.local", "x.org."};
	struct lease_spec spec = spec_of();

	spec.searches = searches;
	spec.n_searches = 2;
	encode(&spec);
	assert_option4(119, "03737663056c6f63616c00"
			    "017803"
			    "6f726700");
	assert_int_equal(lease.dhcp6.len, 4 + 18);
	assert_memory_equal(lease.dhcp6.bytes, "\0\x18\0\x12\3svc\5local\0\1x\3org", 22);
}

static void test_dhcp6_dns(void **state)
{
	struct bl_addr dns[] = {addr("8.8.8.8"), addr("fd00::53")};
	struct lease_spec spec = spec_of();

	spec.dns = dns;
	spec.n_dns = 2;
	encode(&spec);
	assert_int_equal(lease.dhcp6.len, 4 + 16);
	assert_memory_equal(lease.dhcp6.bytes, "\0\x17\0\x10\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x53",
			    20);
	assert_int_equal(lease.dhcp6.sum, lease_sum(lease.dhcp6.bytes, 20));
}

/* The RA's option of a type, or NULL; all options must fill the message exactly. */
static const uint8_t *ra_option(uint8_t type)
{
	const uint8_t *at = lease.ra.bytes + sizeof(struct nd_router_advert);
	const uint8_t *end = lease.ra.bytes + lease.ra.len, *found = NULL;

	while (at < end) {
		assert_true(at[1] > 0 && at + 8 * at[1] <= end);
		if (*at == type && !found)
			found = at;
		at += 8 * at[1];
	}
	assert_ptr_equal(at, end);
	return found;
}

static void test_ra(void **state)
{
	const struct nd_router_advert *ra = (const void *)lease.ra.bytes;
	const char *const searches[] = {"svc.local"};
	struct bl_addr dns[] = {addr("fd00::53")};
	struct podnet_route routes[] = {route("fd00:9::1", 128, NULL), route("fd00:1::", 64, NULL),
					route("fe80::", 64, NULL),
					route("fd00:2::", 64, "fd00:1::1"),
					route("::", 0, "fd00:1::1")};
	struct lease_spec spec = spec_of();

	spec.searches = searches;
	spec.n_searches = 1;
	spec.dns = dns;
	spec.n_dns = 1;
	spec.routes = routes;
	spec.n_routes = 5;
	encode(&spec);
	assert_int_equal(ra->nd_ra_type, ND_ROUTER_ADVERT);
	assert_int_equal(ra->nd_ra_cksum, 0);
	assert_int_equal(ra->nd_ra_flags_reserved, ND_RA_FLAG_MANAGED | ND_RA_FLAG_OTHER);
	assert_int_equal(ntohs(ra->nd_ra_router_lifetime), 65535);
	assert_memory_equal(ra_option(1), "\1\1\2\0\0\0\0\0", 8);
	assert_memory_equal(ra_option(5), "\5\1\0\0\0\0\x05\xaa", 8);
	/* on the link, no address of one's own making, only the true prefix */
	assert_memory_equal(ra_option(3),
			    "\3\4\x40\x80\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0"
			    "\xfd\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0",
			    32);
	assert_memory_equal(ra_option(25), "\x19\3\0\0\xff\xff\xff\xff\xfd\0\0\0", 12);
	assert_memory_equal(ra_option(31), "\x1f\3\0\0\xff\xff\xff\xff\3svc\5local\0\0\0\0\0\0",
			    24);
	assert_int_equal(lease.ra.len, 16 + 8 + 8 + 32 + 24 + 24);
}

static void test_refused(void **state)
{
	const char *const empty_label[] = {"a..b"};
	char label[65], *const long_label[] = {label};
	char text[801];
	struct bl_interface interface = {.boot_file_name = text};
	struct lease_spec spec = spec_of();

	memset(label, 'a', 64);
	label[64] = '\0';
	memset(text, 'x', 800);
	text[800] = '\0';
	spec.n_searches = 1;
	spec.searches = empty_label;
	assert_fails(lease_encode(&spec, &lease, &err), -EINVAL, "a..b");
	spec.searches = (const char *const *)long_label;
	assert_fails(lease_encode(&spec, &lease, &err), -EINVAL, "not a domain name");
	spec.n_searches = 0;
	spec.interface = &interface;
	assert_fails(lease_encode(&spec, &lease, &err), -E2BIG, "DHCPv4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_basics),      cmocka_unit_test(test_sums),
		cmocka_unit_test(test_routes_host), cmocka_unit_test(test_routes_subnet),
		cmocka_unit_test(test_long_option), cmocka_unit_test(test_dhcp_options),
		cmocka_unit_test(test_searches),    cmocka_unit_test(test_dhcp6_dns),
		cmocka_unit_test(test_ra),          cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
