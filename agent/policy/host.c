// SPDX-License-Identifier: Apache-2.0
/*
 * The addresses of this machine, which policies know as the host: those of all its interfaces, the
 * bridges and gateways of CNI plugins among them. They are read anew before each commit; a change of them
 * asks for one.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include <linux/rtnetlink.h>

#include <beeline/addr.h>
#include <beeline/file.h>

#include "room.h"

#define HOST_ADDRS_MAX 4096

/* The loopback's are nobody's on a wire. */
static bool read_addr(const struct ifaddrs *each, struct bl_addr *ret_addr)
{
	const struct sockaddr *from = each->ifa_addr;
	const struct sockaddr_in *v4 = (const void *)from;
	const struct sockaddr_in6 *v6 = (const void *)from;

	if (!from)
		return false;
	if (from->sa_family == AF_INET && ntohl(v4->sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
		*ret_addr = bl_addr_from_bytes((const uint8_t *)&v4->sin_addr, 4);
	else if (from->sa_family == AF_INET6 && !IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr))
		*ret_addr = bl_addr_from_bytes(v6->sin6_addr.s6_addr, 16);
	else
		return false;
	return true;
}

int policy_read_host(struct policy *policy, struct bl_err *err)
{
	bl_autofree struct bl_addr *addrs = bl_alloc(HOST_ADDRS_MAX * sizeof(*addrs));
	struct ifaddrs *list;
	size_t n = 0;

	if (getifaddrs(&list) < 0)
		return bl_fail_errno(err, -errno, "reading the addresses of this machine");
	for (const struct ifaddrs *each = list; each && n < HOST_ADDRS_MAX; each = each->ifa_next)
		n += read_addr(each, &addrs[n]);
	freeifaddrs(list);
	bl_engine_set_host(policy->engine, addrs, n);
	return 0;
}

/* What happened does not matter, nor does whether some of it was missed. */
static void on_event(struct bl_io *io, uint32_t events)
{
	char buffer[16384];

	while (recv(io->fd, buffer, sizeof(buffer), MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
	policy_commit_soon(io->data);
}

int policy_watch_host(struct policy *policy, struct bl_err *err)
{
	const struct sockaddr_nl events = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
	};
	bl_autoclose int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	int r;

	if (fd < 0 || bind(fd, (const void *)&events, sizeof(events)) < 0)
		return bl_fail_errno(err, -errno, "watching the addresses of this machine");
	r = bl_io_add(policy->config.loop, &policy->host_events, fd, EPOLLIN, on_event, policy,
		      err);
	if (r == 0)
		bl_take_fd(&fd);
	return r;
}

void policy_unwatch_host(struct policy *policy)
{
	if (!policy->host_events.loop)
		return;
	bl_io_remove(&policy->host_events);
	close(policy->host_events.fd);
}
