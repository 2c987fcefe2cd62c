// SPDX-License-Identifier: Apache-2.0
/* Prefixes of both families from text: see the header. */
#include "prefix.h"

int prefix_parse(const char *text, bool bare, struct bl_prefix *ret_prefix, struct bl_err *err)
{
	struct bl_prefix prefix = {0};
	uint8_t bits;
	int r;

	if (bare && !strchr(text, '/')) {
		r = bl_addr_parse(text, &prefix.addr, err);
		prefix.bits = 128;
	} else {
		r = bl_prefix_parse(text, false, &prefix.addr, &bits, err);
		if (r == 0)
			prefix.bits = bl_addr_is_v4(&prefix.addr) ? bits + 96 : bits;
	}
	if (r == 0)
		*ret_prefix = prefix;
	return r;
}
