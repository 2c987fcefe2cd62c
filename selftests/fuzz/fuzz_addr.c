// SPDX-License-Identifier: Apache-2.0
/* Addresses, prefixes, MACs: what is taken reads back the same from its canonical text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/addr.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[128] = "", printed[BL_ADDR_TEXT_MAX], mac_text[BL_MAC_TEXT_MAX];
	struct bl_addr addr, again;
	uint8_t bits, mac[6], mac_again[6];

	memcpy(text, data, size < sizeof(text) ? size : sizeof(text) - 1);
	if (bl_addr_parse(text, &addr, NULL) == 0 &&
	    (bl_addr_parse(bl_addr_format(&addr, printed), &again, NULL) < 0 ||
	     !bl_addr_equal(&addr, &again)))
		abort();
	if (bl_prefix_parse(text, true, &addr, &bits, NULL) == 0 &&
	    (bits > (bl_addr_is_v4(&addr) ? 32 : 128) || !bl_addr_in_prefix(&addr, &addr, bits)))
		abort();
	if (bl_mac_parse(text, mac, NULL) == 0 &&
	    (bl_mac_parse(bl_mac_format(mac, mac_text), mac_again, NULL) < 0 ||
	     memcmp(mac, mac_again, 6) != 0))
		abort();
	return 0;
}
