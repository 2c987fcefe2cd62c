// SPDX-License-Identifier: Apache-2.0
/* Addresses, prefixes and MACs as text and back. */
#include "unit.h"

#include <errno.h>

#include <beeline/addr.h>

static struct bl_err err;

static struct bl_addr addr(const char *text)
{
	struct bl_addr parsed;

	assert_int_equal(bl_addr_parse(text, &parsed, NULL), 0);
	return parsed;
}

static void test_canonical_text(void **state)
{
	static const char *const pairs[][2] = {
		{"10.0.2.2", "10.0.2.2"},
		{"::ffff:10.0.2.2", "10.0.2.2"},
		{"FD10:0:2:0:0:0:0:2", "fd10:0:2::2"},
		{"::", "::"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"0.0.0.0", "0.0.0.0"},
	};
	char text[BL_ADDR_TEXT_MAX];

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct bl_addr parsed = addr(pairs[i][0]);

		assert_string_equal(bl_addr_format(&parsed, text), pairs[i][1]);
	}
}

static void test_bad_addresses(void **state)
{
	static const char *const bad[] = {
		"",           "10.0.2",       "10.0.2.256",  "010.0.0.1",        "10.0.2.2 ",
		"fd10::2::3", "fe80::1%eth0", "10.0.2.2/24", "::ffff:300.1.1.1", "localhost"};
	struct bl_addr parsed;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_fails(bl_addr_parse(bad[i], &parsed, &err), -EINVAL, "not an IP address");
}

static void test_families(void **state)
{
	struct bl_addr v4 = addr("10.0.2.2"), v6 = addr("fd10::2"), none = {0};
	uint8_t bytes[4] = {10, 0, 2, 2};
	struct bl_addr same = bl_addr_from_bytes(bytes, 4), odd = bl_addr_from_bytes(bytes, 3);

	assert_true(bl_addr_is_v4(&v4));
	assert_false(bl_addr_is_v4(&v6));
	assert_false(bl_addr_is_v4(&none));
	assert_true(bl_addr_is_set(&v6));
	assert_false(bl_addr_is_set(&none));
	assert_false(bl_addr_is_set(&odd));
	assert_true(bl_addr_equal(&v4, &same));
	assert_false(bl_addr_equal(&v4, &v6));
}

static void test_prefixes(void **state)
{
	struct bl_addr prefix, host = addr("10.0.2.5");
	uint8_t bits;

	assert_int_equal(bl_prefix_parse("10.0.2.0/24", false, &prefix, &bits, &err), 0);
	assert_int_equal(bits, 24);
	assert_int_equal(bl_prefix_parse("10.0.2.5/24", true, &prefix, &bits, &err), 0);
	assert_true(bl_addr_equal(&prefix, &host));
	assert_int_equal(bl_prefix_parse("fd10:0:2::/120", false, &prefix, &bits, &err), 0);
	assert_int_equal(bits, 120);
	assert_int_equal(bl_prefix_parse("0.0.0.0/0", false, &prefix, &bits, &err), 0);
	assert_int_equal(bl_prefix_parse("::1/128", false, &prefix, &bits, &err), 0);
	assert_fails(bl_prefix_parse("10.0.2.5/24", false, &prefix, &bits, &err), -EINVAL,
		     "beyond");
	assert_fails(bl_prefix_parse("fd10::1/127", false, &prefix, &bits, &err), -EINVAL,
		     "beyond");
	assert_fails(bl_prefix_parse("10.0.2.0/33", false, &prefix, &bits, &err), -EINVAL, "to 32");
	assert_fails(bl_prefix_parse("fd10::/129", false, &prefix, &bits, &err), -EINVAL, "to 128");
	assert_fails(bl_prefix_parse("10.0.2.0/", false, &prefix, &bits, &err), -EINVAL, "length");
	assert_fails(bl_prefix_parse("10.0.2.0/08", false, &prefix, &bits, &err), -EINVAL,
		     "length");
	assert_fails(bl_prefix_parse("10.0.2.0/+8", false, &prefix, &bits, &err), -EINVAL,
		     "length");
	assert_fails(bl_prefix_parse("10.0.2.0", false, &prefix, &bits, &err), -EINVAL, "BITS");
	assert_fails(bl_prefix_parse("x/8", false, &prefix, &bits, &err), -EINVAL, "'x'");
}

