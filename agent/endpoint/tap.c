// SPDX-License-Identifier: Apache-2.0
/*
 * The tap of a VM. It is made through /dev/net/tun inside the pod's namespace, closed again, and
 * stays, because it is persistent; QEMU opens it by name as the user that owns it.
 */
#include "../tap.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#include <libmnl/libmnl.h>
#include <netlink/route/link.h>
#include <netlink/route/qdisc.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

#include "../netns.h"
#include "rtnl.h"

#ifndef TUN_F_USO4
/* Kernel 6.2: segmentation of UDP. */
#	define TUN_F_USO4 0x20
#	define TUN_F_USO6 0x40
#endif

/* A queue in front of the tap's own ring only adds a lock and a wait. */
#define QDISC "noqueue"

#define OFFLOADS     (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)
#define OFFLOADS_USO (OFFLOADS | TUN_F_USO4 | TUN_F_USO6)

/* ---- reading --------------------------------------------------------------------------------- */

static void read_tun(const struct nlattr *linkinfo, struct tap_state *state)
{
	const struct nlattr *attr, *inner;

	mnl_attr_for_each_nested(attr, linkinfo)
	{
		if (mnl_attr_get_type(attr) != IFLA_INFO_DATA)
			continue;
		mnl_attr_for_each_nested(inner, attr)
		{
			if (mnl_attr_get_type(inner) == IFLA_TUN_OWNER)
				state->uid = mnl_attr_get_u32(inner);
			else if (mnl_attr_get_type(inner) == IFLA_TUN_MULTI_QUEUE)
				state->multi_queue = mnl_attr_get_u8(inner);
			else if (mnl_attr_get_type(inner) == IFLA_TUN_PERSIST)
				state->persistent = mnl_attr_get_u8(inner);
		}
	}
}

static bool is_tun(const struct nlattr *linkinfo)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(
		attr, linkinfo) if (mnl_attr_get_type(attr) ==
				    IFLA_INFO_KIND) return strncmp(mnl_attr_get_str(attr), "tun",
								   3) == 0;
	return false;
}

/* One setting of the device in a family's array of them. */
static uint32_t setting(const struct nlattr *family, uint16_t array, size_t index)
{
	const struct nlattr *attr;
	uint32_t value = 0;

	mnl_attr_for_each_nested(attr, family) if (mnl_attr_get_type(attr) == array &&
						   mnl_attr_get_payload_len(attr) >=
							   (index + 1) * sizeof(value))
		memcpy(&value, (uint32_t *)mnl_attr_get_payload(attr) + index, sizeof(value));
	return value;
}

/* A kernel without IPv6 says nothing of it, and needs no silencing there. */
static void read_silence(const struct nlattr *families, struct tap_state *state)
{
	const struct nlattr *family;

	state->disable_ipv6 = 1;

	mnl_attr_for_each_nested(family, families)
	{
		if (mnl_attr_get_type(family) == AF_INET)
			state->arp_ignore =
				setting(family, IFLA_INET_CONF, IPV4_DEVCONF_ARP_IGNORE - 1);
		else if (mnl_attr_get_type(family) == AF_INET6)
			state->disable_ipv6 =
				setting(family, IFLA_INET6_CONF, DEVCONF_DISABLE_IPV6);
	}
	state->silent = state->arp_ignore == TAP_ARP_IGNORE_ALL && state->disable_ipv6 == 1;
}

static int take_link(const struct nlmsghdr *message, void *data)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	struct tap_state *state = data;
	const struct nlattr *attr;

	state->ifindex = (uint32_t)info->ifi_index;
	state->up = info->ifi_flags & IFF_UP;
	mnl_attr_for_each(attr, message, sizeof(*info))
	{
		uint16_t type = mnl_attr_get_type(attr);

		if (type == IFLA_MTU)
			state->mtu = (uint16_t)mnl_attr_get_u32(attr);
		else if (type == IFLA_QDISC)
			state->queueless = strcmp(mnl_attr_get_str(attr), QDISC) == 0;
		else if (type == IFLA_CARRIER)
			state->carrier = mnl_attr_get_u8(attr);
		else if (type == IFLA_ADDRESS &&
			 mnl_attr_get_payload_len(attr) == sizeof(state->mac))
			memcpy(state->mac, mnl_attr_get_payload(attr), sizeof(state->mac));
		else if (type == IFLA_LINKINFO && is_tun(attr))
			read_tun(attr, state);
		else if (type == IFLA_AF_SPEC)
			read_silence(attr, state);
	}
	return MNL_CB_OK;
}

