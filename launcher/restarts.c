// SPDX-License-Identifier: Apache-2.0
/* How often a daemon may be started: see the header. */
#include "restarts.h"

#define SECOND_NS   (1000ull * 1000 * 1000)
#define WAIT_MIN_NS (SECOND_NS / 20)
#define WAIT_MAX_NS (10 * SECOND_NS)
#define LIVED_NS    (10 * SECOND_NS)

void restarts_connected(struct restarts *restarts, uint64_t now_ns)
{
	if (!restarts->connected_ns)
		restarts->connected_ns = now_ns;
}

/* One that had lived a while is forgiven; it may fall again and again within a minute. */
static void forgive(struct restarts *restarts, uint64_t now_ns)
{
	if (restarts->connected_ns && now_ns - restarts->connected_ns >= LIVED_NS)
		restarts->wait_ns = 0;
	restarts->connected_ns = 0;
}

uint64_t restarts_left_ns(struct restarts *restarts, uint64_t now_ns)
{
	uint64_t due_ns;

	forgive(restarts, now_ns);
	due_ns = restarts->started_ns + restarts->wait_ns;
	return due_ns > now_ns ? due_ns - now_ns : 0;
}

void restarts_started(struct restarts *restarts, uint64_t now_ns)
{
	restarts->started_ns = now_ns;
	restarts->wait_ns = restarts->wait_ns ? 2 * restarts->wait_ns : WAIT_MIN_NS;
	if (restarts->wait_ns > WAIT_MAX_NS)
		restarts->wait_ns = WAIT_MAX_NS;
}
