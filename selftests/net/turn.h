/* SPDX-License-Identifier: Apache-2.0 */
/* Tests whose names are fixed take turns with other runs of themselves. TEST is defined before. */
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

/* Group setup: waits for another run of this test. The lock goes with the process. */
static inline int take_turn(void **state)
{
	int fd;

	mkdir("/run/lock", 0755); /* a container's fresh /run lacks it */
	fd = open("/run/lock/beeline-test-" TEST, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	return fd >= 0 ? flock(fd, LOCK_EX) : -1;
}
