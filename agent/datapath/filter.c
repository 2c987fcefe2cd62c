// SPDX-License-Identifier: Apache-2.0
/* Filters of clsact: see the header. */
#include "filter.h"

#include <errno.h>
#include <time.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <libmnl/libmnl.h>

/* Our place: after those that others put at small numbers. */
#define PRIORITY 0xbee0
#define HANDLE   0xbee

static struct bpf_tc_hook tc_hook(const struct filter_hook *hook)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook),
		.ifindex = (int)hook->ifindex,
		.attach_point = hook->egress ? BPF_TC_EGRESS : BPF_TC_INGRESS,
	};
}

int filter_make_qdisc(const struct filter_hook *hook, bool *ret_made, struct bl_err *err)
{
	struct bpf_tc_hook tc = tc_hook(hook);
	int r = bpf_tc_hook_create(&tc);

	if (r < 0 && r != -EEXIST)
		return bl_fail_errno(err, r, "making the clsact qdisc of '%s'", hook->ifname);
	*ret_made = r == 0;
	return 0;
}

uint32_t filter_prog_id(const struct filter_hook *hook)
{
	LIBBPF_OPTS(bpf_tc_opts, found, .handle = HANDLE, .priority = PRIORITY);
	struct bpf_tc_hook tc = tc_hook(hook);

	return bpf_tc_query(&tc, &found) == 0 ? found.prog_id : 0;
}

int filter_put(const struct filter_hook *hook, int prog_fd, struct bl_err *err)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = HANDLE, .priority = PRIORITY,
		    .flags = BPF_TC_F_REPLACE, .prog_fd = prog_fd);
	struct bpf_tc_hook tc = tc_hook(hook);
	int r = bpf_tc_attach(&tc, &opts);

	return r < 0 ? bl_fail_errno(err, r, "attaching to '%s' by clsact", hook->ifname) : 0;
}

void filter_remove(const struct filter_hook *hook)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = HANDLE, .priority = PRIORITY);
	struct bpf_tc_hook tc = tc_hook(hook);

	bpf_tc_detach(&tc, &opts);
}

/* ---- whether anybody is there ------------------------------------------------------------------- */

static int count_filter(const struct nlmsghdr *message, void *data)
{
	*(unsigned int *)data += message->nlmsg_type == RTM_NEWTFILTER;
	return MNL_CB_OK;
}

static int list_filters(struct mnl_socket *sock, uint32_t ifindex, uint32_t parent, unsigned int *n)
{
	char buffer[8192];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct tcmsg *tc = mnl_nlmsg_put_extra_header(message, sizeof(*tc));
	int r = MNL_CB_OK;

	message->nlmsg_type = RTM_GETTFILTER;
	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	message->nlmsg_seq = (uint32_t)time(NULL);
	tc->tcm_ifindex = (int)ifindex;
	tc->tcm_parent = parent;
	if (mnl_socket_sendto(sock, message, message->nlmsg_len) < 0)
		return -errno;
	while (r == MNL_CB_OK) {
		ssize_t len = mnl_socket_recvfrom(sock, buffer, sizeof(buffer));

		r = len < 0 ? -1 : mnl_cb_run(buffer, (size_t)len, 0, 0, count_filter, n);
	}
	return r < 0 ? -errno : 0;
}

/* Who cannot be asked may be there. */
static bool has_filters(uint32_t ifindex)
{
	struct mnl_socket *sock = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	unsigned int n = 0;
	int r = sock ? mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID) : -1;

	if (r == 0)
		r = list_filters(sock, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), &n);
	if (r == 0)
		r = list_filters(sock, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), &n);
	if (sock)
		mnl_socket_close(sock);
	return r < 0 || n > 0;
}

bool filter_remove_qdisc(const struct filter_hook *hook)
{
	struct bpf_tc_hook tc = tc_hook(hook);

	tc.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS; /* the qdisc itself */
	return !has_filters(hook->ifindex) && bpf_tc_hook_destroy(&tc) == 0;
}
