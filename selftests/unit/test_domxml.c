// SPDX-License-Identifier: Apache-2.0
/* Text that came from outside stays text in the XML. What a domain holds: the golden tier. */
#include "unit.h"

#include "../../launcher/domxml.h"

#define HOSTILE "a\"'<b/>&amp;]]>"

static void hostile_text_is_escaped(void **state)
{
	struct domain_disk disk = {.alias = (char *)"ua-x",
				   .device = "disk",
				   .bus = "virtio",
				   .target = "vda",
				   .source = HOSTILE,
				   .format = "raw",
				   .cache = "none",
				   .serial = HOSTILE};
	struct domain domain = {.name = (char *)HOSTILE,
				.uid = HOSTILE,
				.disks = &disk,
				.n_disks = 1,
				.cpu = {.mode = "maximum"},
				.firmware = {.machine = HOSTILE}};
	bl_autofree char *xml = domxml_format(&domain);

	assert_null(strstr(xml, "<b/>"));
	assert_null(strstr(xml, "\"a\"'"));
	assert_non_null(strstr(xml, "<name>a&quot;'&lt;b/&gt;&amp;amp;]]&gt;</name>"));
	assert_non_null(strstr(xml, "machine=\"a&quot;'&lt;b/&gt;&amp;amp;]]&gt;\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_text_is_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
