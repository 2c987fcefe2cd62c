/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy engine at the size that it promises: 1,000 endpoints, 1,000 policies and 10,000 peers with
 * labels of their own, without a kernel.
 */
#pragma once

#include <stdio.h>

#define POLICY_SCALE_ENDPOINTS 1000

/* Prints what a full compile takes, what a change takes that concerns few, and the memory; returns the
 * milliseconds of the full compile. */
double policy_scale(FILE *out);