struct query {
	const char *name;
	struct tap_state state;
};

static int query_link(struct mnl_socket *sock, struct query *query)
{
	_Alignas(struct nlmsghdr) char buffer[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *info = mnl_nlmsg_put_extra_header(message, sizeof(*info));
	ssize_t n;

	message->nlmsg_type = RTM_GETLINK;
	message->nlmsg_flags = NLM_F_REQUEST;
	mnl_attr_put_strz(message, IFLA_IFNAME, query->name);
	if (mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(sock, message, message->nlmsg_len) < 0)
		return -errno;
	n = mnl_socket_recvfrom(sock, buffer, sizeof(buffer));
	if (n < 0 || mnl_cb_run(buffer, (size_t)n, 0, mnl_socket_get_portid(sock), take_link,
				&query->state) < 0)
		return -errno;
	return 0;
}

/* The offloads that the reader of a tap asks for (TUNSETOFFLOAD) are the device's features, which
 * rtnetlink does not tell. */
static int query_offload(struct query *query)
{
	bl_autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_value value = {.cmd = ETHTOOL_GTXCSUM};
	struct ifreq request = {.ifr_data = (void *)&value};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", query->name);
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &request) < 0)
		return -errno;
	query->state.plain = !value.data;
	return 0;
}

static int query_here(void *data, struct bl_err *err)
{
	struct query *query = data;
	struct mnl_socket *sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int r = sock ? query_link(sock, query) : -errno;

	if (sock)
		mnl_socket_close(sock);
	if (r == 0)
		r = query_offload(query);
	return r < 0 ? bl_fail_errno(err, r, "device '%s'", query->name) : 0;
}

int tap_read(int netns_fd, const char *name, struct tap_state *ret_state, struct bl_err *err)
{
	struct query query = {.name = name};
	int r = netns_do(netns_fd, query_here, &query, err);

	if (r == 0)
		*ret_state = query.state;
	return r;
}

/* ---- making ---------------------------------------------------------------------------------- */

/* Offloads stay with the device after this descriptor is closed; older kernels know no USO. */
static int set_up(int fd, const struct tap_spec *spec)
{
	if (ioctl(fd, TUNSETOFFLOAD, OFFLOADS_USO) < 0 && ioctl(fd, TUNSETOFFLOAD, OFFLOADS) < 0)
		return -errno;
	if (ioctl(fd, TUNSETOWNER, (unsigned long)spec->uid) < 0 ||
	    ioctl(fd, TUNSETPERSIST, 1ul) < 0)
		return -errno;
	return 0;
}

static int open_here(void *data, struct bl_err *err)
{
	const struct tap_spec *spec = data;
	bl_autoclose int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int r;

	if (fd < 0)
		return bl_fail_errno(err, -errno, "opening /dev/net/tun");
	if (spec->queues > 1)
		request.ifr_flags |= IFF_MULTI_QUEUE;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", spec->name);
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		return bl_fail_errno(err, -errno, "making tap '%s'", spec->name);
	r = set_up(fd, spec);
	return r < 0 ? bl_fail_errno(err, r, "setting up tap '%s'", spec->name) : 0;
}

static int change_link(struct nl_sock *sock, uint32_t ifindex, const struct tap_spec *spec,
		       struct bl_err *err)
{
	struct rtnl_link *change = rtnl_link_alloc(), *wanted = rtnl_link_alloc();
	struct nl_addr *mac = nl_addr_build(AF_LLC, spec->mac, sizeof(spec->mac));
	int r;

	if (!change || !wanted || !mac)
		abort();
	rtnl_link_set_ifindex(change, (int)ifindex); /* libnl does not send the name of this one */
	rtnl_link_set_addr(wanted, mac);
	rtnl_link_set_mtu(wanted, spec->mtu);
	rtnl_link_set_flags(wanted, IFF_UP);
	r = rtnl_link_change(sock, change, wanted, 0);
	nl_addr_put(mac);
	rtnl_link_put(change);
	rtnl_link_put(wanted);
	return r < 0 ? rtnl_fail(err, r, "configuring tap '%s'", spec->name) : 0;
}

