// SPDX-License-Identifier: Apache-2.0
/* What specs and pod networks become in the maps. */
#include "unit.h"

#include <errno.h>
#include <netinet/in.h>

#include <beeline/addr.h>

#include "../../agent/endpoint/entry.h"
#include "../../agent/endpoint/lease.h"

static struct bl_err err;
static struct bl_endpoint entry;
static struct tap_state tap = {.ifindex = 7};

static struct bl_addr addr(const char *text)
{
	struct bl_addr parsed;

	assert_int_equal(bl_addr_parse(text, &parsed, NULL), 0);
	return parsed;
}

static void assert_addr(const struct bl_addr *is, const char *expected)
{
	char text[BL_ADDR_TEXT_MAX];

	assert_string_equal(bl_addr_format(is, text), expected);
}

static struct podnet pod_network(void)
{
	return (struct podnet){
		.ifindex = 2,
		.mac = {0x0a, 1, 2, 3, 4, 5},
		.has_peer = true,
		.mtu = 1450,
		.family = {[BL_V4] = {.addr = addr("10.1.0.5"),
				      .bits = 24,
				      .gateway = addr("10.1.0.1")},
			   [BL_V6] = {.addr = addr("fd00:1::5"),
				      .bits = 64,
				      .gateway = addr("fe80::99")}},
		.routes = {{.to = addr("10.1.0.1"), .bits = 32},
			   {.to = addr("fe80::"), .bits = 64},
			   {.to = addr("fd00:1::"), .bits = 64},
			   {.to = addr("0.0.0.0"), .gateway = addr("10.1.0.1")},
			   {.to = addr("::"), .gateway = addr("fe80::99")}},
		.n_routes = 5,
	};
}

static struct endpoint_spec spec_of(enum bl_binding binding)
{
	return (struct endpoint_spec){
		.name = "default_vm_default", .uplink = "eth0", .tap = "tap0", .binding = binding};
}

static void build(const struct endpoint_spec *spec, const struct podnet *podnet)
{
	if (entry_build(spec, podnet, &tap, &entry, &err) < 0)
		fail_msg("%s", err.message);
}

static void test_pod(void **state)
{
	struct podnet podnet = pod_network();
	struct endpoint_spec spec = spec_of(BL_BINDING_POD);

	build(&spec, &podnet);
	assert_int_equal(entry.flags,
			 BL_EP_LIVE | BL_EP_SPOOF_GUARD | BL_EP_HAS_V4 | BL_EP_HAS_V6 | BL_EP_PEER);
	assert_int_equal(entry.uplink_ifindex, 2);
	assert_int_equal(entry.tap_ifindex, 7);
	assert_int_equal(entry.mtu, 1450);
	assert_memory_equal(entry.guest_mac, podnet.mac, 6);
	assert_addr(&entry.guest4, "10.1.0.5");
	assert_addr(&entry.pod6, "fd00:1::5");
	assert_addr(&entry.gateway4, "10.1.0.1");
	assert_addr(&entry.gateway6, "fe80::99");
	assert_addr(&entry.router6, "fe80::1");
	assert_addr(&entry.dhcp_server4, "10.1.0.1");
	assert_int_equal(entry.delta4, 0);
	/* link-local is left to the programs; bits count of 128 */
	assert_int_equal(entry.n_onlink, 2);
	assert_addr(&entry.onlink[0].addr, "10.1.0.1");
	assert_int_equal(entry.onlink[0].bits, 128);
	assert_int_equal(entry.onlink[1].bits, 64);
}

static void test_pod_variants(void **state)
{
	struct podnet podnet = pod_network();
	struct endpoint_spec spec = spec_of(BL_BINDING_POD);

	spec.has_mac = true;
	spec.no_spoof_guard = true;
	memcpy(spec.guest_mac, "\x02\x11\x22\x33\x44\x55", 6);
	podnet.has_peer = false;
	podnet.family[BL_V6].addr = (struct bl_addr){0};
	podnet.family[BL_V4].gateway = (struct bl_addr){0};
	tap.plain = true;
	build(&spec, &podnet);
	tap.plain = false;
	assert_int_equal(entry.flags,
			 BL_EP_LIVE | BL_EP_HAS_V4 | BL_EP_CUSTOM_MAC | BL_EP_TAP_PLAIN);
	assert_memory_equal(entry.guest_mac, spec.guest_mac, 6);
	assert_memory_equal(entry.uplink_mac, podnet.mac, 6);
	assert_addr(&entry.dhcp_server4, "169.254.75.10");
}

