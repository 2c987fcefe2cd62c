// SPDX-License-Identifier: Apache-2.0
/* Names of Kubernetes: what its API server takes and refuses. */
#include "unit.h"

#include <beeline/name.h>

#define TEN(text)       text text text text text text text text text text
#define SIXTY_THREE     TEN("abcdef") "abc"
#define TWO_FIFTY_THREE TEN("abcdefghijklmnopqrstuvwxy") "abc"

struct row {
	const char *text;
	bool label, subdomain, qualified, key, value;
};

static const struct row rows[] = {
	/* text                  label  subdom qualif key    value */
	{"a", true, true, true, true, true},
	{"my-vm-01", true, true, true, true, true},
	{"a--b", true, true, true, true, true},
	{"my.vm", false, true, true, true, true},
	{"a-.b", false, false, true, true, true},
	{"a.-b", false, false, true, true, true},
	{"a..b", false, false, true, true, true},
	{"My_Vm", false, false, true, true, true},
	{"", false, false, false, false, true},
	{"-a", false, false, false, false, false},
	{"a-", false, false, false, false, false},
	{".a", false, false, false, false, false},
	{"a.", false, false, false, false, false},
	{"a b", false, false, false, false, false},
	{"a\n", false, false, false, false, false},
	{"\xc3\xa9", false, false, false, false, false},
	{"example.com/a", false, false, false, true, false},
	{"Example.com/a", false, false, false, false, false},
	{"/a", false, false, false, false, false},
	{"example.com/", false, false, false, false, false},
	{"a/b/c", false, false, false, false, false},
	{SIXTY_THREE, true, true, true, true, true},
	{SIXTY_THREE "d", false, true, false, false, false},
	{TWO_FIFTY_THREE, false, true, false, false, false},
	{TWO_FIFTY_THREE "d", false, false, false, false, false},
	{TWO_FIFTY_THREE "/a", false, false, false, true, false},
	{TWO_FIFTY_THREE "d/a", false, false, false, false, false},
};

static void names_are_told_apart(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *text = rows[i].text;

		if (bl_name_is_dns_label(text) != rows[i].label ||
		    bl_name_is_dns_subdomain(text, strlen(text)) != rows[i].subdomain ||
		    bl_name_is_qualified(text) != rows[i].qualified ||
		    bl_name_is_key(text) != rows[i].key ||
		    bl_name_is_label_value(text) != rows[i].value)
			fail_msg("'%s'", text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
