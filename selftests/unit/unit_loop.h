/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting in a test: for a condition, by running the loop, never by the clock. */
#pragma once

#include <beeline/loop.h>

#define UNIT_WAIT_NS 5000000000ull

/* Runs the loop until the condition holds; what never comes fails the test. */
#define run_until(loop, condition)                                 \
	do {                                                       \
		uint64_t _end = bl_now_ns() + UNIT_WAIT_NS;        \
		while (!(condition)) {                             \
			if (bl_now_ns() > _end)                    \
				fail_msg("never: %s", #condition); \
			assert_true(bl_loop_once(loop, 100) >= 0); \
		}                                                  \
	} while (0)
