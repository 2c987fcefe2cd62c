/* SPDX-License-Identifier: Apache-2.0 */
/* How the end of a domain is told: KubeVirt's rules of what succeeded and what failed. Pure. */
#pragma once

#include <stdbool.h>

#include "virt.h"

struct ending {
	bool succeeded;
	const char *reason;
	const char *message;
};

/* stopping: we had been asked to stop it. killed: the grace period was over and we destroyed it. */
struct ending ending_of(enum virt_end end, bool stopping, bool killed);
/* A stop that came before the domain ran. */
struct ending ending_before_start(void);
