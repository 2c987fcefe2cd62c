// SPDX-License-Identifier: Apache-2.0
/*
 * Endpoints against the kernel: what an attachment leaves at the hooks, in the maps and in the pod;
 * that a new agent adopts it; that a detachment leaves nothing.
 */
#define TEST "endpoint"
#include "endpoint.h"
#include "guest.h"

#include <netinet/icmp6.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include "../../agent/endpoint/advert.h"
#include "../../agent/netns.h"
#include "../../agent/tap.h"

static void test_attach(void **state)
{
	struct fixture *f = *state;
	struct endpoint_spec spec = spec_of(f);
	struct tap_state tap;
	const struct endpoint *endpoint = NULL;
	char text[BL_ADDR_TEXT_MAX];
	struct bl_addr addr;

	assert_int_equal(tap_read(f->pod.netns_fd, "tap0", &tap, &f->err), 0);
	assert_false(tap.silent);
	endpoint = attach(f, &spec);
	addr = endpoint_addr4(endpoint);
	assert_string_equal(bl_addr_format(&addr, text), "10.77.0.2");
	addr = endpoint_addr6(endpoint);
	assert_string_equal(bl_addr_format(&addr, text), "fd77::2");
	assert_int_equal(endpoint_mtu(endpoint), 1450);
	assert_line(f);
	assert_int_equal(n_local(f), 0);
	assert_int_equal(tap_read(f->pod.netns_fd, "tap0", &tap, &f->err), 0);
	assert_true(tap.silent);
	assert_int_equal(
		number("ip netns exec %s cat /proc/sys/net/ipv4/conf/tap0/arp_ignore", f->pod.name),
		8);
	assert_int_equal(number("ip netns exec %s cat /proc/sys/net/ipv6/conf/tap0/disable_ipv6",
				f->pod.name),
			 1);
	run("ip -n %s addr show dev eth0 | grep -q 10.77.0.2/24", f->pod.name);
	run("ip -n %s route show default | grep -q 'via 10.77.0.1'", f->pod.name);
	run("ls " BPFFS "/%s/to_vm " BPFFS "/%s/from_vm >/dev/null", f->pod.name, f->pod.name);
}

/* Ids are never used twice, so the same id is the same stub, untouched. */
static void test_adopt(void **state)
{
	struct fixture *f = *state;
	struct endpoint_spec spec = spec_of(f);
	uint32_t to_vm, from_vm;

	attach(f, &spec);
	to_vm = attached(&f->pod, "eth0", TCX_INGRESS).ids[0];
	from_vm = attached(&f->pod, "tap0", TCX_INGRESS).ids[0];
	for (int i = 0; i < 3; i++)
		restart(f);
	assert_non_null(endpoint_find(f->endpoints, f->pod.name));
	attach(f, &spec);
	assert_line(f);
	assert_int_equal(attached(&f->pod, "eth0", TCX_INGRESS).ids[0], to_vm);
	assert_int_equal(attached(&f->pod, "tap0", TCX_INGRESS).ids[0], from_vm);
}

static void test_detach(void **state)
{
	struct fixture *f = *state;
	struct endpoint_spec spec = spec_of(f);

	attach(f, &spec);
	restart(f);
	assert_int_equal(endpoint_detach(f->endpoints, f->pod.name, &f->err), 0);
	assert_null(endpoint_find(f->endpoints, f->pod.name));
	assert_no_line(f);
	assert_int_equal(n_local(f), 2);
	assert_int_equal(number("ls " BPFFS " | grep -vc '^maps$' || true"), 0);
	assert_int_equal(number("ls %s/endpoints | wc -l", f->state_dir), 0);
	assert_int_equal(endpoint_detach(f->endpoints, f->pod.name, NULL), -ENOENT);
}

static long tap_setting(const struct fixture *f, const char *family, const char *key)
{
	return number("ip netns exec %s cat /proc/sys/net/%s/conf/tap0/%s", f->pod.name, family,
		      key);
}