static void test_masquerade(void **state)
{
	struct podnet podnet = pod_network();
	struct endpoint_spec spec = spec_of(BL_BINDING_MASQUERADE);
	uint8_t mac[6];

	build(&spec, &podnet);
	assert_addr(&entry.guest4, "10.0.2.2");
	assert_addr(&entry.dhcp_server4, "10.0.2.1");
	assert_addr(&entry.guest6, "fd10:0:2::2");
	assert_addr(&entry.pod4, "10.1.0.5");
	assert_addr(&entry.gateway4, "10.1.0.1");
	assert_int_equal(entry.guest_mac[0], 0x02);
	assert_memory_not_equal(entry.guest_mac, entry.router_mac, 6);
	assert_true(entry.flags & BL_EP_CUSTOM_MAC);
	assert_false(entry.flags & BL_EP_PORTS);
	/* the same name has the same MAC for ever, another name another */
	memcpy(mac, entry.guest_mac, 6);
	build(&spec, &podnet);
	assert_memory_equal(mac, entry.guest_mac, 6);
	spec.name = "default_vm2_default";
	build(&spec, &podnet);
	assert_memory_not_equal(mac, entry.guest_mac, 6);
}

static void test_masquerade_networks(void **state)
{
	struct bl_port ports[] = {{.protocol = IPPROTO_TCP, .first = 22, .last = 22},
				  {.protocol = IPPROTO_UDP, .first = 5000, .last = 5100}};
	struct bl_interface interface = {.ports = ports, .n_ports = 2};
	struct bl_network network = {.vm_cidr = addr("192.168.100.0"),
				     .vm_cidr_bits = 16,
				     .vm_cidr6 = addr("fd55::"),
				     .vm_cidr6_bits = 64};
	struct podnet podnet = pod_network();
	struct endpoint_spec spec = spec_of(BL_BINDING_MASQUERADE);
	struct bl_lease lease;

	spec.interface = &interface;
	spec.network = &network;
	build(&spec, &podnet);
	assert_addr(&entry.guest4, "192.168.100.2");
	assert_addr(&entry.guest6, "fd55::2");
	assert_true(entry.flags & BL_EP_PORTS);
	assert_int_equal(entry.n_ports, 2);
	assert_int_equal(entry.ports[1].protocol, IPPROTO_UDP);
	assert_int_equal(entry.ports[1].last, 5100);
	assert_int_equal(entry_lease(&spec, &podnet, &entry, &lease, &err), 0);
	assert_memory_equal(lease.dhcp4.bytes,
			    "\1\4\xff\xff\0\0\3\4\xc0\xa8\x64\1\x79\5\0\xc0\xa8"
			    "\x64\1",
			    19);
}

/* The sum of a packet whose source changes from guest to pod stays right when delta is added. */
static void assert_delta(const char *guest, const char *pod, size_t first)
{
	struct bl_addr from = addr(guest), to = addr(pod);
	uint16_t delta = entry_delta(&from, &to);
	uint16_t check = (uint16_t)~lease_sum(&from.bytes[first], 16 - first);
	uint16_t both[2] = {check, delta};
	uint16_t wanted = (uint16_t)~lease_sum(&to.bytes[first], 16 - first);

	assert_int_equal(lease_sum(both, 4), wanted);
}

/* Who has no policy and an address of its own needs no table but for handshakes. */
static void test_tracked(void **state)
{
	struct endpoint_spec pod = spec_of(BL_BINDING_POD),
			     masquerade = spec_of(BL_BINDING_MASQUERADE);
	const struct bl_endpoint policed = {.flags = BL_EP_POLICY}, open = {.flags = BL_EP_LIVE};

	assert_false(entry_is_tracked(&pod, &open));
	assert_true(entry_is_tracked(&pod, &policed));
	assert_true(entry_is_tracked(&masquerade, &open));
	assert_true(entry_is_tracked(&masquerade, &policed));
}

static void test_delta(void **state)
{
	assert_delta("10.0.2.2", "10.1.0.5", 12);
	assert_delta("10.0.2.2", "255.254.253.252", 12);
	assert_delta("fd10:0:2::2", "2001:db8:ffff:ffff:1:2:3:4", 0);
	assert_delta("fd10:0:2::2", "fd00::1", 0);
}

static void test_refused(void **state)
{
	struct podnet podnet = pod_network();
	struct endpoint_spec spec = spec_of(BL_BINDING_POD);
	const char *const dns[] = {"10.0.0.1", "nonsense"};
	struct bl_lease lease;

	build(&spec, &podnet);
	spec.dns = dns;
	spec.n_dns = 2;
	assert_fails(entry_lease(&spec, &podnet, &entry, &lease, &err), -EINVAL, "name server");
	for (size_t i = 0; i < 9; i++)
		podnet.routes[i] = (struct podnet_route){.to = addr("10.2.0.0"), .bits = 16};
	podnet.n_routes = 9;
	assert_fails(entry_build(&spec, &podnet, &tap, &entry, &err), -E2BIG, "routes");
	podnet.family[BL_V4].addr = podnet.family[BL_V6].addr = (struct bl_addr){0};
	assert_fails(entry_build(&spec, &podnet, &tap, &entry, &err), -EADDRNOTAVAIL, "'eth0'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pod),        cmocka_unit_test(test_pod_variants),
		cmocka_unit_test(test_masquerade), cmocka_unit_test(test_masquerade_networks),
		cmocka_unit_test(test_delta),      cmocka_unit_test(test_refused),
		cmocka_unit_test(test_tracked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
