/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints and their counters for people. Only prints. */
#pragma once

#include <stdio.h>

#include <beeline/json.h>

/* endpoints: an array of them, or a single one. */
void endpoint_print_table(const struct cJSON *endpoints, FILE *file);
/* answer: {"endpoint", "counters"} as endpoint-get gives it. */
void endpoint_print_counters(const struct cJSON *answer, FILE *file);
