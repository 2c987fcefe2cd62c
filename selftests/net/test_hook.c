// SPDX-License-Identifier: Apache-2.0
/*
 * Hooks one by one, in both ways of attaching: clsact, which kernels before 6.6 get, is tried here on
 * any kernel.
 */
#define TEST "hook"
#include "attached.h"

#include <errno.h>

#include "../../agent/datapath.h"

#define BPFFS POD_BPFFS "/beeline-test-" TEST

struct fixture {
	struct pod pod;
	struct datapath *datapath;
	enum datapath_mode mode;
	struct bl_err err;
};

static void start(struct fixture *f)
{
	if (datapath_open(BPFFS, f->mode, &f->datapath, &f->err) < 0)
		fail_msg("%s", f->err.message);
}

static void restart(struct fixture *f)
{
	datapath_free(f->datapath);
	start(f);
}

static int set_up(void **state, enum datapath_mode mode)
{
	struct fixture *f = bl_alloc(sizeof(*f));

	f->mode = mode;
	run("rm -rf " BPFFS);
	pod_make(&f->pod, 0);
	start(f);
	*state = f;
	return 0;
}

static int set_up_clsact(void **state)
{
	return set_up(state, DATAPATH_CLSACT);
}

static int set_up_auto(void **state)
{
	return set_up(state, DATAPATH_AUTO);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	datapath_free(f->datapath);
	pod_remove(&f->pod);
	run("rm -rf " BPFFS);
	free(f);
	return 0;
}

static uint32_t ifindex_of(const struct fixture *f, const char *device)
{
	return (uint32_t)number("ip netns exec %s cat /sys/class/net/%s/ifindex", f->pod.name,
				device);
}

static struct hook hook_of(const struct fixture *f, uint32_t index)
{
	return (struct hook){
		/* A name with a dot: bpffs has none. */
		.endpoint = "a.b",
		.index = index,
		.place = HOOK_TO_VM,
		.slot = BL_SLOT_POD_TO_VM,
		.netns_fd = f->pod.netns_fd,
		.ifname = "eth0",
		.ifindex = ifindex_of(f, "eth0"),
	};
}

static bool attach(struct fixture *f, const struct hook *hook)
{
	bool attached = false;

	if (hook_attach(f->datapath, hook, &attached, &f->err) < 0)
		fail_msg("%s", f->err.message);
	return attached;
}

static void detach(struct fixture *f)
{
	static const char *const ifnames[HOOKS_MAX] = {"eth0", "tap0", "eth0"};

	assert_int_equal(hooks_detach(f->datapath, "a.b", f->pod.netns_fd, ifnames, &f->err), 0);
}

/* Filters at both sides of a device, anybody's. */
static long n_filters(const struct fixture *f, const char *device)
{
	return number(
		"{ tc -n %s filter show dev %s ingress; tc -n %s filter show dev %s egress; } "
		"| grep -c handle || true",
		f->pod.name, device, f->pod.name, device);
}

static long n_qdiscs(const struct fixture *f, const char *device)
{
	return number("tc -n %s qdisc show dev %s | grep -c clsact || true", f->pod.name, device);
}

static void test_clsact(void **state)
{
	struct fixture *f = *state;
	struct hook hook = hook_of(f, 3);
	struct hook out = hook;

	out.place = HOOK_POD_OUT;
	assert_true(attach(f, &hook));
	assert_true(attach(f, &out));
	run("tc -n %s filter show dev eth0 ingress | grep -q 'bl_to_vm.* direct-action'",
	    f->pod.name);
	run("tc -n %s filter show dev eth0 egress | grep -q 'bl_pod_out.* direct-action'",
	    f->pod.name);
	assert_attached(&f->pod, "eth0", TCX_INGRESS, NULL);
	for (int i = 0; i < 3; i++) {
		restart(f);
		assert_false(attach(f, &hook));
	}
	assert_int_equal(n_filters(f, "eth0"), 2);
	detach(f);
	assert_int_equal(n_filters(f, "eth0"), 0);
	assert_int_equal(n_qdiscs(f, "eth0"), 0);
	run("! ls " BPFFS " | grep -v maps");
}

