// SPDX-License-Identifier: Apache-2.0
/* A daemon that dies again and again is started more and more seldom, whether it answers or not. */
#include "unit.h"

#include "../../launcher/restarts.h"

#define SECOND_NS (1000ull * 1000 * 1000)
#define BEGIN_NS  (5 * SECOND_NS) /* since boot */

/* Starts a daemon whenever that may be; each connects (or not) and dies after life_ns. How many are
 * started within a minute. */
static int starts_in_a_minute(uint64_t life_ns, bool connects)
{
	struct restarts restarts = {0};
	int n_starts = 0;

	for (uint64_t now_ns = BEGIN_NS; now_ns < BEGIN_NS + 60 * SECOND_NS; now_ns += life_ns) {
		now_ns += restarts_left_ns(&restarts, now_ns);
		restarts_started(&restarts, now_ns);
		if (connects)
			restarts_connected(&restarts, now_ns);
		n_starts++;
	}
	return n_starts;
}

static void the_first_starts_at_once(void **state)
{
	struct restarts restarts = {0};

	assert_int_equal(restarts_left_ns(&restarts, 0), 0);
	assert_int_equal(restarts_left_ns(&restarts, BEGIN_NS), 0);
}

static void dying_at_once_is_slowed_down(void **state)
{
	assert_in_range(starts_in_a_minute(SECOND_NS / 1000, false), 8, 14);
	assert_in_range(starts_in_a_minute(SECOND_NS / 1000, true), 8, 14);
	assert_in_range(starts_in_a_minute(SECOND_NS, true), 8, 14);
}

static void one_that_lived_is_replaced_at_once(void **state)
{
	struct restarts restarts = {0};
	uint64_t now_ns = BEGIN_NS;

	for (int i = 0; i < 10; i++) {
		restarts_started(&restarts, now_ns);
		restarts_connected(&restarts, now_ns + SECOND_NS);
		restarts_connected(&restarts, now_ns + 10 * SECOND_NS); /* the same daemon */
		now_ns += 11 * SECOND_NS;
		assert_int_equal(restarts_left_ns(&restarts, now_ns), 0);
		assert_int_equal(restarts.wait_ns, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_starts_at_once),
		cmocka_unit_test(dying_at_once_is_slowed_down),
		cmocka_unit_test(one_that_lived_is_replaced_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
