/* SPDX-License-Identifier: Apache-2.0 */
/* Medians and spreads. Pure. */
#pragma once

/* The value below which that part (0 to 1) of the values lies; n at least 1. */
double stats_quantile(const double *values, unsigned int n, double part);

struct stats_ratio {
	double median, low, high; /* low and high: a tenth lies beyond each */
};

/* Of a against b, rep by rep, so that what disturbs both disturbs neither. */
struct stats_ratio stats_ratio(const double *a, const double *b, unsigned int n);
