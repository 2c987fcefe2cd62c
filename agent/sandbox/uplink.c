// SPDX-License-Identifier: Apache-2.0
/* The stand-in is one end of a veth, which every host with a veth-making plugin has; never up. */
#include "uplink.h"

#include <errno.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>

#include <beeline/addr.h>

#include "../endpoint/rtnl.h"

#define PEER_NAME "gone"

BL_DEFINE_AUTO(rtnl_link, struct rtnl_link *, rtnl_link_put)
#define bl_auto_rtnl_link bl_cleanup(bl_auto_rtnl_link_fn)
BL_DEFINE_AUTO(rtnl_addr, struct rtnl_addr *, rtnl_addr_put)
#define bl_auto_rtnl_addr bl_cleanup(bl_auto_rtnl_addr_fn)
BL_DEFINE_AUTO(nl_addr, struct nl_addr *, nl_addr_put)
#define bl_auto_nl_addr bl_cleanup(bl_auto_nl_addr_fn)

static int add_link(struct nl_sock *sock, const char *ifname, struct bl_err *err)
{
	struct rtnl_link *link = rtnl_link_veth_alloc();
	int r;

	if (!link)
		return bl_fail(err, -ENOMEM, "out of memory");
	rtnl_link_set_name(link, ifname);
	rtnl_link_set_name(rtnl_link_veth_get_peer(link), PEER_NAME);
	r = rtnl_link_add(sock, link, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_link_veth_release(link);
	return r < 0 ? rtnl_fail(err, r, "making a stand-in for %s", ifname) : 0;
}

static int add_address(struct nl_sock *sock, int ifindex, const char *text, struct bl_err *err)
{
	bl_auto_rtnl_addr struct rtnl_addr *address = rtnl_addr_alloc();
	bl_auto_nl_addr struct nl_addr *local = NULL;
	struct bl_addr addr;
	uint8_t bits;
	int r = bl_prefix_parse(text, true, &addr, &bits, err);

	if (r < 0)
		return r;
	local = rtnl_addr_new(&addr, bits);
	if (!address || !local)
		return bl_fail(err, -ENOMEM, "out of memory");
	rtnl_addr_set_ifindex(address, ifindex);
	rtnl_addr_set_local(address, local);
	r = rtnl_addr_add(sock, address, NLM_F_REPLACE);
	return r < 0 ? rtnl_fail(err, r, "giving %s to a stand-in", text) : 0;
}

static int add_addresses(struct nl_sock *sock, const char *ifname, const struct cJSON *result,
			 struct bl_err *err)
{
	bl_auto_rtnl_link struct rtnl_link *link = NULL;
	int r = rtnl_link_get_kernel(sock, 0, ifname, &link);

	if (r < 0)
		return rtnl_fail(err, r, "looking at the stand-in for %s", ifname);
	r = 0;
	bl_json_for_each (ip, bl_json_get(result, "ips")) {
		const char *text = bl_json_get_string(ip, "address");

		if (r == 0 && text)
			r = add_address(sock, rtnl_link_get_ifindex(link), text, err);
	}
	return r;
}

int uplink_stand_in(int netns_fd, const char *ifname, const struct cJSON *result,
		    struct bl_err *err)
{
	bl_auto_nl_sock struct nl_sock *sock = NULL;
	bl_auto_rtnl_link struct rtnl_link *link = NULL;
	int r = rtnl_open(netns_fd, &sock, err);

	if (r < 0)
		return r;
	if (rtnl_link_get_kernel(sock, 0, ifname, &link) == 0)
		return 0;
	r = add_link(sock, ifname, err);
	return r < 0 ? r : add_addresses(sock, ifname, result, err);
}
