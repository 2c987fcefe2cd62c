/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane: one variant of the way between wire and guest, standing by itself in a pod's namespace.
 *
 *   host namespace        |  pod namespace
 *   packet socket, sink: lxcN <- veth -> eth0 <- the variant -> tap0 <- this process, as QEMU would
 *
 * All lanes share the host's namespace, and stand at the same time.
 */
#pragma once

#include "agent.h"
#include "frame.h"
#include "place.h"
#include "sink.h"

/* How a variant is built in a pod that has eth0 with addresses, and a tap. Texts are NULL when there
 * is nothing to do. */
struct variant {
	const char *name;
	const char *instance;       /* what its lane is called: a variant may stand twice */
	bool masquerade;            /* the guest has an address of its own behind the pod's */
	const char *binding;        /* Beeline's, by the agent */
	bool policy;                /* enforced at the edge */
	const char *const *sysctls; /* "path", "value", ..., NULL; set before and after links */
	const char *ip, *tc, *nft;  /* batches, in this order */
};

struct lane {
	const struct variant *variant;
	char name[PLACE_NAME_MAX];
	int netns_fd, tap_fd;
	int packet_fd, gso_fd; /* packet sockets on lxcN; gso_fd's frames have virtio headers */
	const struct sink_counts *sink;
	struct frames frames[WAYS][FRAME_KINDS];
	unsigned int flow[WAYS];  /* where LOAD_FLOWS goes on */
	unsigned int connections; /* that LOAD_CONNECT has opened */
};

/* Sets up a variant. What is left when it fails or ends is taken away by place_clear(). */
int lane_open(struct lane *lane, const struct variant *variant, const struct place *place,
	      struct agent *agent, int host_fd, unsigned int number, struct bl_err *err);
