// SPDX-License-Identifier: Apache-2.0
/*
 * Who answers for the pod's addresses: the guest, while they are in no table `local`, or the pod's kernel.
 *
 * IPv4's entry is given back by making it anew. IPv6's is the address's own, which only the kernel can
 * put there, with metric 0, and does when an address comes: so the address goes and comes, with the routes
 * that prefer it as their source, in one message, which the kernel works off whole before anybody can be
 * killed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <netlink/msg.h>
#include <netlink/route/addr.h>
#include <netlink/route/route.h>

#include <beeline/addr.h>

#include "podnet.h"
#include "rtnl.h"

/* The entry as the kernel makes it when an address comes up. */
static struct rtnl_route *local_route(const struct podnet *podnet, const struct bl_addr *addr)
{
	bool v4 = bl_addr_is_v4(addr);
	struct rtnl_route *route = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	struct nl_addr *to = rtnl_addr_new(addr, v4 ? 32 : 128);

	if (!route || !hop)
		abort();
	rtnl_route_set_family(route, v4 ? AF_INET : AF_INET6);
	rtnl_route_set_table(route, RT_TABLE_LOCAL);
	rtnl_route_set_type(route, RTN_LOCAL);
	rtnl_route_set_scope(route, v4 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE);
	rtnl_route_set_protocol(route, RTPROT_KERNEL);
	rtnl_route_set_dst(route, to);
	if (v4)
		rtnl_route_set_pref_src(route, to);
	rtnl_route_nh_set_ifindex(hop, (int)podnet->ifindex);
	rtnl_route_add_nexthop(route, hop);
	nl_addr_put(to);
	return route;
}

/* What is there already, or is not there any more, is no failure. */
static int settle(int nl_error, struct bl_err *err)
{
	if (nl_error >= 0 || nl_error == -NLE_OBJ_NOTFOUND || nl_error == -NLE_EXIST)
		return 0;
	return rtnl_fail(err, nl_error, "changing who owns the pod's address");
}

int podnet_silence(int netns_fd, const struct podnet *podnet, struct bl_err *err)
{
	bl_auto_nl_sock struct nl_sock *sock = NULL;
	int r = rtnl_open(netns_fd, &sock, err);

	for (int i = 0; r == 0 && i < BL_FAMILIES; i++) {
		struct rtnl_route *route;

		if (!bl_addr_is_set(&podnet->family[i].addr))
			continue;
		route = local_route(podnet, &podnet->family[i].addr);
		r = settle(rtnl_route_delete(sock, route, 0), err);
		rtnl_route_put(route);
	}
	return r;
}

/* ---- giving back -------------------------------------------------------------------------------- */

static int unsilence_v4(struct nl_sock *sock, const struct podnet *podnet, struct bl_err *err)
{
	struct rtnl_route *route = local_route(podnet, &podnet->family[BL_V4].addr);
	int r = rtnl_route_add(sock, route, NLM_F_EXCL);

	rtnl_route_put(route);
	return settle(r, err);
}

/* Messages that go together. */
struct bundle {
	struct nl_sock *sock;
	const struct podnet *podnet;
	char bytes[16384];
	size_t len;
	unsigned int n;
	int error; /* libnl's, of what could not be put in */
};

/* message is taken; built: what building it returned. */
static void add_message(struct bundle *bundle, int built, struct nl_msg *message)
{
	struct nlmsghdr *header = built == 0 ? nlmsg_hdr(message) : NULL;

	if (built < 0) {
		bundle->error = built;
		return;
	}
	nl_complete_msg(bundle->sock, message);
	header->nlmsg_flags |= NLM_F_ACK;
	if (bundle->len + NLMSG_ALIGN(header->nlmsg_len) > sizeof(bundle->bytes)) {
		bundle->error = -NLE_MSGSIZE;
	} else {
		memcpy(bundle->bytes + bundle->len, header, header->nlmsg_len);
		bundle->len += NLMSG_ALIGN(header->nlmsg_len);
		bundle->n++;
	}
	nlmsg_free(message);
}

static bool is_pods(const struct bundle *bundle, const struct nl_addr *addr)
{
	struct bl_addr found = rtnl_addr_of(addr);

	return bl_addr_equal(&found, &bundle->podnet->family[BL_V6].addr);
}

/* Away, back without waiting whether others have it, and with the flags that it had. */
static void add_address(struct nl_object *object, void *data)
{
	struct rtnl_addr *addr = (struct rtnl_addr *)object;
	struct bundle *bundle = data;
	struct nl_msg *message = NULL;
	bool nodad = rtnl_addr_get_flags(addr) & IFA_F_NODAD;
	int r;

	if ((uint32_t)rtnl_addr_get_ifindex(addr) != bundle->podnet->ifindex ||
	    !is_pods(bundle, rtnl_addr_get_local(addr)))
		return;
	r = rtnl_addr_build_delete_request(addr, 0, &message);
	add_message(bundle, r, message);
	rtnl_addr_set_flags(addr, IFA_F_NODAD);
	r = rtnl_addr_build_add_request(addr, NLM_F_EXCL, &message);
	add_message(bundle, r, message);
	if (nodad)
		return;
	rtnl_addr_unset_flags(addr, IFA_F_NODAD);
	r = rtnl_addr_build_add_request(addr, NLM_F_REPLACE, &message);
	add_message(bundle, r, message);
}

/* The kernel takes the source from a route whose address goes. */
static void add_route(struct nl_object *object, void *data)
{
	struct rtnl_route *route = (struct rtnl_route *)object;
	struct bundle *bundle = data;
	struct nl_msg *message = NULL;
	int r;

	if (!is_pods(bundle, rtnl_route_get_pref_src(route)))
		return;
	r = rtnl_route_build_add_request(route, NLM_F_REPLACE, &message);
	add_message(bundle, r, message);
}

static int send_bundle(struct bundle *bundle)
{
	int r = bundle->error;

	if (r < 0 || bundle->n == 0)
		return r;
	r = nl_sendto(bundle->sock, bundle->bytes, bundle->len);
	for (unsigned int i = 0; r >= 0 && i < bundle->n; i++)
		r = nl_wait_for_ack(bundle->sock);
	return r;
}

static int unsilence_v6(struct nl_sock *sock, const struct podnet *podnet, struct bl_err *err)
{
	bl_auto_nl_cache struct nl_cache *addrs = NULL, *routes = NULL;
	struct bundle bundle = {.sock = sock, .podnet = podnet};
	int r = rtnl_addr_alloc_cache(sock, &addrs);

	if (r >= 0)
		r = rtnl_route_alloc_cache(sock, AF_INET6, 0, &routes);
	if (r >= 0) {
		nl_cache_foreach(addrs, add_address, &bundle);
		nl_cache_foreach(routes, add_route, &bundle);
		r = send_bundle(&bundle);
	}
	return r < 0 ? rtnl_fail(err, r, "giving the pod's address back") : 0;
}

int podnet_unsilence(int netns_fd, const struct podnet *podnet, struct bl_err *err)
{
	const struct podnet_family *v4 = &podnet->family[BL_V4], *v6 = &podnet->family[BL_V6];
	bl_auto_nl_sock struct nl_sock *sock = NULL;
	int r = rtnl_open(netns_fd, &sock, err);

	if (r == 0 && bl_addr_is_set(&v4->addr) && !v4->spoken_for)
		r = unsilence_v4(sock, podnet, err);
	if (r == 0 && bl_addr_is_set(&v6->addr) && !v6->spoken_for)
		r = unsilence_v6(sock, podnet, err);
	return r;
}
