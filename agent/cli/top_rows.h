/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes through each VM's line per second: from two answers of "endpoint-counters" (api.h) to
 * sorted rows, and from those to text. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include <beeline/json.h>

enum top_sort { TOP_BYTES, TOP_PACKETS, TOP_DROPS, TOP_CONNECTIONS, TOP_NAME };
enum top_sort top_sort_of(const char *name);

struct top_row {
	const char *namespace, *name, *interface; /* borrowed from the later answer */
	/* per second */
	double in_bytes, out_bytes, in_packets, out_packets, drops;
	double connections; /* now; negative: it has no table */
	double evictions;   /* per second: connections that had to go for others */
};

struct top {
	struct top_row *rows;
	size_t n_rows;
	double seconds; /* between the two answers */
};

/* An endpoint that came in between, or whose counters began anew, counts from zero. */
void top_read(const struct cJSON *before, const struct cJSON *after, enum top_sort sort,
	      struct top *ret_top);
void top_clear(struct top *top);
#define top_auto bl_cleanup(top_clear)

void top_print(const struct top *top, FILE *file);
struct cJSON *top_json(const struct top *top); /* the caller owns it */