/* A tap of others is afterwards what it was before, whatever the agent and the endpoint went through. */
static void test_tap_given_back(void **state)
{
	struct fixture *f = *state;
	struct endpoint_spec spec = spec_of(f);

	run("ip netns exec %s sysctl -qw net.ipv4.conf.tap0.arp_ignore=2 "
	    "net.ipv6.conf.tap0.disable_ipv6=0",
	    f->pod.name);
	attach(f, &spec);
	attach(f, &spec);
	restart(f);
	spec.binding = BL_BINDING_MASQUERADE;
	attach(f, &spec);
	assert_int_equal(tap_setting(f, "ipv4", "arp_ignore"), 8);
	assert_int_equal(tap_setting(f, "ipv6", "disable_ipv6"), 1);
	assert_int_equal(endpoint_detach(f->endpoints, f->pod.name, &f->err), 0);
	assert_int_equal(tap_setting(f, "ipv4", "arp_ignore"), 2);
	assert_int_equal(tap_setting(f, "ipv6", "disable_ipv6"), 0);
}

/* What was silent before the endpoint stays so, and what somebody set meanwhile is his. */
static void test_tap_of_others_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct endpoint_spec spec = spec_of(f);

	run("ip netns exec %s sysctl -qw net.ipv6.conf.tap0.disable_ipv6=1", f->pod.name);
	attach(f, &spec);
	run("ip netns exec %s sysctl -qw net.ipv4.conf.tap0.arp_ignore=1", f->pod.name);
	assert_int_equal(endpoint_detach(f->endpoints, f->pod.name, &f->err), 0);
	assert_int_equal(tap_setting(f, "ipv4", "arp_ignore"), 1);
	assert_int_equal(tap_setting(f, "ipv6", "disable_ipv6"), 1);
}

/* What changes a device or its queue is told to who listens, before the change returns. */
static int listen_here(void *data, struct bl_err *err)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct sockaddr_nl address = {.nl_family = AF_NETLINK,
				      .nl_groups = RTMGRP_LINK | RTMGRP_TC};

	*(int *)data = fd;
	return bind(fd, (struct sockaddr *)&address, sizeof(address));
}

static void test_tap_in_shape_is_not_touched(void **state)
{
	struct fixture *f = *state;
	struct tap_spec spec = {.netns_fd = f->pod.netns_fd,
				.name = "tap1",
				.uid = 107,
				.queues = 1,
				.mtu = 1400,
				.mac = {2, 0, 0, 0, 0, 1}};
	char byte;
	int fd;

	assert_int_equal(tap_make(&spec, &f->err), 0);
	run("ip -n %s -d link show tap1 | grep -q 'mtu 1400 qdisc noqueue'", f->pod.name);
	assert_int_equal(netns_do(f->pod.netns_fd, listen_here, &fd, &f->err), 0);
	assert_int_equal(tap_make(&spec, &f->err), 0);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
	close(fd);
	run("tc -n %s qdisc replace dev tap1 root pfifo", f->pod.name);
	run("ip -n %s link set tap1 mtu 1500 down", f->pod.name);
	assert_int_equal(tap_make(&spec, &f->err), 0);
	run("ip -n %s link show tap1 up | grep -q 'mtu 1400 qdisc noqueue'", f->pod.name);
}

/* A guest's ping reaches the host and its answer comes back, by whichever way the binding takes. */
static void assert_ping(const struct fixture *f, const uint8_t mac[6], const char *from)
{
	struct guest_ping ping = guest_ping(mac, from, "10.77.0.1");
	struct guest_frame frame;

	guest_send(&f->pod, &ping, sizeof(ping));
	guest_receive(&f->pod, guest_is_echo_reply, &frame);
	assert_memory_equal(frame.bytes, mac, 6);
}

