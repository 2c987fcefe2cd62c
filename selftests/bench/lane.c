// SPDX-License-Identifier: Apache-2.0
/* The pod, the tap and the sockets of a lane, the same for all variants; see lane.h. */
#include "lane.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

#include "../../agent/netns.h"
#include "edge.h"

#define SEND_BUFFER (16 * 1024 * 1024)

static const struct frame_ends ends_of[2] = {
	/* the guest has the pod's address and MAC */
	{
		.guest_mac = {0x02, 0xbe, 0, 0, 0, 0x02},
		.router_mac = {0x02, 0xbe, 0, 0, 0, 0x01},
		.guest_ip = {10, 88, 0, 2},
		.pod_mac = {0x02, 0xbe, 0, 0, 0, 0x02},
		.wire_mac = {0x02, 0xbe, 0, 0, 0, 0x01},
		.pod_ip = {10, 88, 0, 2},
	},
	/* masquerade: its own, behind a gateway that is in the pod */
	{
		.guest_mac = {0x02, 0xbe, 0, 0, 0, 0x04},
		.router_mac = {0x02, 0, 0, 0, 0, 0},
		.guest_ip = {10, 0, 2, 2},
		.pod_mac = {0x02, 0xbe, 0, 0, 0, 0x02},
		.wire_mac = {0x02, 0xbe, 0, 0, 0, 0x01},
		.pod_ip = {10, 88, 0, 2},
	},
};

static const char pod_batch[] =
	"link set lo up\n"
	"link add eth0 address 02:be:00:00:00:02 type veth "
	"peer name lxc%u address 02:be:00:00:00:01 netns %s\n"
	"addr add 10.88.0.2/24 dev eth0\n"
	"link set eth0 up\n"
	"link set tap0 up\n"
	"route add default via 10.88.0.1\n"
	"neigh add 10.88.0.1 lladdr 02:be:00:00:00:01 dev eth0 nud permanent\n";

/* ---- tap and sockets ---- */

/* As QEMU does it for a guest with all virtio offloads, without vhost. */
static int open_tap_here(void *data, struct bl_err *err)
{
	struct lane *lane = data;
	struct ifreq request = {.ifr_name = "tap0",
				.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	unsigned int offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	int header = FRAME_TAP_HEADER;

	lane->tap_fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (lane->tap_fd < 0 || ioctl(lane->tap_fd, TUNSETIFF, &request) < 0 ||
	    ioctl(lane->tap_fd, TUNSETVNETHDRSZ, &header) < 0 ||
	    ioctl(lane->tap_fd, TUNSETOFFLOAD, offloads) < 0)
		return bl_fail_errno(err, -errno, "opening the tap");
	return 0;
}

struct packet_socket {
	char device[IFNAMSIZ];
	int virtio;
	int fd;
};

/* Sends only: protocol 0 receives nothing and costs no other packet anything. */
static int open_packet_here(void *data, struct bl_err *err)
{
	struct packet_socket *packet = data;
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
				      .sll_ifindex = (int)if_nametoindex(packet->device)};
	int one = 1, buffer = SEND_BUFFER;

	packet->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (packet->fd < 0 ||
	    setsockopt(packet->fd, SOL_PACKET, PACKET_VNET_HDR, &packet->virtio, sizeof(int)) < 0 ||
	    setsockopt(packet->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) < 0 ||
	    setsockopt(packet->fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer)) < 0 ||
	    bind(packet->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return bl_fail_errno(err, -errno, "opening a packet socket on %s", packet->device);
	return 0;
}

static int open_sockets(struct lane *lane, int host_fd, const char *device, struct bl_err *err)
{
	struct packet_socket plain = {.virtio = 0, .fd = -1}, gso = {.virtio = 1, .fd = -1};
	int r;

	snprintf(plain.device, sizeof(plain.device), "%s", device);
	snprintf(gso.device, sizeof(gso.device), "%s", device);
	r = netns_do(host_fd, open_packet_here, &plain, err);
	if (r == 0)
		r = netns_do(host_fd, open_packet_here, &gso, err);
	lane->packet_fd = plain.fd;
	lane->gso_fd = gso.fd;
	return r;
}

/* ---- the variant ---- */

static int set_sysctls(const struct lane *lane, struct bl_err *err)
{
	const char *const *sysctl = lane->variant->sysctls;
	int r = 0;

	for (; sysctl && sysctl[0] && r == 0; sysctl += 2)
		r = netns_sysctl(lane->netns_fd, sysctl[0], sysctl[1], err);
	return r;
}

static int attach(const struct lane *lane, struct agent *agent, struct bl_err *err)
{
	struct agent_endpoint endpoint = {
		.name = lane->name,
		.netns_fd = lane->netns_fd,
		.binding = lane->variant->binding,
	};

	if (lane->variant->policy) {
		endpoint.namespace = EDGE_NAMESPACE;
		endpoint.labels = edge_labels();
	}
	return agent_attach(agent, &endpoint, NULL, err);
}

static int build(struct lane *lane, struct agent *agent, struct bl_err *err)
{
	const struct variant *variant = lane->variant;
	int r = 0;

	if (variant->ip)
		r = place_run(lane->netns_fd, (const char *const[]){"ip", "-batch", "-", NULL},
			      variant->ip, err);
	if (r == 0 && variant->tc)
		r = place_run(lane->netns_fd, (const char *const[]){"tc", "-batch", "-", NULL},
			      variant->tc, err);
	if (r == 0 && variant->nft)
		r = place_run(lane->netns_fd, (const char *const[]){"nft", "-f", "-", NULL},
			      variant->nft, err);
	if (r == 0)
		r = set_sysctls(lane, err);
	if (r == 0 && variant->binding)
		r = attach(lane, agent, err);
	return r < 0 ? bl_wrap(err, "building %s", variant->name) : 0;
}

static int make_pod(struct lane *lane, const char *host, unsigned int number, struct bl_err *err)
{
	bl_autofree char *batch = bl_format(pod_batch, number, host);
	int r = place_netns(lane->name, &lane->netns_fd, err);

	if (r == 0)
		r = netns_do(lane->netns_fd, open_tap_here, lane, err);
	return r < 0 ? r
		     : place_run(lane->netns_fd, (const char *const[]){"ip", "-batch", "-", NULL},
				 batch, err);
}

int lane_open(struct lane *lane, const struct variant *variant, const struct place *place,
	      struct agent *agent, int host_fd, unsigned int number, struct bl_err *err)
{
	bl_autofree char *device = bl_format("lxc%u", number);
	char host[PLACE_NAME_MAX];
	int r;

	*lane = (struct lane){.variant = variant, .netns_fd = -1, .tap_fd = -1};
	place_name(place, variant->instance, -1, lane->name);
	place_name(place, "host", -1, host);
	r = make_pod(lane, host, number, err);
	if (r == 0)
		r = place_run(host_fd,
			      (const char *const[]){"ip", "link", "set", device, "up", NULL}, NULL,
			      err);
	if (r == 0)
		r = sink_attach(host_fd, device, &lane->sink, err);
	if (r == 0)
		r = open_sockets(lane, host_fd, device, err);
	if (r == 0)
		r = build(lane, agent, err);
	for (int way = 0; way < WAYS; way++)
		for (int load = 0; load < FRAME_KINDS; load++)
			frames_init(&lane->frames[way][load], &ends_of[variant->masquerade], way,
				    load);
	return r < 0 ? bl_wrap(err, "lane %s", lane->name) : 0;
}
