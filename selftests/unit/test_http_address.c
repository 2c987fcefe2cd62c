// SPDX-License-Identifier: Apache-2.0
/* Where a server listens, as people write it. */
#include "unit.h"

#include <errno.h>

#include <beeline/http_server.h>

static void test_good(void **state)
{
	static const struct {
		const char *text, *addr;
		uint16_t port;
	} cases[] = {
		{"127.0.0.1:10962", "127.0.0.1", 10962},
		{"0.0.0.0:0", "0.0.0.0", 0},
		{"[::1]:65535", "::1", 65535},
		{"[::]:80", "::", 80},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[BL_ADDR_TEXT_MAX];
		struct bl_addr addr;
		uint16_t port;

		assert_int_equal(bl_http_address(cases[i].text, &addr, &port, NULL), 0);
		assert_string_equal(bl_addr_format(&addr, text), cases[i].addr);
		assert_int_equal(port, cases[i].port);
	}
}

static void test_bad(void **state)
{
	static const char *const texts[] = {
		"",         "10962",        ":10962",        "127.0.0.1",       "127.0.0.1:",
		"[::1]",    "::1:80",       "[::1]80",       "127.0.0.1:65536", "127.0.0.1:-1",
		"[]:80",    "[::1:80",      "127.0.0.1:80a", "127.0.0.1: 80",   "host:80",
		"1.2.3:80", "[1::2::3]:80",
	};
	struct bl_err err;
	struct bl_addr addr;
	uint16_t port;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_fails(bl_http_address(texts[i], &addr, &port, &err), -EINVAL,
			     "expected an address and a port");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
