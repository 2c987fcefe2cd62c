// SPDX-License-Identifier: Apache-2.0
/* A pod whose endpoint is taken away has its addresses and routes as it had them before. */
#define TEST "silence"
#include "endpoint.h"

/* Addresses and routes of the pod, by the kernel's own words; the caller frees. */
static char *pod_state(const struct fixture *f)
{
	return output("{ ip -n %s -6 addr show dev eth0; ip -n %s addr show dev eth0; "
		      "ip -n %s -6 route show table all; ip -n %s route show table all; } | "
		      "grep -v tap0 | sort | tr '\\n' '|'",
		      f->pod.name, f->pod.name, f->pod.name, f->pod.name);
}

static void assert_gives_back(struct fixture *f)
{
	struct endpoint_spec spec = spec_of(f);
	bl_autofree char *before = pod_state(f);
	bl_autofree char *after = NULL;

	assert_non_null(strstr(before, "local fd77::2 dev eth0 table local proto kernel metric 0"));
	attach(f, &spec);
	assert_int_equal(n_local(f), 0);
	assert_int_equal(endpoint_detach(f->endpoints, f->pod.name, &f->err), 0);
	after = pod_state(f);
	assert_string_equal(after, before);
}

/* Whatever flags the pod's address has, and whatever routes hang on it. */
static void test_detach_gives_the_addresses_back(void **state)
{
	struct fixture *f = *state;

	assert_gives_back(f);
	run("ip -n %s -6 route replace default via fd77::1 dev eth0 src fd77::2", f->pod.name);
	run("ip -n %s -6 route add fd99::/64 via fd77::1 dev eth0 src fd77::2 metric 7",
	    f->pod.name);
	assert_gives_back(f);
	run("ip -n %s addr change fd77::2/64 dev eth0", f->pod.name);
	assert_gives_back(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_detach_gives_the_addresses_back, set_up,
						tear_down),
	};

	return cmocka_run_group_tests_name(TEST, tests, take_turn, NULL);
}