static int drop_qdisc(struct nl_sock *sock, uint32_t ifindex, const char *name, struct bl_err *err)
{
	struct rtnl_qdisc *qdisc = rtnl_qdisc_alloc();
	int r;

	if (!qdisc)
		abort();
	rtnl_tc_set_ifindex(TC_CAST(qdisc), (int)ifindex);
	rtnl_tc_set_parent(TC_CAST(qdisc), TC_H_ROOT);
	rtnl_tc_set_kind(TC_CAST(qdisc), QDISC);
	r = rtnl_qdisc_add(sock, qdisc, NLM_F_CREATE | NLM_F_REPLACE);
	rtnl_qdisc_put(qdisc);
	return r < 0 ? rtnl_fail(err, r, "taking the queue off tap '%s'", name) : 0;
}

/* A kernel without IPv6 has no such file and nothing to be silenced. */
static int set_device(int netns_fd, const char *family, const char *device, const char *key,
		      const char *value, struct bl_err *err)
{
	bl_autofree char *path = bl_format("net/%s/conf/%s/%s", family, device, key);
	int r = netns_sysctl(netns_fd, path, value, err);

	return r == -ENOENT ? 0 : r;
}

int tap_silence(int netns_fd, const char *name, struct bl_err *err)
{
	int r = set_device(netns_fd, "ipv6", name, "disable_ipv6", "1", err);

	return r < 0 ? r : set_device(netns_fd, "ipv4", name, "arp_ignore", "8", err);
}

/* Only where the value is still ours. */
static int take_back(int netns_fd, const char *family, const char *name, const char *key,
		     uint32_t ours, uint32_t now, uint32_t before, struct bl_err *err)
{
	char value[16];

	if (now != ours || before == ours)
		return 0;
	snprintf(value, sizeof(value), "%u", before);
	return set_device(netns_fd, family, name, key, value, err);
}

int tap_unsilence(int netns_fd, const char *name, const struct tap_state *before,
		  struct bl_err *err)
{
	struct tap_state now;
	int r = tap_read(netns_fd, name, &now, err);

	if (r == 0)
		r = take_back(netns_fd, "ipv6", name, "disable_ipv6", 1, now.disable_ipv6,
			      before->disable_ipv6, err);
	if (r == 0)
		r = take_back(netns_fd, "ipv4", name, "arp_ignore", TAP_ARP_IGNORE_ALL,
			      now.arp_ignore, before->arp_ignore, err);
	return r;
}

/* A tap in the wanted shape is taken as it is: it may be in use. */
static int find_or_make(const struct tap_spec *spec, struct tap_state *ret_state,
			struct bl_err *err)
{
	int r = tap_read(spec->netns_fd, spec->name, ret_state, err);

	if (r == 0 && ret_state->multi_queue == (spec->queues > 1))
		return 0;
	if (r < 0 && r != -ENODEV)
		return r;
	if (r == 0)
		r = tap_remove(spec->netns_fd, spec->name, err);
	else
		r = 0;
	if (r == 0)
		r = netns_do(spec->netns_fd, open_here, (void *)spec, err);
	return r == 0 ? tap_read(spec->netns_fd, spec->name, ret_state, err) : r;
}

static bool is_configured(const struct tap_spec *spec, const struct tap_state *state)
{
	return state->up && state->mtu == spec->mtu &&
	       memcmp(state->mac, spec->mac, sizeof(state->mac)) == 0;
}

int tap_make(const struct tap_spec *spec, struct bl_err *err)
{
	bl_auto_nl_sock struct nl_sock *sock = NULL;
	struct tap_state state = {0};
	int r = find_or_make(spec, &state, err);

	if (r == 0 && !state.silent)
		r = tap_silence(spec->netns_fd, spec->name, err);
	if (r == 0)
		r = rtnl_open(spec->netns_fd, &sock, err);
	if (r == 0 && !is_configured(spec, &state))
		r = change_link(sock, state.ifindex, spec, err);
	/* A device that is down has none yet, whatever is said of it. */
	if (r == 0 && !(state.up && state.queueless))
		r = drop_qdisc(sock, state.ifindex, spec->name, err);
	return r;
}

int tap_remove(int netns_fd, const char *name, struct bl_err *err)
{
	bl_auto_nl_sock struct nl_sock *sock = NULL;
	struct rtnl_link *link = rtnl_link_alloc();
	int r = rtnl_open(netns_fd, &sock, err);

	if (!link)
		abort();
	rtnl_link_set_name(link, name);
	if (r == 0) {
		r = rtnl_link_delete(sock, link);
		if (r == -NLE_NODEV || r == -NLE_OBJ_NOTFOUND)
			r = 0;
		if (r < 0)
			r = rtnl_fail(err, r, "removing tap '%s'", name);
	}
	rtnl_link_put(link);
	return r;
}
