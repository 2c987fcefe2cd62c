// SPDX-License-Identifier: Apache-2.0
/* The population goes in, and then changes; see policies.h. */
#include "policies.h"

#include "population.h"
#include "stats.h"

#define PEERS_EACH (POPULATION_PODS / POPULATION_ENDPOINTS)
#define CHANGES    400
#define STRIDE     7919 /* a prime, so that changes meet all things in turn */

static int apply_all(struct agent *agent,
		     struct cJSON *(*make)(unsigned int i, unsigned int generation), unsigned int n,
		     struct bl_err *err)
{
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < n;) {
		struct cJSON *objects = bl_json_array();

		for (unsigned int end = i + AGENT_APPLY_MAX; i < n && i < end; i++)
			bl_json_append(objects, make(i, 1));
		r = agent_apply(agent, objects, NULL, err);
	}
	return r;
}

static struct cJSON *make_namespace(unsigned int i, unsigned int generation)
{
	return population_namespace(i);
}

static int time_compile(struct agent *agent, struct policies_cost *cost, struct bl_err *err)
{
	uint64_t before, after;
	int r = agent_cpu(agent, &before, err);

	if (r == 0)
		r = apply_all(agent, population_policy, cost->n, err);
	if (r == 0)
		r = agent_cpu(agent, &after, err);
	if (r == 0)
		cost->compile_ms = (double)(after - before) / 1e6;
	return r;
}

/* A policy gets another port, a pod another app, in turn. */
static struct cJSON *change(unsigned int i, unsigned int n)
{
	unsigned int thing = i / 2 * STRIDE, generation = 2 + i / 2;
	struct cJSON *objects = bl_json_array();

	bl_json_append(objects, i % 2 ? population_pod(thing % (n * PEERS_EACH), generation)
				      : population_policy(thing % n, generation));
	return objects;
}

static int time_changes(struct agent *agent, struct policies_cost *cost, struct bl_err *err)
{
	double ms[CHANGES];
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < CHANGES; i++) {
		uint64_t ns = 0;

		r = agent_apply(agent, change(i, cost->n), &ns, err);
		ms[i] = (double)ns / 1e6;
	}
	if (r < 0)
		return r;
	cost->update_p50_ms = stats_quantile(ms, CHANGES, 0.5);
	cost->update_p99_ms = stats_quantile(ms, CHANGES, 0.99);
	return 0;
}

int policies_measure(struct agent *agent, unsigned int n, struct policies_cost *ret_cost,
		     struct bl_err *err)
{
	struct policies_cost cost = {.n = n};
	int r = apply_all(agent, make_namespace, POPULATION_NAMESPACES, err);

	if (r == 0)
		r = apply_all(agent, population_pod, n * PEERS_EACH, err);
	if (r == 0)
		r = time_compile(agent, &cost, err);
	if (r == 0)
		r = time_changes(agent, &cost, err);
	if (r == 0)
		r = agent_resident(agent, &cost.resident_bytes, err);
	if (r == 0)
		*ret_cost = cost;
	return r < 0 ? bl_wrap(err, "policies at scale") : 0;
}