static void test_membership(void **state)
{
	static const struct {
		const char *addr, *prefix;
		uint8_t bits;
		bool in;
	} rows[] = {
		{"10.0.2.2", "10.0.2.0", 24, true},   {"10.0.3.2", "10.0.2.0", 24, false},
		{"10.0.2.127", "10.0.2.0", 25, true}, {"10.0.2.128", "10.0.2.0", 25, false},
		{"1.2.3.4", "0.0.0.0", 0, true},      {"10.0.2.2", "10.0.2.2", 32, true},
		{"10.0.2.3", "10.0.2.2", 32, false},  {"fd10::5", "fd10::", 64, true},
		{"fd11::5", "fd10::", 64, false},     {"10.0.0.1", "::", 0, false},
		{"fd10::5", "0.0.0.0", 0, false},     {"fd10::5", "::", 0, true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bl_addr a = addr(rows[i].addr), p = addr(rows[i].prefix);

		assert_int_equal(bl_addr_in_prefix(&a, &p, rows[i].bits), rows[i].in);
	}
}

static void test_nth(void **state)
{
	static const struct {
		const char *prefix, *nth;
		uint32_t n;
	} rows[] = {
		{"10.0.2.0", "10.0.2.1", 1},       {"10.0.2.0", "10.0.3.4", 260},
		{"10.255.255.255", "11.0.0.0", 1}, {"255.255.255.255", "0.0.0.0", 1},
		{"fd10:0:2::", "fd10:0:2::2", 2},  {"fd10::ffff:ffff", "fd10::1:0:0", 1},
	};
	char text[BL_ADDR_TEXT_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bl_addr prefix = addr(rows[i].prefix);
		struct bl_addr nth = bl_addr_nth(&prefix, rows[i].n);

		assert_string_equal(bl_addr_format(&nth, text), rows[i].nth);
	}
}

static void test_lists(void **state)
{
	struct bl_addr list[3];

	assert_int_equal(bl_addr_parse("10.0.0.1", &list[0], &err), 0);
	assert_int_equal(bl_addr_parse("fd00::1", &list[1], &err), 0);
	assert_int_equal(bl_addr_parse("fd00::2", &list[2], &err), 0);
	assert_true(bl_addr_is_among(&list[0], list, 3));
	assert_true(bl_addr_is_among(&list[1], list, 2));
	assert_false(bl_addr_is_among(&list[2], list, 2));
	assert_false(bl_addr_is_among(&list[0], list, 0));
}

static void test_macs(void **state)
{
	static const char *const bad[] = {"",
					  "52:54:00:12:34",
					  "52:54:00:12:34:5g",
					  "52:54:00:12:34:56:78",
					  "52-54:00:12:34:56",
					  "525400123456",
					  "5254.0012.3456",
					  "52:54:00:12:34:5"};
	char text[BL_MAC_TEXT_MAX], address[BL_ADDR_TEXT_MAX];
	struct bl_addr link_local;
	uint8_t mac[6];

	assert_int_equal(bl_mac_parse("52:54:00:AB:cd:ef", mac, &err), 0);
	assert_string_equal(bl_mac_format(mac, text), "52:54:00:ab:cd:ef");
	assert_int_equal(bl_mac_parse("52-54-00-12-34-56", mac, &err), 0);
	link_local = bl_addr_link_local(mac);
	assert_string_equal(bl_addr_format(&link_local, address), "fe80::5054:ff:fe12:3456");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_fails(bl_mac_parse(bad[i], mac, &err), -EINVAL, "not a MAC");
	assert_fails(bl_mac_parse("01:00:5e:00:00:01", mac, &err), -EINVAL, "cannot be");
	assert_fails(bl_mac_parse("ff:ff:ff:ff:ff:ff", mac, &err), -EINVAL, "cannot be");
	assert_fails(bl_mac_parse("00:00:00:00:00:00", mac, &err), -EINVAL, "cannot be");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical_text), cmocka_unit_test(test_bad_addresses),
		cmocka_unit_test(test_families),       cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_membership),     cmocka_unit_test(test_nth),
		cmocka_unit_test(test_lists),          cmocka_unit_test(test_macs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
