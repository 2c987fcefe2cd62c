/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long something takes, counted by duration. Whoever does the work embeds one and observes;
 * whoever shows it reads. The bounds are the same for all: from half a millisecond to ten seconds.
 */
#pragma once

#include <stdint.h>

#define HISTOGRAM_BOUNDS 13
extern const uint64_t histogram_bounds_ns[HISTOGRAM_BOUNDS];

struct histogram {
	uint64_t counts[HISTOGRAM_BOUNDS + 1]; /* up to each bound, not cumulative; last: beyond */
	uint64_t sum_ns;
};

void histogram_observe(struct histogram *histogram, uint64_t ns);