/* The host knows the pod's MAC, so that the guest need not answer ARP. */
static void introduce(const struct fixture *f)
{
	run("ip -n %s neigh replace 10.77.0.2 dev lxc0 lladdr $(ip netns exec %s "
	    "cat /sys/class/net/eth0/address)",
	    f->pod.host, f->pod.name);
}

static void test_traffic_pod(void **state)
{
	struct fixture *f = *state;
	struct endpoint_spec spec = spec_of(f);
	uint8_t mac[6];

	pod_open_tap(&f->pod);
	memcpy(mac, endpoint_guest_mac(attach(f, &spec)), sizeof(mac));
	introduce(f);
	assert_ping(f, mac, "10.77.0.2");
	stop(f); /* the agent dies, traffic goes on */
	assert_ping(f, mac, "10.77.0.2");
	start(f);
	assert_ping(f, mac, "10.77.0.2");
}

static void test_traffic_masquerade(void **state)
{
	struct fixture *f = *state;
	struct endpoint_spec spec = spec_of(f);
	uint8_t mac[6];

	spec.binding = BL_BINDING_MASQUERADE;
	pod_open_tap(&f->pod);
	memcpy(mac, endpoint_guest_mac(attach(f, &spec)), sizeof(mac));
	assert_attached(&f->pod, "eth0", TCX_EGRESS, "bl_pod_out");
	assert_attached(&f->pod, "lo", TCX_EGRESS, "bl_loop");
	assert_int_equal(n_admitted(f), 2);
	assert_int_equal(n_local(f), 2);
	assert_ping(f, mac, "10.0.2.2");
	restart(f);
	assert_ping(f, mac, "10.0.2.2");
	assert_int_equal(endpoint_detach(f->endpoints, f->pod.name, &f->err), 0);
	assert_no_line(f);
}

/* Another binding under the same name is another line: nothing of the old one stays. */
static void test_change_binding(void **state)
{
	struct fixture *f = *state;
	struct endpoint_spec spec = spec_of(f);

	spec.binding = BL_BINDING_MASQUERADE;
	attach(f, &spec);
	spec.binding = BL_BINDING_POD;
	attach(f, &spec);
	assert_line(f);
	assert_int_equal(n_local(f), 0);
}

static void test_tap_deleted(void **state)
{
	struct fixture *f = *state;
	struct endpoint_spec spec = spec_of(f);

	attach(f, &spec);
	run("ip -n %s link del tap0", f->pod.name);
	wait_changed(f, 1);
	assert_line(f);
	run("ip -n %s -d link show tap0 | grep -q 'vnet_hdr on'", f->pod.name);
	run("ip -n %s link show tap0 | grep -q 'noqueue'", f->pod.name);
}

static void assert_carrier(const struct fixture *f, bool carrier)
{
	const struct endpoint *endpoint = endpoint_find(f->endpoints, f->pod.name);
	bl_auto_json struct cJSON *json = endpoint_describe(f->endpoints, endpoint);

	assert_int_equal(endpoint_has_carrier(endpoint), carrier);
	assert_int_equal(bl_json_get_bool(json, "carrier", !carrier), carrier);
}

/* A VMM that holds the tap, leaves it, comes back, and has it deleted under it. */
static void test_carrier(void **state)
{
	struct fixture *f = *state;
	struct endpoint_spec spec = spec_of(f);

	attach(f, &spec);
	assert_carrier(f, false);
	pod_open_tap(&f->pod);
	assert_carrier(f, true); /* at once, before the event */
	wait_changed(f, 1);
	close(f->pod.tap_fd);
	wait_changed(f, 2);
	assert_carrier(f, false);
	pod_open_tap(&f->pod);
	wait_changed(f, 3);
	restart(f);
	assert_carrier(f, true);
	run("ip -n %s link del tap0", f->pod.name);
	wait_changed(f, 4);
	assert_carrier(f, false);
	assert_true(read(f->pod.tap_fd, &spec, 1) < 0 && errno == EBADFD);
	restart(f);
	assert_carrier(f, false);
	close(f->pod.tap_fd);
	pod_open_tap(&f->pod);
	wait_changed(f, 5);
	assert_carrier(f, true);
}

