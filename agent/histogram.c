// SPDX-License-Identifier: Apache-2.0
/* Durations: see the header. */
#include "histogram.h"

#define MS 1000000ull

const uint64_t histogram_bounds_ns[HISTOGRAM_BOUNDS] = {
	MS / 2,   1 * MS,   5 * MS / 2, 5 * MS,    10 * MS,   25 * MS,    50 * MS,
	100 * MS, 250 * MS, 500 * MS,   1000 * MS, 2500 * MS, 10000 * MS,
};

void histogram_observe(struct histogram *histogram, uint64_t ns)
{
	int i = 0;

	while (i < HISTOGRAM_BOUNDS && ns > histogram_bounds_ns[i])
		i++;
	histogram->counts[i]++;
	histogram->sum_ns += ns;
}
