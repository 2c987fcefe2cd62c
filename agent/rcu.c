// SPDX-License-Identifier: Apache-2.0
/* Switches the kernel's expedited grace periods on and back off. */
#include "rcu.h"

#include <beeline/cleanup.h>
#include <beeline/file.h>

#define RCU_EXPEDITED "/sys/kernel/rcu_expedited"
#define RCU_NORMAL    "/sys/kernel/rcu_normal"

static bool is_off(const char *path)
{
	bl_autofree char *text = NULL;
	size_t len;

	return bl_file_read(path, 16, &text, &len, NULL) == 0 && text[0] == '0';
}

bool rcu_hurry(void)
{
	return is_off(RCU_EXPEDITED) && is_off(RCU_NORMAL) &&
	       bl_file_poke(RCU_EXPEDITED, "1", NULL) == 0;
}

void rcu_relax(bool hurried)
{
	if (hurried)
		bl_file_poke(RCU_EXPEDITED, "0", NULL);
}
