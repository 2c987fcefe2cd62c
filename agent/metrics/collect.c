// SPDX-License-Identifier: Apache-2.0
/* Which counters make up which family: see the header. */
#include "collect.h"

#include <stdio.h>
#include <stdlib.h>

#include <beeline/file.h>
#include <beeline/version.h>

/* The scene with each endpoint's labels as text. */
struct stage {
	const struct scene *scene;
	char **labels; /* owned, one per endpoint */
};

static const struct endpoint_figures *item(const struct stage *stage, size_t i)
{
	return &stage->scene->figures->items[i];
}

static size_t n_items(const struct stage *stage)
{
	return stage->scene->figures->n_items;
}

/* ---- traffic ------------------------------------------------------------------------------------- */

struct traffic_row {
	enum family family;
	enum bl_direction direction;
	bool bytes;
};

static const struct traffic_row traffic_rows[] = {
	{FAMILY_RECEIVE_BYTES, BL_TO_VM, true},    {FAMILY_TRANSMIT_BYTES, BL_FROM_VM, true},
	{FAMILY_RECEIVE_PACKETS, BL_TO_VM, false}, {FAMILY_TRANSMIT_PACKETS, BL_FROM_VM, false},
	{FAMILY_POD_OUT_BYTES, BL_POD_OUT, true},  {FAMILY_POD_OUT_PACKETS, BL_POD_OUT, false},
};

static void put_traffic(const struct stage *stage, const struct traffic_row *row, struct page *page)
{
	page_family(page, row->family);
	for (size_t i = 0; i < n_items(stage); i++) {
		const struct bl_counter *counter = &item(stage, i)->traffic[row->direction];

		page_count(page, stage->labels[i], NULL,
			   row->bytes ? counter->bytes : counter->packets);
	}
}

/* ---- verdicts ------------------------------------------------------------------------------------ */

static uint64_t n_drops(const struct endpoint_figures *figures, enum bl_direction direction)
{
	uint64_t n = 0;

	for (size_t i = 0; i < figures->n_verdicts; i++)
		if (figures->verdicts[i].key.direction == direction &&
		    BL_REASON_IS_DROP(figures->verdicts[i].key.reason))
			n += figures->verdicts[i].counter.packets;
	return n;
}

static void put_drop_sum(const struct stage *stage, enum family family, enum bl_direction direction,
			 struct page *page)
{
	page_family(page, family);
	for (size_t i = 0; i < n_items(stage); i++)
		page_count(page, stage->labels[i], NULL, n_drops(item(stage, i), direction));
}

/* A sample for each verdict that occurred and that wanted() is true of. */
static void put_verdicts(const struct stage *stage, enum family family,
			 bool (*wanted)(uint8_t reason), bool bytes, struct page *page)
{
	page_family(page, family);
	for (size_t i = 0; i < n_items(stage); i++) {
		for (size_t k = 0; k < item(stage, i)->n_verdicts; k++) {
			const struct datapath_verdict *verdict = &item(stage, i)->verdicts[k];
			const struct page_label labels[] = {
				{"direction", event_direction(verdict->key.direction)},
				{"reason", event_reason(verdict->key.reason)},
			};
			bl_autofree char *more = page_labels(labels, 2);

			if (wanted(verdict->key.reason))
				page_count(page, stage->labels[i], more,
					   bytes ? verdict->counter.bytes
						 : verdict->counter.packets);
		}
	}
}

static bool is_drop(uint8_t reason)
{
	return BL_REASON_IS_DROP(reason);
}

static bool is_diverted(uint8_t reason)
{
	return !BL_REASON_IS_DROP(reason);
}

static const char *policy_verdict(uint8_t reason)
{
	switch (reason) {
	case BL_REASON_POLICY:
		return "denied";
	case BL_REASON_POLICY_DENY:
		return "denied_by_rule";
	case BL_REASON_AUDITED:
		return "audited";
	default:
		return NULL;
	}
}

static void put_policy(const struct stage *stage, struct page *page)
{
	page_family(page, FAMILY_POLICY_VERDICTS);
	for (size_t i = 0; i < n_items(stage); i++) {
		for (size_t k = 0; k < item(stage, i)->n_verdicts; k++) {
			const struct datapath_verdict *verdict = &item(stage, i)->verdicts[k];
			const struct page_label labels[] = {
				{"direction", event_direction(verdict->key.direction)},
				{"verdict", policy_verdict(verdict->key.reason)},
			};
			bl_autofree char *more = labels[1].value ? page_labels(labels, 2) : NULL;

			if (more)
				page_count(page, stage->labels[i], more, verdict->counter.packets);
		}
	}
}

