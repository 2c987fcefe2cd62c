// SPDX-License-Identifier: Apache-2.0
/* Tables of a report; see table.h. */
#include "table.h"

#include <fnmatch.h>
#include <string.h>

#include "population.h"
#include "stats.h"

static const char *const baselines[] = {"bridge", "bridge-nf0", "nft", "mirred", "one-flow"};
#define N_BASELINES (sizeof(baselines) / sizeof(baselines[0]))

/* The budget: every row whose name and baseline match is at most this, or at least. */
static const struct target {
	const char *name, *baseline; /* baseline NULL: a value */
	double limit;
	bool at_least;
} targets[] = {
	{"pod*/to-guest/64B", "bridge", 0.73},
	{"pod*/from-guest/64B", "bridge", 0.45},
	{"masquerade*/to-guest/64B", "nft", 0.62},
	{"masquerade*/from-guest/64B", "nft", 0.32},
	{"pod*/to-guest/gso64k", "bridge", 0.91},
	{"pod*/from-guest/gso64k", "bridge", 0.67},
	{"*", "mirred", 1.00},
	{"pod*", "one-flow", 1.10},
	{"masquerade*", "one-flow", 1.10},
	{"endpoint/attach-ms/*", NULL, 5},
	{"agent/rss-mb/1000", NULL, 24},
	{"endpoint/kernel-kib/1000", NULL, 64},
	{"*/connections", "nft", 1.00},
	{"policy/compile-ms/1000", NULL, 2000},
	{"policy/simulated-flows-per-s", NULL, 100000, true},
	{"policy/update-p99-ms/1000", NULL, 50},
	{"agent/rss-mb/1000-policy", NULL, 24 + POPULATION_PODS / 1024.0}, /* 1 KB for each peer */
};

static const char *text_of(const struct cJSON *row, const char *key)
{
	const char *text = bl_json_get_string(row, key);

	return text ? text : "";
}

static const struct cJSON *find(const struct cJSON *report, const char *name, const char *baseline)
{
	bl_json_for_each (row, bl_json_get(report, "rows"))
		if (strcmp(text_of(row, "name"), name) == 0 &&
		    strcmp(text_of(row, "baseline"), baseline) == 0)
			return row;
	return NULL;
}

static void print_cell(const struct cJSON *row, FILE *out)
{
	if (!row)
		fprintf(out, "  %-16s", "");
	else
		fprintf(out, "  %.2f %.2f-%.2f%-2s", bl_json_get_number(row, "ratio", 0),
			bl_json_get_number(row, "low", 0), bl_json_get_number(row, "high", 0),
			bl_json_get(row, "lost") ? "!" : "");
}

static void print_line(const struct cJSON *report, const struct cJSON *first, FILE *out)
{
	const char *name = text_of(first, "name");

	fprintf(out, "%-35s", name);
	for (size_t i = 0; i < N_BASELINES; i++)
		print_cell(find(report, name, baselines[i]), out);
	if (bl_json_get(first, "control"))
		fprintf(out, "  %.2f", bl_json_get_number(first, "control", 0));
	fprintf(out, "\n");
}

static void print_lost(const struct cJSON *report, FILE *out)
{
	bl_json_for_each (row, bl_json_get(report, "rows"))
		if (bl_json_get(row, "lost"))
			fprintf(out, "! %s against %s: %.0f frames lost\n", text_of(row, "name"),
				text_of(row, "baseline"), bl_json_get_number(row, "lost", 0));
}

void table_print(const struct cJSON *report, FILE *out)
{
	const char *before = "";

	fprintf(out, "%-35s", "cost against");
	for (size_t i = 0; i < N_BASELINES; i++)
		fprintf(out, "  %-16s", baselines[i]);
	fprintf(out, "  control\n");
	bl_json_for_each (row, bl_json_get(report, "rows")) {
		bool first = bl_json_get(row, "ratio") && strcmp(text_of(row, "name"), before) != 0;

		before = text_of(row, "name");
		if (first)
			print_line(report, row, out);
	}
	bl_json_for_each (row, bl_json_get(report, "rows"))
		if (!bl_json_get(row, "ratio"))
			fprintf(out, "%-35s  %.2f\n", text_of(row, "name"),
				bl_json_get_number(row, "value", 0));
	print_lost(report, out);
}

void table_print_targets(const struct cJSON *report, FILE *out)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		const struct target *t = &targets[i];

		bl_json_for_each (row, bl_json_get(report, "rows")) {
			double is = bl_json_get_number(row, t->baseline ? "ratio" : "value", -1);

			if (is < 0 || fnmatch(t->name, text_of(row, "name"), 0) != 0 ||
			    strcmp(text_of(row, "baseline"), t->baseline ? t->baseline : "") != 0)
				continue;
			fprintf(out, "%-7s %s%s%s: %.3f, at %s %.2f\n",
				(t->at_least ? is >= t->limit : is <= t->limit) ? "met" : "MISSED",
				text_of(row, "name"), t->baseline ? " against " : "",
				t->baseline ? t->baseline : "", is, t->at_least ? "least" : "most",
				t->limit);
		}
	}
}

void table_print_costs(const struct costs *costs, FILE *out)
{
	fprintf(out, "%-25s", "ns of CPU per frame");
	for (int id = 0; id < LANES; id++)
		fprintf(out, " %10.10s", variants[id].instance);
	fprintf(out, "\n");
	for (int way = 0; way < WAYS; way++)
		for (int load = 0; load < LOADS; load++) {
			fprintf(out, "%10s/%-14s", way_names[way], load_names[load]);
			for (int id = 0; id < LANES; id++)
				fprintf(out, " %10.0f",
					stats_quantile(costs->cells[id][way][load].ns,
						       costs->n_reps, 0.5));
			fprintf(out, "\n");
		}
}
