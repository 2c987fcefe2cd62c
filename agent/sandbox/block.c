// SPDX-License-Identifier: Apache-2.0
/* The block of addresses of this agent: see the header. */
#include "block.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>
#include <beeline/log.h>

#include "cni.h"

#define NETWORK    0x0a160000 /* 10.22.0.0/16 of deploy/cni/beeline.conflist */
#define BLOCK_BITS 22

/* An abstract name lasts as long as its socket, and belongs to the network that agents share. */
static int claim(uint32_t block, int *ret_fd, struct bl_err *err)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int len = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "beeline-block-%u", block);
	bl_autoclose int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return bl_fail_errno(err, -errno, "claiming block %u", block);
	if (bind(fd, (struct sockaddr *)&name, offsetof(struct sockaddr_un, sun_path) + 1 + len) <
	    0)
		return bl_fail_errno(err, -errno, "claiming block %u", block);
	*ret_fd = bl_take_fd(&fd);
	return 0;
}

static bool is_of_block(const struct sockaddr *address, uint32_t block)
{
	uint32_t number;

	if (!address || address->sa_family != AF_INET)
		return false;
	number = ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr);
	return number >> (32 - BLOCK_BITS) == (NETWORK >> (32 - BLOCK_BITS)) + block;
}

/* Does the host have an address there, as the gateway of somebody's pods? */
static bool is_inhabited(uint32_t block)
{
	struct ifaddrs *addresses = NULL;
	bool found = false;

	if (getifaddrs(&addresses) < 0)
		return false;
	for (const struct ifaddrs *at = addresses; at && !found; at = at->ifa_next)
		found = is_of_block(at->ifa_addr, block);
	freeifaddrs(addresses);
	return found;
}

/* False: nothing is written down, or nothing that makes sense. */
static bool read_choice(const char *path, uint32_t *ret_block)
{
	bl_autofree char *text = NULL;
	size_t len;
	char *end;

	if (bl_file_read(path, 16, &text, &len, NULL) < 0)
		return false;
	*ret_block = strtoul(text, &end, 10);
	return end != text && *end == '\n' && *ret_block < CNI_BLOCKS;
}

static void write_choice(const char *path, uint32_t block)
{
	struct bl_err err = BL_ERR_INIT;
	char text[16];
	int len = snprintf(text, sizeof(text), "%u\n", block);

	if (bl_file_write(path, text, len, 0600, &err) < 0)
		bl_warn("the block of addresses is not written down", "error", err.message);
}

static int choose(uint32_t preferred, uint32_t *ret_block, int *ret_fd, struct bl_err *err)
{
	for (uint32_t i = 0; i < CNI_BLOCKS; i++) {
		uint32_t block = (preferred + i) % CNI_BLOCKS;
		bl_autoclose int fd = -1;
		int r = claim(block, &fd, err);

		if (r < 0 && r != -EADDRINUSE)
			return r;
		if (r < 0 || is_inhabited(block))
			continue;
		*ret_block = block;
		*ret_fd = bl_take_fd(&fd);
		return 0;
	}
	return bl_fail(err, -EADDRNOTAVAIL,
		       "all %d blocks of the built-in network are taken: give --cni-conf",
		       CNI_BLOCKS);
}

int block_claim(const char *state_dir, uint32_t preferred, uint32_t *ret_block, int *ret_fd,
		struct bl_err *err)
{
	bl_autofree char *path = bl_format("%s/block", state_dir);
	struct bl_err taken = BL_ERR_INIT;
	int r;

	if (read_choice(path, ret_block)) {
		/* its pods are there, whoever else claims it */
		*ret_fd = -1;
		if (claim(*ret_block, ret_fd, &taken) < 0)
			bl_warn("two agents share addresses", "error", taken.message);
		return 0;
	}
	r = choose(preferred, ret_block, ret_fd, err);
	if (r == 0)
		write_choice(path, *ret_block);
	return r;
}
