// SPDX-License-Identifier: Apache-2.0
/*
 * wire NETNS TAP GUEST-NETNS GUEST-TAP MAC: plays the VM of a tap. What a VMM would hand to its guest,
 * frames with their vnet headers, goes to a second tap in a network namespace that plays the guest,
 * so a whole Linux stack stands behind the first tap without a VM. Ends when it is killed, and the
 * second tap ends with it.
 */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FRAME_MAX (65536 + 64)

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void enter(const char *netns)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(path);
	close(fd);
}

/* Offloads as a Linux guest's virtio driver turns them on. */
static int open_tap(const char *netns, const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int fd;

	enter(netns);
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 ||
	    ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN) < 0)
		die(name);
	return fd;
}

static void set_mac(int tap, const char *text)
{
	struct ifreq request = {.ifr_hwaddr.sa_family = ARPHRD_ETHER};
	unsigned char *mac = (unsigned char *)request.ifr_hwaddr.sa_data;

	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3],
		   &mac[4], &mac[5]) != 6 ||
	    ioctl(tap, SIOCSIFHWADDR, &request) < 0)
		die(text);
}

/* A frame that the other side does not take is lost, as on a wire. */
static void pass(int from, int to)
{
	static char frame[FRAME_MAX];
	ssize_t n = read(from, frame, sizeof(frame));

	if (n > 0 && write(to, frame, n) < 0)
		perror("frame lost");
}

int main(int argc, char **argv)
{
	struct pollfd ends[2] = {{.events = POLLIN}, {.events = POLLIN}};

	if (argc != 6) {
		fprintf(stderr, "usage: wire NETNS TAP GUEST-NETNS GUEST-TAP MAC\n");
		return 2;
	}
	ends[0].fd = open_tap(argv[1], argv[2]);
	ends[1].fd = open_tap(argv[3], argv[4]);
	set_mac(ends[1].fd, argv[5]);
	puts("wired");
	fflush(stdout);
	while (poll(ends, 2, -1) > 0) {
		if (ends[0].revents)
			pass(ends[0].fd, ends[1].fd);
		if (ends[1].revents)
			pass(ends[1].fd, ends[0].fd);
	}
	die("poll");
}
