/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Router advertisements that nobody solicited. BPF answers a guest's solicitation, but a guest asks
 * when its link comes up and never again, and the lifetime of a router has 16 bits: after 18 hours
 * the guest would have no default route. So the agent repeats what BPF would say, now and then.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <beeline/abi.h>
#include <beeline/err.h>

/* Each guest hears one this often; RFC 4861 6.2.1 calls it MaxRtrAdvInterval, and this its default. */
#define ADVERT_EVERY_NS (600ull * 1000 * 1000 * 1000)

#define ADVERT_FRAME_MAX (14 + 40 + BL_BLOB_MAX)

/* The whole frame, to all nodes; returns its length. Pure. */
size_t advert_frame(const struct bl_endpoint *entry, const struct bl_blob *ra,
		    uint8_t frame[ADVERT_FRAME_MAX]);
/* Sends it out of the tap. A tap that nobody has open loses it, like any other frame. */
int advert_send(int netns_fd, const struct bl_endpoint *entry, const struct bl_blob *ra,
		struct bl_err *err);
