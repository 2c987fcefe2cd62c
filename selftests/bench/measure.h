/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a frame costs. A burst is sent and taken up by one thread on one CPU, so that all the kernel's
 * work for it is done in that thread, and its CPU time is the cost, whatever else runs on the machine.
 * To the guest: sending, the way, and reading the tap. From the guest: writing the tap and the way to
 * the host's side of the veth. A burst that loses a frame is counted as that. A connection is both: a SYN
 * to the guest and its answer, of a flow that nobody has seen before.
 */
#pragma once

#include "variant.h"

#define REPS_MAX   1000
#define BURSTS_MAX (FRAME_FLOWS / FRAME_BURST)

struct measure_spec {
	unsigned int reps;   /* at most */
	unsigned int bursts; /* of each cell in each rep */
	uint64_t limit_ns;   /* of all the measuring, on the wall's clock; 0: none */
};

/* A cell is one lane in one direction under one load; a rep's value is the median of its bursts. */
struct cell {
	double ns[REPS_MAX]; /* per frame */
	uint64_t sent, lost;
};

struct costs {
	unsigned int n_reps;
	struct cell cells[LANES][WAYS][LOADS];
	struct cell connections[LANES]; /* ns: of both frames; sent, lost: connections */
};

/* All lanes in turn, again and again. Before and after it is tried whether the lanes with a policy, and
 * no others, refuse a stranger. */
int measure(struct lane lanes[LANES], const struct measure_spec *spec, struct costs *ret_costs,
	    struct bl_err *err);
