/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing of pcapng (draft-ietf-opsawg-pcapng): a section with one Ethernet interface and nanoseconds.
 * Blocks go to the stream as they come; whether it took them is the caller's to ask (ferror).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <beeline/addr.h>

struct pcapng_interface {
	const char *name, *description, *program;
	uint8_t mac[6];
	uint32_t snaplen;
};
void pcapng_begin(FILE *file, const struct pcapng_interface *interface);

struct pcapng_packet {
	uint64_t time_ns; /* since 1970 */
	uint32_t len;     /* on the wire */
	uint32_t captured;
	const void *bytes;
	bool inbound;        /* to the VM; else from it */
	const char *comment; /* NULL: none */
};
void pcapng_packet(FILE *file, const struct pcapng_packet *packet);

/* Who has an address, for the packets that follow. */
void pcapng_name(FILE *file, const struct bl_addr *addr, const char *name);

/* The interface's statistics, at the end. */
void pcapng_end(FILE *file, uint64_t time_ns, uint64_t n_received, uint64_t n_lost);
