// SPDX-License-Identifier: Apache-2.0
/* Quantities and durations: bounded, and thousandths agree with wholes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/option.h>
#include <beeline/quantity.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[128] = "", printed[32];
	unsigned long long ns;
	int64_t value, milli, again;

	memcpy(text, data, size < sizeof(text) ? size : sizeof(text) - 1);
	bl_duration_parse(text, &ns, NULL);
	if (bl_quantity_parse(text, &value, NULL) < 0)
		return 0;
	if (value < 0)
		abort();
	if (bl_quantity_parse_milli(text, &milli, NULL) == 0 &&
	    value != milli / 1000 + (milli % 1000 != 0))
		abort();
	if (bl_quantity_parse(bl_quantity_format_bytes(value, printed), &again, NULL) < 0 ||
	    again != value)
		abort();
	return 0;
}
