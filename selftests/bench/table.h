/* SPDX-License-Identifier: Apache-2.0 */
/* The report for people: ratios with their spread, costs, and what is asked of them. */
#pragma once

#include <stdio.h>

#include <beeline/json.h>

#include "measure.h"

/* A line per name, a column per baseline: "0.41 0.40-0.43", a '!' where frames were lost. */
void table_print(const struct cJSON *report, FILE *out);
/* What is asked for, and whether it is so. */
void table_print_targets(const struct cJSON *report, FILE *out);
/* Nanoseconds of CPU per frame, which say little about another machine. */
void table_print_costs(const struct costs *costs, FILE *out);
