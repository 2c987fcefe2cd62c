/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Route netlink by libnl: sockets that belong to a namespace, and the conversions between libnl's
 * types and ours. A socket stays in the namespace in which it was opened, so its user need not
 * enter that again.
 */
#pragma once

#include <stdint.h>

#include <netlink/addr.h>
#include <netlink/cache.h>
#include <netlink/netlink.h>

#include <beeline/abi.h>
#include <beeline/cleanup.h>
#include <beeline/err.h>

BL_DEFINE_AUTO(nl_sock, struct nl_sock *, nl_socket_free)
#define bl_auto_nl_sock bl_cleanup(bl_auto_nl_sock_fn)
BL_DEFINE_AUTO(nl_cache, struct nl_cache *, nl_cache_free)
#define bl_auto_nl_cache bl_cleanup(bl_auto_nl_cache_fn)

int rtnl_open(int netns_fd, struct nl_sock **ret_sock, struct bl_err *err);
/* Like bl_fail(), for a negative libnl error number. */
int rtnl_fail(struct bl_err *err, int nl_error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* An address of another family than IPv4 and IPv6, or none: all zero. */
struct bl_addr rtnl_addr_of(const struct nl_addr *addr);
/* The caller puts (nl_addr_put) the result. bits counts within the family. */
struct nl_addr *rtnl_addr_new(const struct bl_addr *addr, uint8_t bits);
