// SPDX-License-Identifier: Apache-2.0
/* Families of the node and of the agent itself: see collect.h. */
#include <stdio.h>

#include <beeline/file.h>
#include <beeline/version.h>

#include "collect.h"

static void put_single(struct page *page, enum family family, double value)
{
	page_family(page, family);
	page_number(page, NULL, NULL, value);
}

struct map_row {
	const char *label;
	uint64_t entries, limit;
};

static void put_maps(const struct scene *scene, struct page *page)
{
	const struct datapath_totals *totals = scene->figures->totals;
	const struct map_row rows[] = {
		{"map=\"bl_endpoints\"", scene->figures->n_items, BL_ENDPOINTS_MAX},
		{"map=\"bl_ipcache\"", scene->n_prefixes, POLICY_PREFIXES_MAX},
		{"map=\"bl_rules\"", totals->n_rules, totals->max_rules},
		{"map=\"bl_verdicts\"", totals->n_verdicts, totals->max_verdicts},
	};

	page_family(page, FAMILY_MAP_ENTRIES);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		page_count(page, rows[i].label, NULL, rows[i].entries);
	page_family(page, FAMILY_MAP_LIMIT);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		page_count(page, rows[i].label, NULL, rows[i].limit);
}

static void put_times(struct page *page, enum family family, const struct histogram *histogram)
{
	const struct page_buckets buckets = {
		.bounds_ns = histogram_bounds_ns,
		.n_bounds = HISTOGRAM_BOUNDS,
		.counts = histogram->counts,
		.sum_ns = histogram->sum_ns,
	};

	page_family(page, family);
	page_histogram(page, NULL, NULL, &buckets);
}

static void put_build(struct page *page)
{
	char abi[16];
	const struct page_label labels[] = {{"version", BL_VERSION}, {"abi", abi}};
	bl_autofree char *text = NULL;

	snprintf(abi, sizeof(abi), "%d", BL_ABI_VERSION);
	text = page_labels(labels, 2);
	page_family(page, FAMILY_BUILD);
	page_count(page, text, NULL, 1);
}

void collect_node(const struct scene *scene, struct page *page)
{
	put_single(page, FAMILY_POLICY_ENTRIES_LIMIT, BL_POLICY_ROWS_MAX);
	put_single(page, FAMILY_ENDPOINTS, (double)scene->figures->n_items);
	put_single(page, FAMILY_ENDPOINTS_LIMIT, BL_ENDPOINTS_MAX);
	put_maps(scene, page);
	put_times(page, FAMILY_ATTACH, scene->attach_times);
	if (scene->policy_times)
		put_times(page, FAMILY_POLICY_UPDATE, scene->policy_times);
	if (scene->troubles) {
		put_single(page, FAMILY_POLICY_FAILURES, (double)scene->troubles->n_failures);
		put_single(page, FAMILY_POLICY_AMISS, scene->troubles->n_amiss);
	}
	put_build(page);
	put_single(page, FAMILY_PROCESS_CPU, process_cpu_s());
	put_single(page, FAMILY_PROCESS_MEMORY, process_resident_bytes());
}
