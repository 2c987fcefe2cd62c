// SPDX-License-Identifier: Apache-2.0
/* Medians and spreads; see stats.h. */
#include "stats.h"

#include <stdlib.h>
#include <string.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double stats_quantile(const double *values, unsigned int n, double part)
{
	bl_autofree double *sorted = bl_alloc(n * sizeof(*sorted));
	double at = part * (n - 1);
	unsigned int below = (unsigned int)at;

	memcpy(sorted, values, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare);
	if (below + 1 >= n)
		return sorted[n - 1];
	return sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
}

struct stats_ratio stats_ratio(const double *a, const double *b, unsigned int n)
{
	bl_autofree double *ratios = bl_alloc(n * sizeof(*ratios));

	for (unsigned int i = 0; i < n; i++)
		ratios[i] = a[i] / b[i];
	return (struct stats_ratio){
		.median = stats_quantile(ratios, n, 0.5),
		.low = stats_quantile(ratios, n, 0.1),
		.high = stats_quantile(ratios, n, 0.9),
	};
}
