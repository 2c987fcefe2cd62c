// SPDX-License-Identifier: Apache-2.0
/*
 * pcapng: whatever packets and comments are written, who walks the blocks by their lengths finds each of
 * them whole, and their options end with the block.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

#include "../../agent/cli/pcapng.h"

#define PACKET      6u
#define PACKET_HEAD 28u /* type, length, interface, two of time, two lengths */
#define PACKETS_MAX 64

static void check(bool holds)
{
	if (!holds)
		abort();
}

static uint32_t word(const char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static size_t padded(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

/* The options of a packet: flags first, then the comment when there is one. */
static void check_options(const char *at, const char *end, const struct pcapng_packet *packet)
{
	size_t len = packet->comment ? strnlen(packet->comment, 1024) : 0;

	check(word(at) == (4u << 16 | 2) && word(at + 4) == (packet->inbound ? 1 : 2));
	at += 8;
	if (packet->comment) {
		check(word(at) == ((uint32_t)len << 16 | 1));
		check(memcmp(at + 4, packet->comment, len) == 0);
		at += 4 + padded(len);
	}
	check(word(at) == 0 && at + 4 == end);
}

static void check_packet(const char *block, uint32_t len, const struct pcapng_packet *packet)
{
	check(word(block) == PACKET && word(block + 20) == packet->captured);
	check(memcmp(block + PACKET_HEAD, packet->bytes, packet->captured) == 0);
	check_options(block + PACKET_HEAD + padded(packet->captured), block + len - 4, packet);
}

static void walk(const char *text, size_t len, const struct pcapng_packet *packets, size_t n)
{
	size_t n_blocks = 0;

	for (const char *at = text; at < text + len; n_blocks++) {
		uint32_t block = word(at + 4);

		check(block >= 12 && block % 4 == 0 && block <= (size_t)(text + len - at));
		check(word(at + block - 4) == block);
		if (n_blocks >= 2 && n_blocks - 2 < n)
			check_packet(at, block, &packets[n_blocks - 2]);
		at += block;
	}
	check(n_blocks == n + 3); /* section, interface, packets, statistics */
}

/* A byte for the length of a packet, one for that of its comment, and both; until there is no more. */
static size_t cut(const uint8_t *data, size_t size, struct pcapng_packet *packets, char **comments)
{
	size_t n = 0;

	while (size > 2 && n < PACKETS_MAX) {
		size_t len = data[0] < size - 2 ? data[0] : size - 2;
		size_t said = data[1] < size - 2 - len ? data[1] : size - 2 - len;

		comments[n] = bl_format("%.*s", (int)said, (const char *)data + 2 + len);
		packets[n] = (struct pcapng_packet){
			.bytes = data + 2,
			.captured = (uint32_t)len,
			.len = (uint32_t)len,
			.inbound = len % 2,
			.comment = said ? comments[n] : NULL,
		};
		data += 2 + len + said;
		size -= 2 + len + said;
		n++;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pcapng_packet packets[PACKETS_MAX];
	char *comments[PACKETS_MAX];
	size_t n = cut(data, size, packets, comments), len = 0;
	struct pcapng_interface interface = {
		.name = "tap0", .description = n ? comments[0] : "", .program = "fuzz"};
	bl_autofree char *text = NULL;
	FILE *file = open_memstream(&text, &len);

	check(file != NULL);
	pcapng_begin(file, &interface);
	for (size_t i = 0; i < n; i++)
		pcapng_packet(file, &packets[i]);
	pcapng_end(file, 1, n, 0);
	check(fclose(file) == 0);
	walk(text, len, packets, n);
	for (size_t i = 0; i < n; i++)
		free(comments[i]);
	return 0;
}
