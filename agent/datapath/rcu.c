// SPDX-License-Identifier: Apache-2.0
/* Switches the kernel's expedited grace periods on and back off. */
#include "rcu.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

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

bool rcu_hurry(const char *marker)
{
	if (!marker || !is_off(RCU_EXPEDITED) || !is_off(RCU_NORMAL) ||
	    (mkdir(marker, 0700) < 0 && errno != EEXIST))
		return false;
	if (bl_file_poke(RCU_EXPEDITED, "1", NULL) == 0)
		return true;
	rmdir(marker);
	return false;
}

void rcu_relax(const char *marker, bool hurried)
{
	if (hurried)
		rcu_recover(marker);
}

void rcu_recover(const char *marker)
{
	if (!bl_file_exists(marker))
		return;
	bl_file_poke(RCU_EXPEDITED, "0", NULL);
	rmdir(marker);
}