/* ---- events and connections ---------------------------------------------------------------------- */

static void put_lost(const struct stage *stage, struct page *page)
{
	page_family(page, FAMILY_EVENTS_LOST);
	for (size_t i = 0; i < n_items(stage); i++)
		page_count(page, stage->labels[i], NULL, item(stage, i)->lost);
}

static void put_connections(const struct stage *stage, enum family family, struct page *page)
{
	page_family(page, family);
	for (size_t i = 0; i < n_items(stage); i++) {
		const struct datapath_fill *fill = &item(stage, i)->connections;

		if (fill->capacity)
			page_count(page, stage->labels[i], NULL,
				   family == FAMILY_CONNECTIONS ? fill->used : fill->capacity);
	}
}

/* ---- the node ------------------------------------------------------------------------------------ */

static void put_single(struct page *page, enum family family, double value)
{
	page_family(page, family);
	page_number(page, NULL, NULL, value);
}

static void put_maps(const struct stage *stage, enum family family, struct page *page)
{
	const struct datapath_totals *totals = stage->scene->figures->totals;
	bool entries = family == FAMILY_MAP_ENTRIES;

	page_family(page, family);
	page_count(page, "map=\"bl_rules\"", NULL, entries ? totals->n_rules : totals->max_rules);
	page_count(page, "map=\"bl_verdicts\"", NULL,
		   entries ? totals->n_verdicts : totals->max_verdicts);
}

static void put_node(const struct stage *stage, struct page *page)
{
	put_single(page, FAMILY_ENDPOINTS, (double)n_items(stage));
	put_single(page, FAMILY_ENDPOINTS_LIMIT, BL_ENDPOINTS_MAX);
	put_maps(stage, FAMILY_MAP_ENTRIES, page);
	put_maps(stage, FAMILY_MAP_LIMIT, page);
	page_family(page, FAMILY_ATTACH);
	page_histogram(page, stage->scene->attach_times);
	if (stage->scene->policy_times) {
		page_family(page, FAMILY_POLICY_UPDATE);
		page_histogram(page, stage->scene->policy_times);
	}
}

static void put_agent(struct page *page)
{
	char abi[16];
	const struct page_label labels[] = {{"version", BL_VERSION}, {"abi", abi}};
	bl_autofree char *text = NULL;

	snprintf(abi, sizeof(abi), "%d", BL_ABI_VERSION);
	text = page_labels(labels, 2);
	page_family(page, FAMILY_BUILD);
	page_count(page, text, NULL, 1);
	put_single(page, FAMILY_PROCESS_CPU, process_cpu_s());
	put_single(page, FAMILY_PROCESS_MEMORY, process_resident_bytes());
}

/* ---- all of it ----------------------------------------------------------------------------------- */

static char *endpoint_labels(const struct scene *scene, const struct endpoint_figures *figures)
{
	const struct page_label labels[] = {
		{"node", scene->node},
		{"namespace", figures->namespace},
		{"name", figures->name},
		{"interface", figures->interface},
	};

	return page_labels(labels, sizeof(labels) / sizeof(*labels));
}

static void put_endpoints(const struct stage *stage, struct page *page)
{
	for (size_t i = 0; i < sizeof(traffic_rows) / sizeof(*traffic_rows); i++)
		put_traffic(stage, &traffic_rows[i], page);
	put_drop_sum(stage, FAMILY_RECEIVE_DROPS, BL_TO_VM, page);
	put_drop_sum(stage, FAMILY_TRANSMIT_DROPS, BL_FROM_VM, page);
	put_verdicts(stage, FAMILY_DROP_PACKETS, is_drop, false, page);
	put_verdicts(stage, FAMILY_DROP_BYTES, is_drop, true, page);
	put_verdicts(stage, FAMILY_DIVERTED_PACKETS, is_diverted, false, page);
	put_policy(stage, page);
	put_lost(stage, page);
	put_connections(stage, FAMILY_CONNECTIONS, page);
	put_connections(stage, FAMILY_CONNECTIONS_CAPACITY, page);
}

void collect(const struct scene *scene, struct page *page)
{
	struct stage stage = {.scene = scene};
	size_t n = scene->figures->n_items;

	stage.labels = bl_alloc((n + 1) * sizeof(*stage.labels));
	for (size_t i = 0; i < n; i++)
		stage.labels[i] = endpoint_labels(scene, &scene->figures->items[i]);
	put_endpoints(&stage, page);
	put_node(&stage, page);
	put_agent(page);
	for (size_t i = 0; i < n; i++)
		free(stage.labels[i]);
	free(stage.labels);
}
