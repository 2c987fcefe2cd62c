/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pod by hand: two namespaces, a veth pair between them, addresses and routes as CNI plugins make
 * them, and a tap that this process holds, as QEMU would. Named after the test (TEST, defined before
 * this is included); what a crashed run left is removed first, and two runs take turns.
 */
#pragma once

#include "../unit/unit.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "../../agent/netns.h"
#include "turn.h"

#define POD_DIR   "/run/netns"
#define POD_BPFFS "/sys/fs/bpf"

/* A shell command that must succeed. */
static inline void run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline void run(const char *fmt, ...)
{
	char command[2048];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

/* First line of a command's output, without its end; the caller frees. */
static inline char *output(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline char *output(const char *fmt, ...)
{
	char command[2048], line[4096] = "";
	va_list args;
	FILE *pipe;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	if (!fgets(line, sizeof(line), pipe))
		line[0] = '\0';
	assert_int_equal(pclose(pipe), 0);
	line[strcspn(line, "\n")] = '\0';
	return bl_strdup(line);
}

static inline long number(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline long number(const char *fmt, ...)
{
	char command[1024];
	bl_autofree char *text = NULL;
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	text = output("%s", command);
	return strtol(text, NULL, 10);
}

struct pod {
	char name[32]; /* of the namespace and of the endpoint */
	char host[32]; /* the other end's namespace */
	char netns_path[64];
	int netns_fd;
	int tap_fd; /* -1 once the guest closed it */
};

/* As `ptp` does it: a /24 and a /64 whose neighbours are reached through the gateway only. */
static inline void pod_make_ptp(struct pod *pod)
{
	run("ip -n %s addr add 10.77.0.2/24 dev eth0 noprefixroute", pod->name);
	run("ip -n %s route add 10.77.0.1 dev eth0 scope link", pod->name);
	run("ip -n %s route add 10.77.0.0/24 via 10.77.0.1 dev eth0", pod->name);
	run("ip -n %s route add default via 10.77.0.1 dev eth0 mtu 1450", pod->name);
	run("ip -n %s addr add fd77::2/64 dev eth0 nodad noprefixroute", pod->name);
	run("ip -n %s route add fd77::1 dev eth0", pod->name);
	run("ip -n %s route add default via fd77::1 dev eth0", pod->name);
	run("ip -n %s addr add 10.77.0.1/24 dev lxc0", pod->host);
	run("ip -n %s addr add fd77::1/64 dev lxc0 nodad", pod->host);
}

static inline int pod_open_tap_here(void *data, struct bl_err *err)
{
	struct pod *pod = data;
	struct ifreq request = {.ifr_name = "tap0",
				.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};

	pod->tap_fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	assert_true(pod->tap_fd >= 0);
	return ioctl(pod->tap_fd, TUNSETIFF, &request);
}

/* Opens the tap as a VMM would. What is sent to it before the kernel has noticed the carrier is lost,
 * so this waits for the state that follows it. */
static inline void pod_open_tap(struct pod *pod)
{
	assert_int_equal(netns_do(pod->netns_fd, pod_open_tap_here, pod, NULL), 0);
	run("timeout 10 sh -c 'until ip -n %s link show tap0 | grep -q \"state UP\"; do :; done'",
	    pod->name);
}

static inline void pod_remove(struct pod *pod)
{
	if (pod->tap_fd >= 0)
		close(pod->tap_fd);
	if (pod->netns_fd >= 0)
		close(pod->netns_fd);
	pod->tap_fd = pod->netns_fd = -1;
	netns_remove(pod->name, NULL);
	netns_remove(pod->host, NULL);
}

static inline void pod_make(struct pod *pod, int n)
{
	*pod = (struct pod){.netns_fd = -1, .tap_fd = -1};
	snprintf(pod->name, sizeof(pod->name), "bl-" TEST "-%d", n);
	snprintf(pod->host, sizeof(pod->host), "bl-" TEST "-h%d", n);
	snprintf(pod->netns_path, sizeof(pod->netns_path), POD_DIR "/%s", pod->name);
	pod_remove(pod);
	assert_int_equal(netns_make(pod->name, NULL), 0);
	assert_int_equal(netns_make(pod->host, NULL), 0);
	assert_int_equal(netns_open(pod->netns_path, &pod->netns_fd, NULL), 0);
	run("ip -n %s link add lxc0 type veth peer name eth0 netns %s", pod->host, pod->name);
	run("ip -n %s link set lxc0 up && ip -n %s link set lo up", pod->host, pod->name);
	/* its link-local address is as it will stay from the first look on */
	run("ip netns exec %s sysctl -qw net.ipv6.conf.eth0.accept_dad=0", pod->name);
	run("ip -n %s link set eth0 up", pod->name);
	pod_make_ptp(pod);
	run("ip -n %s tuntap add tap0 mode tap vnet_hdr", pod->name);
	run("ip -n %s link set tap0 up", pod->name);
}
