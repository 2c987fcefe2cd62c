// SPDX-License-Identifier: Apache-2.0
/* resolv.conf as hosts write it, and as nobody should. */
#include "unit.h"

#include <stdio.h>

#include <beeline/addr.h>

#include "../../agent/endpoint/resolvconf.h"

static struct resolvconf conf;

static void assert_server(size_t i, const char *expected)
{
	char text[BL_ADDR_TEXT_MAX];

	assert_true(i < conf.n_servers);
	assert_string_equal(bl_addr_format(&conf.servers[i], text), expected);
}

static void test_servers(void **state)
{
	resolvconf_parse("# comment\n"
			 "; another\n"
			 "nameserver 127.0.0.53\n"
			 "nameserver ::1\n"
			 "\tnameserver\t10.0.0.1  # trailing\n"
			 "nameserver fd00::1\r\n"
			 "nameserver not-an-address\n"
			 "nameserver\n"
			 "options ndots:5\n"
			 "nameserver 8.8.8.8\n"
			 "nameserver 9.9.9.9",
			 &conf);
	assert_int_equal(conf.n_servers, RESOLVCONF_SERVERS_MAX);
	assert_server(0, "10.0.0.1");
	assert_server(1, "fd00::1");
	assert_server(2, "8.8.8.8");
	assert_int_equal(conf.n_searches, 0);
}

static void test_searches(void **state)
{
	resolvconf_parse("domain first.example\n"
			 "search default.svc.cluster.local svc.cluster.local . last\n",
			 &conf);
	assert_int_equal(conf.n_searches, 3);
	assert_string_equal(conf.searches[0], "default.svc.cluster.local");
	assert_string_equal(conf.searches[2], "last");
	resolvconf_parse("search", &conf);
	assert_int_equal(conf.n_searches, 0);
}

/* More than there is room for is left out. */
static void test_bounds(void **state)
{
	char text[8192] = "search";
	size_t len = strlen(text);

	text[len++] = ' ';
	memset(text + len, 'x', 300);
	len += 300;
	for (int i = 0; i < 40; i++)
		len += (size_t)sprintf(text + len, " d%d", i);
	resolvconf_parse(text, &conf);
	assert_int_equal(conf.n_searches, RESOLVCONF_SEARCHES_MAX);
	assert_string_equal(conf.searches[0], "d0");
	resolvconf_parse("", &conf);
	assert_int_equal(conf.n_servers, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_searches),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