/* Whose qdisc it is does not matter to a filter of somebody else that hangs on it. */
static void test_clsact_qdisc_in_use(void **state)
{
	struct fixture *f = *state;
	struct hook hook = hook_of(f, 3);

	assert_true(attach(f, &hook));
	run("tc -n %s filter add dev eth0 egress prio 1 protocol ip u32 match u32 0 0 flowid 1:1",
	    f->pod.name);
	detach(f);
	assert_int_equal(n_qdiscs(f, "eth0"), 1);
	run("! ls " BPFFS " | grep -v maps");
}

/* An agent that is told to attach by the other way takes over, and leaves nothing of the first. */
static void test_other_way(void **state)
{
	struct fixture *f = *state;
	struct hook hook = hook_of(f, 3), out = hook;

	if (datapath_mode(f->datapath) != DATAPATH_TCX)
		skip();
	out.place = HOOK_POD_OUT;
	for (int i = 0; i < 4; i++) {
		bool tcx = i % 2 == 0;

		f->mode = tcx ? DATAPATH_TCX : DATAPATH_CLSACT;
		restart(f);
		assert_true(attach(f, &hook));
		assert_true(attach(f, &out));
		assert_false(attach(f, &hook));
		assert_attached(&f->pod, "eth0", TCX_INGRESS, tcx ? "bl_to_vm" : NULL);
		assert_attached(&f->pod, "eth0", TCX_EGRESS, tcx ? "bl_pod_out" : NULL);
		assert_int_equal(n_filters(f, "eth0"), tcx ? 0 : 2);
		assert_int_equal(n_qdiscs(f, "eth0"), tcx ? 0 : 1);
	}
	/* and who is told to detach does so, whichever way it would attach */
	f->mode = DATAPATH_TCX;
	restart(f);
	detach(f);
	assert_int_equal(n_filters(f, "eth0"), 0);
	assert_int_equal(n_qdiscs(f, "eth0"), 0);
	run("! ls " BPFFS " | grep -v maps");
}

/* A filter of another, and a stranger in our place: the first stays, the second goes. */
static void test_clsact_company(void **state)
{
	struct fixture *f = *state;
	struct hook hook = hook_of(f, 3);

	run("tc -n %s qdisc add dev eth0 clsact", f->pod.name);
	run("tc -n %s filter add dev eth0 ingress prio 1 protocol ip u32 match u32 0 0 flowid 1:1",
	    f->pod.name);
	assert_true(attach(f, &hook));
	run("rm -r " BPFFS "/a%%2eb");
	assert_true(attach(f, &hook));
	assert_int_equal(
		number("tc -n %s filter show dev eth0 ingress | grep -c bl_to_vm", f->pod.name), 1);
	detach(f);
	run("tc -n %s filter show dev eth0 ingress | grep -q u32", f->pod.name);
	run("tc -n %s filter del dev eth0 ingress prio 1", f->pod.name);
	assert_true(attach(f, &hook));
	detach(f);
	assert_int_equal(n_qdiscs(f, "eth0"), 1); /* it was there before */
}

/* Maps made anew leave stubs that lead nowhere; they are replaced in place. */
static void test_maps_anew(void **state)
{
	struct fixture *f = *state;
	struct hook hook = hook_of(f, 3);

	assert_true(attach(f, &hook));
	run("rm -r " BPFFS "/maps");
	restart(f);
	assert_true(attach(f, &hook));
	assert_false(attach(f, &hook));
	detach(f);
}

static void test_device_anew(void **state)
{
	struct fixture *f = *state;
	struct hook hook = hook_of(f, 3);

	hook.ifname = "tap0";
	hook.ifindex = ifindex_of(f, "tap0");
	hook.place = HOOK_FROM_VM;
	assert_true(attach(f, &hook));
	run("ip -n %s link del tap0 && ip -n %s tuntap add tap0 mode tap", f->pod.name,
	    f->pod.name);
	hook.ifindex = ifindex_of(f, "tap0");
	assert_true(attach(f, &hook));
	assert_false(attach(f, &hook));
	detach(f);
}

static void take_name(const char *endpoint, void *data)
{
	assert_string_equal(endpoint, "a.b");
	++*(int *)data;
}

