/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames on a unix stream socket: a length, that many bytes, and descriptors that came along.
 * Private to rpc: knows neither JSON nor calls.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <beeline/err.h>
#include <beeline/rpc.h>

struct frame; /* one that waits to be sent */

struct wire {
	int fd;
	/* the frame that is being read */
	uint8_t head[4];
	size_t n_head;
	char *body; /* NULL until the head is whole */
	size_t body_len, n_body;
	int fds[BL_RPC_FDS_MAX];
	unsigned int n_fds;
	/* frames that wait to be sent */
	struct frame *first, **last;
	size_t queued_bytes;
};

/* Takes the descriptor, which becomes non-blocking. */
void wire_init(struct wire *wire, int fd);
void wire_release(struct wire *wire);

/* Reads on. WIRE_FRAME: body and fds hold a whole frame, to be dropped by wire_next(). 0: nothing
 * more to read now. -EPIPE: the peer closed between two frames. */
#define WIRE_FRAME 1
int wire_read(struct wire *wire, struct bl_err *err);
void wire_next(struct wire *wire);

/* Queues a frame; text is taken (also on failure), fds are duplicated. */
int wire_queue(struct wire *wire, char *text, const int *fds, unsigned int n_fds,
	       struct bl_err *err);
/* Sends what the socket takes. */
int wire_flush(struct wire *wire, struct bl_err *err);
