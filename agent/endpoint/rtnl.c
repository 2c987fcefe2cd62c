// SPDX-License-Identifier: Apache-2.0
/* Sockets and conversions of libnl; nothing here knows what the messages are about. */
#include "rtnl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>

#include <netlink/errno.h>

#include <beeline/addr.h>

#include "../netns.h"

static int connect_here(void *data, struct bl_err *err)
{
	struct nl_sock *sock = data;
	int r = nl_connect(sock, NETLINK_ROUTE);

	return r < 0 ? rtnl_fail(err, r, "opening a netlink socket") : 0;
}

int rtnl_open(int netns_fd, struct nl_sock **ret_sock, struct bl_err *err)
{
	bl_auto_nl_sock struct nl_sock *sock = nl_socket_alloc();
	int r;

	if (!sock)
		return bl_fail(err, -ENOMEM, "out of memory");
	r = netns_do(netns_fd, connect_here, sock, err);
	if (r < 0)
		return r;
	*ret_sock = bl_take_ptr(sock);
	return 0;
}

/* libnl folds the kernel's errno into numbers of its own; these are the ones that callers tell
 * apart. */
static int errno_of(int nl_error)
{
	switch (-nl_error) {
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_NODEV:
		return -ENODEV;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_PERM:
		return -EPERM;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_INVAL:
		return -EINVAL;
	default:
		return -EIO;
	}
}

int rtnl_fail(struct bl_err *err, int nl_error, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return bl_fail(err, errno_of(nl_error), "%s: %s", text, nl_geterror(nl_error));
}

struct bl_addr rtnl_addr_of(const struct nl_addr *addr)
{
	int family = addr ? nl_addr_get_family(addr) : AF_UNSPEC;
	unsigned int len = addr ? nl_addr_get_len(addr) : 0;

	if ((family != AF_INET || len != 4) && (family != AF_INET6 || len != 16))
		return (struct bl_addr){0};
	return bl_addr_from_bytes(nl_addr_get_binary_addr(addr), len);
}

struct nl_addr *rtnl_addr_new(const struct bl_addr *addr, uint8_t bits)
{
	bool v4 = bl_addr_is_v4(addr);
	struct nl_addr *made = nl_addr_build(v4 ? AF_INET : AF_INET6,
					     v4 ? &addr->bytes[12] : addr->bytes, v4 ? 4 : 16);

	if (!made)
		abort();
	nl_addr_set_prefixlen(made, bits);
	return made;
}
