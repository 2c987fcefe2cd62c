// SPDX-License-Identifier: Apache-2.0
/* Rows; see report.h. */
#include "report.h"

#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "stats.h"

/* Written as people would: three places are more than the noise lets one know. */
static void set_number(struct cJSON *row, const char *key, double value, int places)
{
	bl_autofree char *text = bl_format("%.*f", places, value);

	bl_json_set_number(row, key, strtod(text, NULL));
}

/* ---- ratios ---- */

/* One comparison: `a` with its control against `b`, each a cell's address. */
struct comparison {
	enum lane_id lane, again;
	enum way way;
	enum load load;
	const char *baseline;
	const struct cell *against;
};

static struct cJSON *ratio_row(const struct costs *costs, const struct comparison *c)
{
	const struct cell *cell = &costs->cells[c->lane][c->way][c->load];
	const struct cell *again = &costs->cells[c->again][c->way][c->load];
	struct stats_ratio ratio = stats_ratio(cell->ns, c->against->ns, costs->n_reps);
	struct stats_ratio control = stats_ratio(again->ns, cell->ns, costs->n_reps);
	bl_autofree char *name = bl_format("%s/%s/%s", variants[c->lane].name, way_names[c->way],
					   load_names[c->load]);
	uint64_t lost = cell->lost + again->lost + c->against->lost;
	struct cJSON *row = bl_json_object();

	bl_json_set_string(row, "name", name);
	bl_json_set_string(row, "baseline", c->baseline);
	set_number(row, "ratio", ratio.median, 3);
	set_number(row, "low", ratio.low, 3);
	set_number(row, "high", ratio.high, 3);
	set_number(row, "control", control.median, 3);
	if (lost)
		bl_json_set_number(row, "lost", (double)lost);
	return row;
}

static void append_ratios(struct cJSON *rows, const struct costs *costs, struct comparison c)
{
	for (int id = 0; id < LANE_BASELINES; id++) {
		c.baseline = variants[id].name;
		c.against = &costs->cells[id][c.way][c.load];
		bl_json_append(rows, ratio_row(costs, &c));
	}
	if (c.load != LOAD_FLOWS)
		return;
	c.baseline = "one-flow";
	c.against = &costs->cells[c.lane][c.way][LOAD_64];
	bl_json_append(rows, ratio_row(costs, &c));
}

/* ---- values ---- */

static void append_value(struct cJSON *rows, const char *name, unsigned int n, double value)
{
	bl_autofree char *full = bl_format("%s/%u", name, n);
	struct cJSON *row = bl_json_object();

	bl_json_set_string(row, "name", full);
	set_number(row, "value", value, 2);
	bl_json_append(rows, row);
}

/* Connection tracking is budgeted apart, so it has a row of its own, per endpoint that has a share. */
static void append_values(struct cJSON *rows, const struct scale_step *step)
{
	unsigned int masquerades = step->n / 2;

	append_value(rows, "endpoint/attach-ms", step->n, step->attach_ms);
	append_value(rows, "agent/rss-mb", step->n, (double)step->resident_bytes / (1 << 20));
	append_value(rows, "endpoint/kernel-kib", step->n,
		     (double)(step->kernel.maps + step->kernel.programs) / 1024 / step->n);
	if (masquerades)
		append_value(rows, "endpoint/conntrack-kib", step->n,
			     (double)step->kernel.conntrack / 1024 / masquerades);
}

struct cJSON *report_json(const struct costs *costs, const struct scale_step steps[SCALE_STEPS],
			  struct cJSON *machine)
{
	static const struct {
		enum lane_id lane, again;
	} ours[] = {{LANE_POD, LANE_POD_AGAIN}, {LANE_MASQUERADE, LANE_MASQUERADE_AGAIN}};
	struct cJSON *report = bl_json_object(), *rows = bl_json_array();

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		for (int way = 0; way < WAYS; way++)
			for (int load = 0; load < LOADS; load++)
				append_ratios(rows, costs,
					      (struct comparison){.lane = ours[i].lane,
								  .again = ours[i].again,
								  .way = way,
								  .load = load});
	for (int i = 0; i < SCALE_STEPS; i++)
		if (steps[i].n)
			append_values(rows, &steps[i]);
	bl_json_set(report, "machine", machine);
	bl_json_set(report, "rows", rows);
	return report;
}