static void test_for_each(void **state)
{
	struct fixture *f = *state;
	struct hook hook = hook_of(f, 3);
	int n = 0;

	attach(f, &hook);
	assert_int_equal(hooks_for_each(f->datapath, take_name, &n, &f->err), 0);
	assert_int_equal(n, 1);
	detach(f);
	assert_int_equal(hooks_for_each(f->datapath, take_name, &n, &f->err), 0);
	assert_int_equal(n, 1);
}

/* Maps of another layout are refused, and those who use them go on. */
static void test_layout_refused(void **state)
{
	struct fixture *f = *state;
	struct datapath *other;
	struct bl_err err;

	datapath_free(bl_take_ptr(f->datapath));
	run("bpftool map update pinned " BPFFS "/maps/bl_config key 0 0 0 0 "
	    "value 99 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
	assert_fails(datapath_open(BPFFS, f->mode, &other, &err), -ESTALE, "layout 99");
	run("rm " BPFFS "/maps/bl_config " BPFFS "/maps/bl_leases");
	run("bpftool map create " BPFFS "/maps/bl_leases type array key 4 value 8 entries 4 "
	    "name bl_leases");
	assert_fails(datapath_open(BPFFS, f->mode, &other, &err), -ESTALE, "bl_leases");
}

static uint32_t share_id(uint32_t index)
{
	bl_autoclose int conntrack = bpf_obj_get(BPFFS "/maps/bl_conntrack");
	uint32_t id = 0;

	assert_int_equal(bpf_map_lookup_elem(conntrack, &index, &id), 0);
	return id;
}

/* A share outlives its agent, and people can read it. One that is too small by now is replaced. */
static void test_conntrack_share(void **state)
{
	struct fixture *f = *state;
	bl_autofree char *before = NULL, *after = NULL, *gone = NULL;
	uint32_t sets = 0;

	assert_int_equal(
		datapath_make_conntrack(f->datapath, 5, BL_CT_SETS_HANDSHAKES, &sets, &f->err), 0);
	assert_int_equal(sets, BL_CT_SETS_HANDSHAKES);
	assert_int_equal(datapath_make_conntrack(f->datapath, 5, BL_CT_SETS, &sets, &f->err), 0);
	assert_int_equal(sets, BL_CT_SETS);
	before = output("bpftool map lookup pinned " BPFFS "/maps/bl_conntrack key 5 0 0 0");
	run("bpftool map lookup id %u key 0 0 0 0 | grep -q '\"remote_port\": 0'", share_id(5));
	restart(f);
	sets = 0;
	assert_int_equal(
		datapath_make_conntrack(f->datapath, 5, BL_CT_SETS_HANDSHAKES, &sets, &f->err), 0);
	assert_int_equal(sets, BL_CT_SETS);
	after = output("bpftool map lookup pinned " BPFFS "/maps/bl_conntrack key 5 0 0 0");
	assert_string_equal(before, after);
	assert_int_equal(datapath_clear(f->datapath, 5, &f->err), 0);
	gone = output("bpftool map lookup pinned " BPFFS "/maps/bl_conntrack key 5 0 0 0 2>&1 || "
		      "true");
	assert_string_not_equal(before, gone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_clsact, set_up_clsact, tear_down),
		cmocka_unit_test_setup_teardown(test_clsact_company, set_up_clsact, tear_down),
		cmocka_unit_test_setup_teardown(test_clsact_qdisc_in_use, set_up_clsact, tear_down),
		cmocka_unit_test_setup_teardown(test_other_way, set_up_auto, tear_down),
		{"test_maps_anew (clsact)", test_maps_anew, set_up_clsact, tear_down, NULL},
		{"test_device_anew (clsact)", test_device_anew, set_up_clsact, tear_down, NULL},
		{"test_maps_anew (probed)", test_maps_anew, set_up_auto, tear_down, NULL},
		{"test_device_anew (probed)", test_device_anew, set_up_auto, tear_down, NULL},
		cmocka_unit_test_setup_teardown(test_for_each, set_up_auto, tear_down),
		cmocka_unit_test_setup_teardown(test_layout_refused, set_up_auto, tear_down),
		cmocka_unit_test_setup_teardown(test_conntrack_share, set_up_auto, tear_down),
	};

	return cmocka_run_group_tests(tests, take_turn, NULL);
}
