// SPDX-License-Identifier: Apache-2.0
/* Which counters of VMs make up which family: see the header. The node's are in node.c. */
#include "collect.h"

#include <stdlib.h>

#include <beeline/file.h>
#include <beeline/reason.h>

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
				{"reason", bl_reason_text(verdict->key.reason)},
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

/* Of both the VM's directions. */
static void put_allowed(const struct stage *stage, size_t i, struct page *page)
{
	for (int way = 0; item(stage, i)->is_policed && way < BL_VM_DIRECTIONS; way++) {
		const struct page_label labels[] = {
			{"direction", event_direction(way)},
			{"verdict", "allowed"},
		};
		bl_autofree char *more = page_labels(labels, 2);

		page_count(page, stage->labels[i], more, item(stage, i)->tallies[way].allowed);
	}
}

static void put_policy(const struct stage *stage, struct page *page)
{
	page_family(page, FAMILY_POLICY_VERDICTS);
	for (size_t i = 0; i < n_items(stage); i++) {
		put_allowed(stage, i, page);
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

static void put_policy_entries(const struct stage *stage, struct page *page)
{
	page_family(page, FAMILY_POLICY_ENTRIES);
	for (size_t i = 0; i < n_items(stage); i++)
		if (item(stage, i)->is_policed)
			page_count(page, stage->labels[i], NULL, item(stage, i)->policy_rows);
}

/* ---- connections --------------------------------------------------------------------------------- */

static char *direction_label(enum bl_direction direction)
{
	const struct page_label label = {"direction", event_direction(direction)};

	return page_labels(&label, 1);
}

static void put_tallies(const struct stage *stage, enum family family, struct page *page)
{
	page_family(page, family);
	for (size_t i = 0; i < n_items(stage); i++) {
		for (int way = 0; way < BL_VM_DIRECTIONS; way++) {
			const struct bl_tally *tally = &item(stage, i)->tallies[way];
			bl_autofree char *more = direction_label(way);

			page_count(page, stage->labels[i], more,
				   family == FAMILY_OPENED ? tally->opened : tally->evicted);
		}
	}
}

static bool is_empty(const struct datapath_handshakes *handshakes)
{
	for (int i = 0; i <= BL_HANDSHAKE_BOUNDS; i++)
		if (handshakes->counts[i])
			return false;
	return true;
}

/* Twenty buckets and more of each VM are many: those of a direction appear with its first handshake. */
static void put_handshakes(const struct stage *stage, struct page *page)
{
	uint64_t bounds_ns[BL_HANDSHAKE_BOUNDS];

	for (int i = 0; i < BL_HANDSHAKE_BOUNDS; i++)
		bounds_ns[i] = (uint64_t)BL_HANDSHAKE_BOUND(i) << BL_HANDSHAKE_SHIFT;
	page_family(page, FAMILY_HANDSHAKES);
	for (size_t i = 0; i < n_items(stage) * BL_VM_DIRECTIONS; i++) {
		enum bl_direction way = i % BL_VM_DIRECTIONS;
		const struct datapath_handshakes *handshakes =
			&item(stage, i / BL_VM_DIRECTIONS)->handshakes[way];
		const struct page_buckets buckets = {
			.bounds_ns = bounds_ns,
			.n_bounds = BL_HANDSHAKE_BOUNDS,
			.counts = handshakes->counts,
			.sum_ns = handshakes->sum_ns,
		};
		bl_autofree char *more = direction_label(way);

		if (!is_empty(handshakes))
			page_histogram(page, stage->labels[i / BL_VM_DIRECTIONS], more, &buckets);
	}
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

/* ---- what nobody could be told -------------------------------------------------------------------- */

static void put_lost(const struct stage *stage, enum family family, struct page *page)
{
	page_family(page, family);
	for (size_t i = 0; i < n_items(stage); i++)
		page_count(page, stage->labels[i], NULL,
			   family == FAMILY_EVENTS_LOST ? item(stage, i)->lost
							: item(stage, i)->capture_lost);
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
	put_policy_entries(stage, page);
	put_tallies(stage, FAMILY_OPENED, page);
	put_tallies(stage, FAMILY_CONNECTIONS_EVICTED, page);
	put_handshakes(stage, page);
	put_connections(stage, FAMILY_CONNECTIONS, page);
	put_connections(stage, FAMILY_CONNECTIONS_CAPACITY, page);
	put_lost(stage, FAMILY_EVENTS_LOST, page);
	put_lost(stage, FAMILY_CAPTURE_LOST, page);
}

void collect(const struct scene *scene, struct page *page)
{
	struct stage stage = {.scene = scene};
	size_t n = scene->figures->n_items;

	stage.labels = bl_alloc((n + 1) * sizeof(*stage.labels));
	for (size_t i = 0; i < n; i++)
		stage.labels[i] = endpoint_labels(scene, &scene->figures->items[i]);
	put_endpoints(&stage, page);
	collect_node(scene, page);
	for (size_t i = 0; i < n; i++)
		free(stage.labels[i]);
	free(stage.labels);
}
