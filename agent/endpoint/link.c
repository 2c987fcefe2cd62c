// SPDX-License-Identifier: Apache-2.0
/*
 * The stream of rtnetlink events by libmnl: decoding only. What an event means for an endpoint is
 * decided by its receiver.
 */
#include "link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include <libmnl/libmnl.h>

#include <beeline/addr.h>
#include <beeline/file.h>

#define RECEIVE_BUFFER_BYTES (4 * 1024 * 1024)
#define OWN_NETNS            "/proc/self/ns/net"

struct links {
	struct bl_io io;
	struct mnl_socket *events, *requests;
	link_fn *fn;
	void *data;
};

/* ---- decoding -------------------------------------------------------------------------------- */

static void take_name(const struct nlattr *attr, struct link_event *event)
{
	snprintf(event->ifname, sizeof(event->ifname), "%.*s", (int)mnl_attr_get_payload_len(attr),
		 mnl_attr_get_str(attr));
}

static bool decode_link(const struct nlmsghdr *message, struct link_event *event)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr;

	/* Bridges report their ports as links of family AF_BRIDGE. */
	if (info->ifi_family != AF_UNSPEC)
		return false;
	event->kind = LINK_DEVICE;
	event->ifindex = (uint32_t)info->ifi_index;
	mnl_attr_for_each(attr, message, sizeof(*info)) if (mnl_attr_get_type(attr) == IFLA_IFNAME)
		take_name(attr, event);
	return true;
}

static bool decode_addr(const struct nlmsghdr *message, struct link_event *event)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);

	event->kind = LINK_NETWORK;
	event->ifindex = info->ifa_index;
	return true;
}

/* That an address left table `local` is the agent's own doing, and of no consequence otherwise. */
static bool decode_route(const struct nlmsghdr *message, struct link_event *event)
{
	const struct rtmsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr;

	if (message->nlmsg_type == RTM_DELROUTE && info->rtm_table == RT_TABLE_LOCAL)
		return false;
	event->kind = LINK_NETWORK;
	mnl_attr_for_each(attr, message, sizeof(*info)) if (mnl_attr_get_type(attr) == RTA_OIF)
		event->ifindex = mnl_attr_get_u32(attr);
	return event->ifindex != 0;
}

static bool decode_neighbour(const struct nlmsghdr *message, struct link_event *event)
{
	const struct ndmsg *info = mnl_nlmsg_get_payload(message);
	const struct nlattr *attr;
	bool has_mac = false;

	if (message->nlmsg_type != RTM_NEWNEIGH ||
	    (info->ndm_family != AF_INET && info->ndm_family != AF_INET6) ||
	    (info->ndm_state & (NUD_INCOMPLETE | NUD_FAILED | NUD_NOARP)))
		return false;
	event->kind = LINK_NEIGHBOUR;
	event->ifindex = (uint32_t)info->ndm_ifindex;
	mnl_attr_for_each(attr, message, sizeof(*info))
	{
		uint16_t len = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) == NDA_DST && (len == 4 || len == 16)) {
			event->addr = bl_addr_from_bytes(mnl_attr_get_payload(attr), len);
		} else if (mnl_attr_get_type(attr) == NDA_LLADDR && len == sizeof(event->mac)) {
			memcpy(event->mac, mnl_attr_get_payload(attr), len);
			has_mac = true;
		}
	}
	return has_mac && bl_addr_is_set(&event->addr);
}

/* The id that stands in the message counts, and it is one of the namespace that the message came
 * from: what others call theirs says nothing about ours. */
static bool decode_nsid(const struct nlmsghdr *message, struct link_event *event)
{
	const struct nlattr *attr;

	if (message->nlmsg_type != RTM_DELNSID || event->nsid != LINK_NSID_OWN)
		return false;
	event->kind = LINK_GONE;
	mnl_attr_for_each(attr, message,
			  sizeof(struct rtgenmsg)) if (mnl_attr_get_type(attr) == NETNSA_NSID)
		event->nsid = (int)mnl_attr_get_u32(attr);
	return true;
}

static const struct {
	uint16_t type;
	uint16_t header; /* bytes that must be there */
	bool (*decode)(const struct nlmsghdr *message, struct link_event *event);
} decoders[] = {
	{RTM_NEWLINK, sizeof(struct ifinfomsg), decode_link},
	{RTM_DELLINK, sizeof(struct ifinfomsg), decode_link},
	{RTM_NEWADDR, sizeof(struct ifaddrmsg), decode_addr},
	{RTM_DELADDR, sizeof(struct ifaddrmsg), decode_addr},
	{RTM_NEWROUTE, sizeof(struct rtmsg), decode_route},
	{RTM_DELROUTE, sizeof(struct rtmsg), decode_route},
	{RTM_NEWNEIGH, sizeof(struct ndmsg), decode_neighbour},
	{RTM_DELNSID, sizeof(struct rtgenmsg), decode_nsid},
};

static void take_message(struct links *links, const struct nlmsghdr *message, int nsid)
{
	for (size_t i = 0; i < sizeof(decoders) / sizeof(decoders[0]); i++) {
		struct link_event event = {.nsid = nsid};

		if (message->nlmsg_type == decoders[i].type &&
		    mnl_nlmsg_get_payload_len(message) >= decoders[i].header &&
		    decoders[i].decode(message, &event))
			links->fn(&event, links->data);
	}
}

