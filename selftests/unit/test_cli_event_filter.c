// SPDX-License-Identifier: Apache-2.0
/* Which events `beeline monitor` shows: each member of a filter by itself, and the peer by direction. */
#include "unit.h"

#include <beeline/json.h>

#include "../../agent/cli/event_filter.h"

static bool takes(const struct event_filter *filter, const char *direction, const char *source,
		  const char *destination)
{
	bl_auto_json struct cJSON *event = bl_json_object();

	bl_json_set_string(event, "verdict", "dropped");
	bl_json_set_string(event, "protocol", "TCP");
	bl_json_set_string(event, "direction", direction);
	bl_json_set_string(event, "source", source);
	bl_json_set_string(event, "destination", destination);
	bl_json_set_number(event, "sourcePort", 40000);
	bl_json_set_number(event, "destinationPort", 22);
	return event_filter_takes(filter, event);
}

#define TAKES(...) takes(&(struct event_filter){__VA_ARGS__}, "from-vm", "10.0.0.1", "192.0.2.7")

static void test_members(void **state)
{
	assert_true(TAKES(.port = 0));
	assert_true(TAKES(.verdict = "dropped"));
	assert_false(TAKES(.verdict = "traced"));
	assert_true(TAKES(.direction = "from-vm"));
	assert_false(TAKES(.direction = "to-vm"));
	assert_true(TAKES(.protocol = "tcp"));
	assert_false(TAKES(.protocol = "udp"));
	assert_true(TAKES(.port = 22));
	assert_true(TAKES(.port = 40000));
	assert_false(TAKES(.port = 80));
	assert_false(TAKES(.port = 22, .verdict = "traced"));
}

static bool peer_takes(const char *peer, const char *direction, const char *source,
		       const char *destination)
{
	struct event_filter filter = {0};

	assert_int_equal(event_filter_peer(peer, &filter, NULL), 0);
	return takes(&filter, direction, source, destination);
}

static void test_peer(void **state)
{
	struct event_filter filter = {0};

	assert_true(peer_takes("192.0.2.7", "from-vm", "10.0.0.1", "192.0.2.7"));
	assert_true(peer_takes("192.0.2.0/24", "from-vm", "10.0.0.1", "192.0.2.7"));
	assert_false(peer_takes("192.0.2.6", "from-vm", "10.0.0.1", "192.0.2.7"));
	assert_false(peer_takes("10.0.0.0/8", "from-vm", "10.0.0.1", "192.0.2.7"));
	assert_true(peer_takes("10.0.0.0/8", "to-vm", "10.0.0.1", "192.0.2.7"));
	assert_true(peer_takes("fd00::/64", "to-vm", "fd00::7", "fd00:1::1"));
	assert_false(peer_takes("fd00::/64", "to-vm", "fd00:0:0:1::7", "fd00::1"));
	assert_false(peer_takes("::/0", "to-vm", "10.0.0.1", "10.0.0.2"));
	/* addresses that an event does not have, or that are MACs */
	assert_false(peer_takes("0.0.0.0/0", "to-vm", NULL, NULL));
	assert_false(peer_takes("0.0.0.0/0", "to-vm", "02:00:00:00:00:01", NULL));
	assert_int_not_equal(event_filter_peer("192.0.2.1/24", &filter, NULL), 0);
	assert_int_not_equal(event_filter_peer("10.0.0.300", &filter, NULL), 0);
	assert_int_not_equal(event_filter_peer("fd00::x", &filter, NULL), 0);
}

static bool name_takes(const char *peer, const char *direction, const char *source,
		       const char *destination)
{
	bl_auto_json struct cJSON *event = bl_json_object();
	struct event_filter filter = {0};

	assert_int_equal(event_filter_peer(peer, &filter, NULL), 0);
	bl_json_set_string(event, "direction", direction);
	bl_json_set_string(event, "sourceName", source);
	bl_json_set_string(event, "destinationName", destination);
	return event_filter_takes(&filter, event);
}

static void test_peer_by_name(void **state)
{
	static const char own[] = "default_vm-01_default";

	assert_true(name_takes("default_vm-02_default", "from-vm", own, "default_vm-02_default"));
	assert_true(name_takes("default/vm-02", "from-vm", own, "default_vm-02_default"));
	assert_true(name_takes("vm-02", "from-vm", own, "default_vm-02_default"));
	assert_true(name_takes("vm-02", "to-vm", "default_vm-02_default", own));
	assert_true(name_takes("web", "to-vm", "shop/web", own));
	assert_true(name_takes("shop/web", "to-vm", "service shop/web", own));
	assert_true(name_takes("service shop/web", "to-vm", "service shop/web", own));
	assert_true(name_takes("n1", "to-vm", "node n1", own));
	assert_true(name_takes("world", "to-vm", "world", own));
	/* the VM itself is no peer of its own, and a part of a name is none */
	assert_false(name_takes("vm-01", "to-vm", "default_vm-02_default", own));
	assert_false(name_takes("eb", "to-vm", "shop/web", own));
	assert_false(name_takes("shop", "to-vm", "shop/web", own));
	assert_false(name_takes("web", "to-vm", NULL, own));
	assert_false(name_takes("far/shop/web", "to-vm", "shop/web", own));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_peer),
		cmocka_unit_test(test_peer_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
