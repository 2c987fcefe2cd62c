// SPDX-License-Identifier: Apache-2.0
/*
 * Reading a pod's network. One dump per kind of object: a pod has a handful of each.
 *
 * The first global address of a family is the pod's; the route MTU counts where it is smaller than
 * the device's, since tunnels are accounted for there (Cilium) and nowhere else.
 */
#include "podnet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/route.h>

#include <beeline/addr.h>

#include "rtnl.h"

static enum bl_family family_of(const struct bl_addr *addr)
{
	return bl_addr_is_v4(addr) ? BL_V4 : BL_V6;
}

static int read_link(struct nl_sock *sock, const char *uplink, struct podnet *podnet,
		     struct bl_err *err)
{
	struct rtnl_link *link = NULL;
	int r = rtnl_link_get_kernel(sock, 0, uplink, &link);

	if (r < 0)
		return rtnl_fail(err, r, "device '%s'", uplink);

	const struct nl_addr *mac = rtnl_link_get_addr(link);
	const char *kind = rtnl_link_get_type(link);
	unsigned int mtu = rtnl_link_get_mtu(link);

	podnet->ifindex = (uint32_t)rtnl_link_get_ifindex(link);
	podnet->mtu = mtu > UINT16_MAX ? UINT16_MAX : (uint16_t)mtu;
	podnet->has_peer = kind && (strcmp(kind, "veth") == 0 || strcmp(kind, "netkit") == 0);
	if (mac && nl_addr_get_len(mac) == sizeof(podnet->mac))
		memcpy(podnet->mac, nl_addr_get_binary_addr(mac), sizeof(podnet->mac));
	rtnl_link_put(link);
	return 0;
}

static void take_addr(struct nl_object *object, void *data)
{
	struct rtnl_addr *found = (struct rtnl_addr *)object;
	struct podnet *podnet = data;
	struct bl_addr addr = rtnl_addr_of(rtnl_addr_get_local(found));
	struct podnet_family *family = &podnet->family[family_of(&addr)];
	unsigned int unwanted = IFA_F_TEMPORARY | IFA_F_DEPRECATED;

	if ((uint32_t)rtnl_addr_get_ifindex(found) != podnet->ifindex || !bl_addr_is_set(&addr) ||
	    rtnl_addr_get_scope(found) != RT_SCOPE_UNIVERSE ||
	    (rtnl_addr_get_flags(found) & unwanted) || bl_addr_is_set(&family->addr))
		return;
	family->addr = addr;
	family->bits = (uint8_t)rtnl_addr_get_prefixlen(found);
}

static int read_addrs(struct nl_sock *sock, struct podnet *podnet, struct bl_err *err)
{
	bl_auto_nl_cache struct nl_cache *cache = NULL;
	int r = rtnl_addr_alloc_cache(sock, &cache);

	if (r < 0)
		return rtnl_fail(err, r, "listing addresses");
	nl_cache_foreach(cache, take_addr, podnet);
	return 0;
}

/* A default route's destination comes without bytes: the family says which zero it is. */
static struct bl_addr destination_of(struct rtnl_route *route)
{
	static const uint8_t zeroes[16];
	struct bl_addr to = rtnl_addr_of(rtnl_route_get_dst(route));

	if (bl_addr_is_set(&to) || rtnl_route_get_family(route) != AF_INET)
		return to;
	return bl_addr_from_bytes(zeroes, 4);
}

static void take_default(struct podnet *podnet, struct rtnl_route *route,
			 const struct podnet_route *taken)
{
	struct podnet_family *family = &podnet->family[family_of(&taken->to)];
	unsigned int mtu = 0;

	if (!bl_addr_is_set(&family->gateway))
		family->gateway = taken->gateway;
	if (rtnl_route_get_metric(route, RTAX_MTU, &mtu) == 0 && mtu > 0 && mtu < podnet->mtu)
		podnet->mtu = (uint16_t)mtu;
}

static void take_route(struct nl_object *object, void *data)
{
	struct rtnl_route *route = (struct rtnl_route *)object;
	struct podnet *podnet = data;
	struct rtnl_nexthop *hop = rtnl_route_nexthop_n(route, 0);
	struct podnet_route taken = {
		.to = destination_of(route),
		.bits = (uint8_t)nl_addr_get_prefixlen(rtnl_route_get_dst(route)),
	};
	struct podnet_family *family = &podnet->family[family_of(&taken.to)];

	if (!hop || (uint32_t)rtnl_route_nh_get_ifindex(hop) != podnet->ifindex)
		return;
	if (rtnl_route_get_table(route) == RT_TABLE_LOCAL &&
	    rtnl_route_get_type(route) == RTN_LOCAL && bl_addr_equal(&taken.to, &family->addr))
		family->spoken_for = true;
	if (rtnl_route_get_table(route) != RT_TABLE_MAIN ||
	    rtnl_route_get_type(route) != RTN_UNICAST || podnet->n_routes == PODNET_ROUTES_MAX)
		return;
	taken.gateway = rtnl_addr_of(rtnl_route_nh_get_gateway(hop));
	if (taken.bits == 0)
		take_default(podnet, route, &taken);
	podnet->routes[podnet->n_routes++] = taken;
}