/* A device that is set down is still in somebody's hands. */
static void test_carrier_of_a_device_that_is_down(void **state)
{
	struct fixture *f = *state;
	struct endpoint_spec spec = spec_of(f);

	pod_open_tap(&f->pod);
	run("ip -n %s link set tap0 down", f->pod.name);
	attach(f, &spec);
	assert_carrier(f, true);
}

/* The kernel took the address back because somebody set the device down and up. */
static void test_address_back(void **state)
{
	struct fixture *f = *state;
	struct endpoint_spec spec = spec_of(f);
	uint64_t until = bl_now_ns() + 5000000000ull;

	attach(f, &spec);
	run("ip -n %s addr del 10.77.0.2/24 dev eth0", f->pod.name);
	run("ip -n %s addr add 10.77.0.2/24 dev eth0 noprefixroute", f->pod.name);
	assert_int_equal(n_local(f), 1);
	while (n_local(f) != 0 && bl_now_ns() < until)
		bl_loop_once(f->loop, 100);
	assert_int_equal(n_local(f), 0);
}

/* What a crash between two steps can leave: pins without a record, a record without pins. */
static void test_repair(void **state)
{
	struct fixture *f = *state;
	struct endpoint_spec spec = spec_of(f);

	attach(f, &spec);
	run("rm " BPFFS "/%s/from_vm", f->pod.name);
	restart(f);
	assert_line(f);
	run("rm %s/endpoints/*.json", f->state_dir);
	restart(f);
	assert_null(endpoint_find(f->endpoints, f->pod.name));
	assert_no_line(f);
	run("echo '{' >%s/endpoints/x.json", f->state_dir);
	restart(f);
	assert_int_equal(number("ls %s/endpoints | wc -l", f->state_dir), 0);
}

static void take_event(const struct cJSON *event, void *data)
{
	struct cJSON **taken = data;

	if (!*taken)
		*taken = bl_json_copy(event);
}

/* A guest that lies about its address is dropped, and whoever watches is told. */
static void test_monitor(void **state)
{
	struct fixture *f = *state;
	struct endpoint_spec spec = spec_of(f);
	uint64_t until = bl_now_ns() + 5000000000ull;
	bl_auto_json struct cJSON *event = NULL, *counters = NULL;
	struct endpoint_monitor *monitor;
	struct guest_ping ping;
	const struct endpoint *endpoint;

	pod_open_tap(&f->pod);
	endpoint = attach(f, &spec);
	ping = guest_ping(endpoint_guest_mac(endpoint), "10.77.0.99", "10.77.0.1");
	guest_send(&f->pod, &ping, sizeof(ping)); /* nobody watches yet: counted, not told */
	assert_int_equal(
		endpoint_monitor_start(f->endpoints, 0, take_event, &event, &monitor, &f->err), 0);
	guest_send(&f->pod, &ping, sizeof(ping));
	while (!event && bl_now_ns() < until)
		bl_loop_once(f->loop, 100);
	endpoint_monitor_stop(monitor);
	assert_non_null(event);
	assert_string_equal(bl_json_get_string(event, "endpoint"), f->pod.name);
	assert_string_equal(bl_json_get_string(event, "reason"), "Invalid source ip");
	assert_string_equal(bl_json_get_string(event, "source"), "10.77.0.99");
	assert_string_equal(bl_json_get_string(event, "detail"), "echo request");
	counters = endpoint_counters(f->endpoints, endpoint);
	assert_int_equal(bl_json_get_number(counters, "reasons/0/code", 0), 132);
	assert_int_equal(bl_json_get_number(counters, "reasons/0/packets", 0), 2);
	assert_int_equal(bl_json_get_number(counters, "fromVm/packets", 1), 0);
}

