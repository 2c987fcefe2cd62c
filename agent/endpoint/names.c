// SPDX-License-Identifier: Apache-2.0
/*
 * Whether the paths by which endpoints know their namespaces still lead there. A path is a mount as a
 * rule; taking it away is no event of any directory, but one of the table of mounts, which the kernel
 * signals as an exceptional condition of the file that shows it. The line needs no path: this is for
 * those who do.
 */
#include "room.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MOUNTS "/proc/self/mountinfo"

static void on_mounts(struct bl_io *io, uint32_t events)
{
	struct endpoints *set = io->data;

	for (uint32_t i = 0; i < BL_ENDPOINTS_MAX; i++)
		if (set->by_index[i] &&
		    endpoint_is_named(set->by_index[i]) != set->by_index[i]->named)
			endpoint_refresh_soon(set->by_index[i]);
}

int endpoints_watch_names(struct endpoints *set, struct bl_err *err)
{
	bl_autoclose int fd = open(MOUNTS, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return bl_fail_errno(err, -errno, "opening " MOUNTS);
	r = bl_io_add(set->loop, &set->mounts, fd, EPOLLPRI, on_mounts, set, err);
	if (r == 0)
		bl_take_fd(&fd);
	return r;
}

void endpoints_unwatch_names(struct endpoints *set)
{
	int fd = set->mounts.fd;

	if (!set->mounts.loop)
		return;
	bl_io_remove(&set->mounts);
	close(fd);
}
