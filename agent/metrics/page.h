/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prometheus's text format, version 0.0.4: each family's HELP and TYPE once, then its samples.
 * Label sets are made into text once, as many samples share one. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "families.h"

#define PAGE_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Begins as {0}; text is the caller's to free. */
struct page {
	char *text; /* ends with NUL */
	size_t len, size;
	enum family family; /* the one that samples belong to */
};

void page_family(struct page *page, enum family family);
/* labels and more are texts of page_label(), or NULL. */
void page_count(struct page *page, const char *labels, const char *more, uint64_t value);
void page_number(struct page *page, const char *labels, const char *more, double value);

/* Durations by bucket. */
struct page_buckets {
	const uint64_t *bounds_ns; /* rising; what equals a bound is below it */
	size_t n_bounds;
	const uint64_t *counts; /* n_bounds + 1, not cumulative */
	uint64_t sum_ns;
};
void page_histogram(struct page *page, const char *labels, const char *more,
		    const struct page_buckets *buckets);

struct page_label {
	const char *name, *value; /* bytes of the value that are no UTF-8 are replaced */
};
/* a="b",c="d"; the caller frees. */
char *page_labels(const struct page_label *labels, size_t n_labels);
