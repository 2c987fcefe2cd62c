// SPDX-License-Identifier: Apache-2.0
/* The kernel's boot id, read from the one place that has it. */
#include "bootid.h"

#include <errno.h>
#include <string.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX  64

int boot_id(char **ret_id, struct bl_err *err)
{
	bl_autofree char *text = NULL;
	int r = bl_file_read(BOOT_ID_PATH, BOOT_ID_MAX, &text, NULL, err);

	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	if (!text[0])
		return bl_fail(err, -EIO, "%s is empty", BOOT_ID_PATH);
	*ret_id = bl_take_ptr(text);
	return 0;
}
