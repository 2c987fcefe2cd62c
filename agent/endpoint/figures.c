// SPDX-License-Identifier: Apache-2.0
/* All endpoints' counters at once, under the names by which people know them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "entry.h"
#include "events.h"
#include "room.h"

/* "<namespace>_<vmi>_<interface>"; interfaces' names may hold '_', the others never do. What was made
 * by hand is called as it is, with its tap for the interface. */
static void set_names(const struct endpoint_spec *spec, struct endpoint_figures *figures)
{
	const char *first = strchr(spec->name, '_');
	const char *second = first ? strchr(first + 1, '_') : NULL;

	if (!second) {
		snprintf(figures->namespace, sizeof(figures->namespace), "%s",
			 spec->namespace ? spec->namespace : "default");
		snprintf(figures->name, sizeof(figures->name), "%s", spec->name);
		snprintf(figures->interface, sizeof(figures->interface), "%s", spec->tap);
		return;
	}
	snprintf(figures->namespace, sizeof(figures->namespace), "%.*s", (int)(first - spec->name),
		 spec->name);
	snprintf(figures->name, sizeof(figures->name), "%.*s", (int)(second - first - 1),
		 first + 1);
	snprintf(figures->interface, sizeof(figures->interface), "%s", second + 1);
}

/* The endpoint's part of the sorted verdicts. */
static void set_verdicts(const struct datapath_totals *totals, uint32_t index,
			 struct endpoint_figures *figures)
{
	size_t low = 0, high = totals->n_verdicts;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (totals->verdicts[middle].key.endpoint < index)
			low = middle + 1;
		else
			high = middle;
	}
	figures->verdicts = &totals->verdicts[low];
	while (low + figures->n_verdicts < totals->n_verdicts &&
	       figures->verdicts[figures->n_verdicts].key.endpoint == index)
		figures->n_verdicts++;
}

static void add(struct endpoints_figures *figures, const struct endpoint *endpoint, uint32_t index)
{
	const struct datapath_totals *totals = figures->totals;
	struct endpoint_figures *item = &figures->items[figures->n_items++];

	item->endpoint = endpoint;
	set_names(&endpoint->record->spec, item);
	item->traffic = totals->traffic[index];
	set_verdicts(totals, index, item);
	item->lost = totals->lost[index];
	item->capture_lost = totals->capture_lost[index];
	item->tallies = totals->tallies[index];
	item->handshakes = totals->handshakes[index];
	item->policy_rows = totals->policy_rows[index];
	item->is_policed = endpoint->entry.flags & BL_EP_POLICY;
	if (entry_is_tracked(&endpoint->record->spec, &endpoint->entry))
		item->connections = totals->fill[index];
}

int endpoints_figures_new(const struct endpoints *set, struct endpoints_figures **ret_figures,
			  struct bl_err *err)
{
	bl_auto_endpoints_figures struct endpoints_figures *figures = bl_alloc(sizeof(*figures));
	uint32_t n = BL_ENDPOINTS_MAX;
	int r;

	while (n && !set->by_index[n - 1])
		n--;
	r = datapath_totals_new(set->datapath, n, &figures->totals, err);
	if (r < 0)
		return r;
	figures->items = bl_alloc((n + 1) * sizeof(*figures->items));
	for (uint32_t i = 0; i < n; i++)
		if (set->by_index[i])
			add(figures, set->by_index[i], i);
	*ret_figures = bl_take_ptr(figures);
	return 0;
}

void endpoints_figures_free(struct endpoints_figures *figures)
{
	if (!figures)
		return;
	datapath_totals_free(figures->totals);
	free(figures->items);
	free(figures);
}

const struct histogram *endpoints_attach_times(const struct endpoints *set)
{
	return &set->attach_times;
}

int endpoints_check(const struct endpoints *set, struct bl_err *err)
{
	return datapath_check(set->datapath, err);
}
