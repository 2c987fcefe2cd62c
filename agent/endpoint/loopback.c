// SPDX-License-Identifier: Apache-2.0
/* What the pod's loopback is told: two settings of the kernel. */
#include <errno.h>
#include <stddef.h>

#include "loopback.h"
#include "../netns.h"

int loopback_admit(int netns_fd, bool admit, struct bl_err *err)
{
	static const char *const settings[] = {
		"net/ipv4/conf/" LOOPBACK_NAME "/route_localnet",
		"net/ipv4/conf/" LOOPBACK_NAME "/accept_local",
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int r = netns_sysctl(netns_fd, settings[i], admit ? "1" : "0", err);

		if (r < 0)
			return r;
	}
	return 0;
}