/* Stable: routes keep the kernel's order, but default routes go to the end. */
static void sort_routes(struct podnet *podnet)
{
	struct podnet_route sorted[PODNET_ROUTES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < podnet->n_routes; i++)
		if (podnet->routes[i].bits != 0)
			sorted[n++] = podnet->routes[i];
	for (size_t i = 0; i < podnet->n_routes; i++)
		if (podnet->routes[i].bits == 0)
			sorted[n++] = podnet->routes[i];
	memcpy(podnet->routes, sorted, n * sizeof(sorted[0]));
}

static int read_routes(struct nl_sock *sock, struct podnet *podnet, struct bl_err *err)
{
	bl_auto_nl_cache struct nl_cache *cache = NULL;
	int r = rtnl_route_alloc_cache(sock, AF_UNSPEC, 0, &cache);

	if (r < 0)
		return rtnl_fail(err, r, "listing routes");
	nl_cache_foreach(cache, take_route, podnet);
	sort_routes(podnet);
	return 0;
}

static void take_neighbour(struct nl_object *object, void *data)
{
	struct rtnl_neigh *neigh = (struct rtnl_neigh *)object;
	struct podnet *podnet = data;
	struct bl_addr addr = rtnl_addr_of(rtnl_neigh_get_dst(neigh));
	struct podnet_family *family = &podnet->family[family_of(&addr)];
	const struct nl_addr *mac = rtnl_neigh_get_lladdr(neigh);
	int unusable = NUD_INCOMPLETE | NUD_FAILED | NUD_NOARP;

	if ((uint32_t)rtnl_neigh_get_ifindex(neigh) != podnet->ifindex || !bl_addr_is_set(&addr) ||
	    !bl_addr_equal(&addr, &family->gateway) || (rtnl_neigh_get_state(neigh) & unusable) ||
	    !mac || nl_addr_get_len(mac) != sizeof(family->gateway_mac))
		return;
	memcpy(family->gateway_mac, nl_addr_get_binary_addr(mac), sizeof(family->gateway_mac));
	family->gateway_known = true;
}

static int read_neighbours(struct nl_sock *sock, struct podnet *podnet, struct bl_err *err)
{
	bl_auto_nl_cache struct nl_cache *cache = NULL;
	int r = rtnl_neigh_alloc_cache(sock, &cache);

	if (r < 0)
		return rtnl_fail(err, r, "listing neighbours");
	nl_cache_foreach(cache, take_neighbour, podnet);
	return 0;
}

int podnet_read(int netns_fd, const char *uplink, struct podnet *ret_podnet, struct bl_err *err)
{
	bl_auto_nl_sock struct nl_sock *sock = NULL;
	struct podnet podnet = {0};
	int r = rtnl_open(netns_fd, &sock, err);

	if (r == 0)
		r = read_link(sock, uplink, &podnet, err);
	if (r == 0)
		r = read_addrs(sock, &podnet, err);
	if (r == 0)
		r = read_routes(sock, &podnet, err);
	if (r == 0)
		r = read_neighbours(sock, &podnet, err);
	if (r == 0)
		*ret_podnet = podnet;
	return r;
}

/* NTF_USE is what a packet to the neighbour would do: an entry is made and resolution begins. */
static int use_neighbour(struct nl_sock *sock, uint32_t ifindex, const struct bl_addr *addr,
			 struct bl_err *err)
{
	struct rtnl_neigh *neigh = rtnl_neigh_alloc();
	struct nl_addr *to = rtnl_addr_new(addr, bl_addr_is_v4(addr) ? 32 : 128);
	int r;

	if (!neigh)
		abort();
	rtnl_neigh_set_ifindex(neigh, (int)ifindex);
	rtnl_neigh_set_dst(neigh, to);
	rtnl_neigh_set_flags(neigh, NTF_USE);
	rtnl_neigh_set_state(neigh, NUD_NONE);
	r = rtnl_neigh_add(sock, neigh, NLM_F_CREATE);
	nl_addr_put(to);
	rtnl_neigh_put(neigh);
	return r < 0 ? rtnl_fail(err, r, "asking for the gateway's MAC") : 0;
}

int podnet_resolve(int netns_fd, struct podnet *podnet, struct bl_err *err)
{
	bl_auto_nl_sock struct nl_sock *sock = NULL;
	bool asked = false;
	int r = rtnl_open(netns_fd, &sock, err);

	for (int i = 0; r == 0 && i < BL_FAMILIES; i++) {
		const struct podnet_family *family = &podnet->family[i];

		if (family->gateway_known || !bl_addr_is_set(&family->gateway))
			continue;
		r = use_neighbour(sock, podnet->ifindex, &family->gateway, err);
		asked = true;
	}
	return r == 0 && asked ? read_neighbours(sock, podnet, err) : r;
}