/* ---- receiving ------------------------------------------------------------------------------- */

static int nsid_of(struct msghdr *header)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		int nsid;

		if (c->cmsg_level != SOL_NETLINK || c->cmsg_type != NETLINK_LISTEN_ALL_NSID)
			continue;
		memcpy(&nsid, CMSG_DATA(c), sizeof(nsid));
		return nsid;
	}
	return LINK_NSID_OWN;
}

static void on_readable(struct bl_io *io, uint32_t events)
{
	struct links *links = io->data;
	_Alignas(struct nlmsghdr) char buffer[16384];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {.iov_base = buffer, .iov_len = sizeof(buffer)};
	struct msghdr header = {.msg_iov = &iov,
				.msg_iovlen = 1,
				.msg_control = control,
				.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(io->fd, &header, MSG_DONTWAIT);
	int left = (int)n;

	if (n < 0 && errno == ENOBUFS)
		links->fn(&(struct link_event){.kind = LINK_MISSED}, links->data);
	if (n < 0)
		return;
	for (const struct nlmsghdr *message = (void *)buffer; mnl_nlmsg_ok(message, left);
	     message = mnl_nlmsg_next(message, &left))
		take_message(links, message, nsid_of(&header));
}

static int subscribe(struct mnl_socket *sock)
{
	static const int groups[] = {RTNLGRP_LINK,        RTNLGRP_NEIGH,      RTNLGRP_IPV4_IFADDR,
				     RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
				     RTNLGRP_NSID};
	int on = 1, bytes = RECEIVE_BUFFER_BYTES;

	/* More room than the default is welcome, not needed: what is missed is looked up again. */
	setsockopt(mnl_socket_get_fd(sock), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	if (mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_setsockopt(sock, NETLINK_LISTEN_ALL_NSID, &on, sizeof(on)) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (mnl_socket_setsockopt(sock, NETLINK_ADD_MEMBERSHIP, (void *)&groups[i],
					  sizeof(int)) < 0)
			return -errno;
	return 0;
}

int links_new(struct bl_loop *loop, link_fn *fn, void *data, struct links **ret_links,
	      struct bl_err *err)
{
	bl_auto_links struct links *links = bl_alloc(sizeof(*links));
	int r;

	links->fn = fn;
	links->data = data;
	links->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	links->requests = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!links->events || !links->requests ||
	    mnl_socket_bind(links->requests, 0, MNL_SOCKET_AUTOPID) < 0)
		return bl_fail_errno(err, -errno, "opening a netlink socket");
	r = subscribe(links->events);
	if (r < 0)
		return bl_fail_errno(err, r, "subscribing to network events");
	r = bl_io_add(loop, &links->io, mnl_socket_get_fd(links->events), EPOLLIN, on_readable,
		      links, err);
	if (r < 0)
		return r;
	*ret_links = bl_take_ptr(links);
	return 0;
}

void links_free(struct links *links)
{
	if (!links)
		return;
	bl_io_remove(&links->io);
	if (links->events)
		mnl_socket_close(links->events);
	if (links->requests)
		mnl_socket_close(links->requests);
	free(links);
}

/* ---- ids of namespaces ----------------------------------------------------------------------- */

static int take_nsid(const struct nlmsghdr *message, void *data)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, message,
			  sizeof(struct rtgenmsg)) if (mnl_attr_get_type(attr) == NETNSA_NSID) *
		(int *)data = (int)mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

/* RTM_GETNSID asks for the id; RTM_NEWNSID with -1 has the kernel choose one. */
static int request_nsid(struct mnl_socket *sock, uint16_t type, int netns_fd, int *ret_nsid)
{
	_Alignas(struct nlmsghdr) char buffer[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	ssize_t n;

	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_REQUEST | (type == RTM_NEWNSID ? NLM_F_ACK : 0);
	mnl_nlmsg_put_extra_header(message, sizeof(struct rtgenmsg));
	mnl_attr_put_u32(message, NETNSA_FD, (uint32_t)netns_fd);
	if (type == RTM_NEWNSID)
		mnl_attr_put_u32(message, NETNSA_NSID, (uint32_t)-1);
	if (mnl_socket_sendto(sock, message, message->nlmsg_len) < 0)
		return -errno;
	n = mnl_socket_recvfrom(sock, buffer, sizeof(buffer));
	if (n < 0 || mnl_cb_run(buffer, (size_t)n, 0, 0, take_nsid, ret_nsid) < 0)
		return -errno;
	return 0;
}

static bool is_own(int netns_fd)
{
	struct stat own, other;

	return stat(OWN_NETNS, &own) == 0 && fstat(netns_fd, &other) == 0 &&
	       own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

int links_nsid(struct links *links, int netns_fd, int *ret_nsid, struct bl_err *err)
{
	int nsid = LINK_NSID_OWN;
	int r = 0;

	if (!is_own(netns_fd)) {
		r = request_nsid(links->requests, RTM_GETNSID, netns_fd, &nsid);
		if (r == 0 && nsid < 0)
			r = request_nsid(links->requests, RTM_NEWNSID, netns_fd, &nsid);
		if (r == 0 && nsid < 0)
			r = request_nsid(links->requests, RTM_GETNSID, netns_fd, &nsid);
	}
	if (r < 0)
		return bl_fail_errno(err, r, "learning the id of a namespace");
	*ret_nsid = nsid;
	return 0;
}