/* A new endpoint under an old index begins with nothing of the old one's. */
static void test_index_reused(void **state)
{
	struct fixture *f = *state;
	struct endpoint_spec spec = spec_of(f);
	bl_auto_json struct cJSON *counters = NULL;
	struct guest_ping ping;

	pod_open_tap(&f->pod);
	ping = guest_ping(endpoint_guest_mac(attach(f, &spec)), "10.77.0.99", "10.77.0.1");
	guest_send(&f->pod, &ping, sizeof(ping));
	assert_int_equal(endpoint_detach(f->endpoints, f->pod.name, &f->err), 0);
	spec.name = "another";
	counters = endpoint_counters(f->endpoints, attach(f, &spec));
	assert_string_equal(endpoint_name_of_index(f->endpoints, 0), "another");
	assert_int_equal(bl_json_size(bl_json_get(counters, "reasons")), 0);
	assert_int_equal(endpoint_detach(f->endpoints, "another", &f->err), 0);
}

static bool is_advert(const struct guest_frame *frame)
{
	return frame->len > 54 && memcmp(frame->bytes + 12, "\x86\xdd", 2) == 0 &&
	       frame->bytes[54] == ND_ROUTER_ADVERT;
}

static void test_advert(void **state)
{
	struct fixture *f = *state;
	struct bl_endpoint entry = {.router_mac = {2}};
	struct bl_blob ra = {.len = 16, .bytes = {ND_ROUTER_ADVERT}};
	struct guest_frame frame;

	pod_open_tap(&f->pod);
	entry.tap_ifindex =
		(uint32_t)number("ip netns exec %s cat /sys/class/net/tap0/ifindex", f->pod.name);
	assert_int_equal(advert_send(f->pod.netns_fd, &entry, &ra, &f->err), 0);
	guest_receive(&f->pod, is_advert, &frame);
	assert_int_equal(frame.len, 54 + 16);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	const struct endpoint *endpoint;
	struct bl_err err;
	struct endpoint_spec spec = spec_of(f);

	spec.name = "maps";
	assert_fails(endpoint_attach(f->endpoints, &spec, &endpoint, &err), -EINVAL, "'maps'");
	spec.name = "../x";
	assert_fails(endpoint_attach(f->endpoints, &spec, &endpoint, &err), -EINVAL, "'../x'");
	spec = spec_of(f);
	spec.tap = "tap1";
	assert_fails(endpoint_attach(f->endpoints, &spec, &endpoint, &err), -ENODEV, "'tap1'");
	spec = spec_of(f);
	spec.uplink = "lo";
	assert_fails(endpoint_attach(f->endpoints, &spec, &endpoint, &err), -EADDRNOTAVAIL,
		     "no address");
	spec = spec_of(f);
	spec.netns_path = "/run/netns/none";
	assert_fails(endpoint_attach(f->endpoints, &spec, &endpoint, &err), -ENOENT, "none");
	assert_no_line(f);
	assert_int_equal(number("ls %s/endpoints | wc -l", f->state_dir), 0);
	assert_int_equal(number("ls " BPFFS " | grep -vc '^maps$' || true"), 0);
}

/* One line per device; the one that stands is untouched. */
static void test_devices_in_use(void **state)
{
	struct fixture *f = *state;
	const struct endpoint *endpoint;
	struct bl_err err;
	struct endpoint_spec spec = spec_of(f);

	attach(f, &spec);
	spec.name = "another";
	assert_fails(endpoint_attach(f->endpoints, &spec, &endpoint, &err), -EBUSY, f->pod.name);
	assert_line(f);
	assert_int_equal(number("ls %s/endpoints | wc -l", f->state_dir), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_attach, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_adopt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_detach, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tap_given_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tap_of_others_is_left_alone, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_tap_in_shape_is_not_touched, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_traffic_pod, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_traffic_masquerade, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_change_binding, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tap_deleted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_carrier, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_carrier_of_a_device_that_is_down, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_address_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_repair, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_monitor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_index_reused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_advert, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_devices_in_use, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, take_turn, NULL);
}
