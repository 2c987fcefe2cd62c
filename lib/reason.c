// SPDX-License-Identifier: Apache-2.0
/* The one table of reasons, as text. */
#include <beeline/abi.h>
#include <beeline/reason.h>

const char *bl_reason_text(uint8_t reason)
{
	static const char *const texts[256] = {
#define X(name, number, text) [number] = (text),
		BL_REASONS(X)
#undef X
	};

	return texts[reason] ? texts[reason] : "unknown";
}
