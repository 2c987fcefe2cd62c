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

/* One comparison: a cell with its control, if it has one, against another. */
struct comparison {
	const char *name, *baseline;
	const struct cell *cell, *again, *against;
};

static struct cJSON *ratio_row(const struct costs *costs, const struct comparison *c)
{
	struct stats_ratio ratio = stats_ratio(c->cell->ns, c->against->ns, costs->n_reps);
	uint64_t lost = c->cell->lost + c->against->lost;
	struct cJSON *row = bl_json_object();

	bl_json_set_string(row, "name", c->name);
	bl_json_set_string(row, "baseline", c->baseline);
	set_number(row, "ratio", ratio.median, 3);
	set_number(row, "low", ratio.low, 3);
	set_number(row, "high", ratio.high, 3);
	if (c->again) {
		set_number(row, "control",
			   stats_ratio(c->again->ns, c->cell->ns, costs->n_reps).median, 3);
		lost += c->again->lost;
	}
	if (lost)
		bl_json_set_number(row, "lost", (double)lost);
	return row;
}

static void append_ratios(struct cJSON *rows, const struct costs *costs, int lane, enum way way,
			  enum load load)
{
	bl_autofree char *name =
		bl_format("%s/%s/%s", variants[lane].name, way_names[way], load_names[load]);
	struct comparison c = {.name = name,
			       .cell = &costs->cells[lane][way][load],
			       .again = &costs->cells[lane + 1][way][load]};

	for (int id = 0; id < LANE_BASELINES; id++) {
		c.baseline = variants[id].name;
		c.against = &costs->cells[id][way][load];
		bl_json_append(rows, ratio_row(costs, &c));
	}
	if (load != LOAD_FLOWS)
		return;
	c.baseline = "one-flow";
	c.against = &costs->cells[lane][way][LOAD_64];
	bl_json_append(rows, ratio_row(costs, &c));
}

/* What many flows cost those who keep nothing of them, and the frames' makers. */
static void append_own_flows(struct cJSON *rows, const struct costs *costs, int lane, enum way way)
{
	bl_autofree char *name =
		bl_format("%s/%s/%s", variants[lane].name, way_names[way], load_names[LOAD_FLOWS]);
	const struct comparison c = {.name = name,
				     .baseline = "one-flow",
				     .cell = &costs->cells[lane][way][LOAD_FLOWS],
				     .against = &costs->cells[lane][way][LOAD_64]};

	bl_json_append(rows, ratio_row(costs, &c));
}

/* Only the NAT keeps connections too. */
static void append_connections(struct cJSON *rows, const struct costs *costs, int lane)
{
	bl_autofree char *name = bl_format("%s/connections", variants[lane].name);
	const struct comparison c = {.name = name,
				     .baseline = variants[LANE_NFT].name,
				     .cell = &costs->connections[lane],
				     .again = &costs->connections[lane + 1],
				     .against = &costs->connections[LANE_NFT]};

	bl_json_append(rows, ratio_row(costs, &c));
}

/* ---- values ---- */

static void append_named(struct cJSON *rows, const char *name, double value)
{
	struct cJSON *row = bl_json_object();

	bl_json_set_string(row, "name", name);
	set_number(row, "value", value, 2);
	bl_json_append(rows, row);
}

static void append_value(struct cJSON *rows, const char *name, unsigned int n, double value)
{
	bl_autofree char *full = bl_format("%s/%u", name, n);

	append_named(rows, full, value);
}

/* On one CPU that does nothing else. */
static void append_rate(struct cJSON *rows, const struct costs *costs, int lane)
{
	bl_autofree char *name = bl_format("%s/connections-per-s", variants[lane].name);

	append_named(rows, name,
		     1e9 / stats_quantile(costs->connections[lane].ns, costs->n_reps, 0.5));
}

/* Connection tracking is budgeted apart, so it has a row of its own. */
static void append_values(struct cJSON *rows, const struct scale_step *step)
{
	append_value(rows, "endpoint/attach-ms", step->n, step->attach_ms);
	append_value(rows, "agent/rss-mb", step->n, (double)step->resident_bytes / (1 << 20));
	append_value(rows, "endpoint/kernel-kib", step->n,
		     (double)(step->kernel.maps + step->kernel.programs) / 1024 / step->n);
	append_value(rows, "endpoint/conntrack-kib", step->n,
		     (double)step->kernel.conntrack / 1024 / step->n);
}

static void append_policies(struct cJSON *rows, const struct policies_cost *policies)
{
	bl_autofree char *resident = bl_format("agent/rss-mb/%u-policy", policies->n);

	append_value(rows, "policy/compile-ms", policies->n, policies->compile_ms);
	append_value(rows, "policy/update-p50-ms", policies->n, policies->update_p50_ms);
	append_value(rows, "policy/update-p99-ms", policies->n, policies->update_p99_ms);
	append_named(rows, resident, (double)policies->resident_bytes / (1 << 20));
}

struct cJSON *report_json(const struct costs *costs, const struct scale_step steps[SCALE_STEPS],
			  const struct policies_cost *policies, double simulated_per_s,
			  struct cJSON *machine)
{
	struct cJSON *report = bl_json_object(), *rows = bl_json_array();

	/* ours stand twice */
	for (int lane = LANE_POD; lane < LANES; lane += 2)
		for (int way = 0; way < WAYS; way++)
			for (int load = 0; load < LOADS; load++)
				append_ratios(rows, costs, lane, way, load);
	for (int lane = 0; lane < LANE_BASELINES; lane++)
		for (int way = 0; way < WAYS; way++)
			append_own_flows(rows, costs, lane, way);
	append_rate(rows, costs, LANE_NFT);
	for (int lane = LANE_POD; lane < LANES; lane += 2) {
		append_connections(rows, costs, lane);
		append_rate(rows, costs, lane);
	}
	for (int i = 0; i < SCALE_STEPS; i++)
		if (steps[i].n)
			append_values(rows, &steps[i]);
	append_policies(rows, policies);
	append_named(rows, "policy/simulated-flows-per-s", simulated_per_s);
	bl_json_set(report, "machine", machine);
	bl_json_set(report, "rows", rows);
	return report;
}
