/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of a burst, as they come from the wire and from a guest whose virtio device offloads
 * checksums and segmentation. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_BURST 128 /* well below a tap's ring of 1,000 */
#define FRAME_FLOWS 16384

enum way { TO_GUEST, FROM_GUEST, WAYS };
/* Besides the loads of the table, whose flows are known already: connections that are new, a SYN to the
 * guest and its SYN-ACK. */
enum load { LOAD_64, LOAD_1514, LOAD_GSO, LOAD_FLOWS, LOADS, LOAD_CONNECT = LOADS, FRAME_KINDS };
extern const char *const way_names[WAYS];
extern const char *const load_names[LOADS];

/* Whose frames: the same in all variants of a kind, so that all do the same work. */
struct frame_ends {
	uint8_t guest_mac[6]; /* source of what the guest sends */
	uint8_t router_mac[6];
	uint8_t guest_ip[4];
	uint8_t pod_mac[6]; /* destination of what the wire brings */
	uint8_t wire_mac[6];
	uint8_t pod_ip[4];
};

/* What stands before each frame when it is written: the tap's header, a packet socket's, or none. */
#define FRAME_TAP_HEADER    12
#define FRAME_PACKET_HEADER 10

struct frames {
	enum way way;
	enum load load;
	size_t len;    /* on the wire */
	size_t header; /* bytes of virtio header before each */
	size_t stride; /* from one to the next; 0: one frame, sent FRAME_BURST times */
	unsigned char *bytes;
};

/* Never fails: memory that is out aborts. */
void frames_init(struct frames *frames, const struct frame_ends *ends, enum way way,
		 enum load load);
/* The i-th frame of the burst with its virtio header, frames->header + frames->len bytes. */
unsigned char *frames_at(const struct frames *frames, unsigned int i);
/* LOAD_FLOWS: the burst whose first frame is of that flow, each frame of another one. */
void frames_set_flows(struct frames *frames, unsigned int first);
/* LOAD_CONNECT: the same for connections; their ports are given again after some millions. */
void frames_set_connections(struct frames *frames, unsigned int first);
/* From now on, and until it is called again, the burst's segments end connections instead. */
void frames_set_reset(struct frames *frames, bool reset);
/* LOAD_FLOWS: a burst of a far end that is none of the flows' (frame_far_ip()). */
void frames_set_stranger(struct frames *frames);

/* The far ends of all flows and connections: 198.18.0.1 and on. */
#define FRAME_FAR_IPS 128
void frame_far_ip(unsigned int i, uint8_t ret_ip[4]);
/* The guest's ports are these two, the far end's of flows FRAME_FAR_PORT and on. */
#define FRAME_GUEST_PORT 7000
#define FRAME_FAR_PORT   20000
#define FRAME_FAR_PORTS  (FRAME_FLOWS / FRAME_FAR_IPS)
