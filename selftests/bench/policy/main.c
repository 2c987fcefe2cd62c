// SPDX-License-Identifier: Apache-2.0
/*
 * The policy engine by itself at the size that it promises (population.h), for who works on the engine:
 * what a full compile takes, what a change takes that concerns few, and the memory. No kernel, no agent.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <beeline/addr.h>
#include <beeline/engine.h>
#include <beeline/file.h>

#include "../population.h"

#define CHANGES 1000

/* Of this thread: what the engine takes, whoever else is on the machine. */
static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static size_t used_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void check(int r, const struct bl_err *err)
{
	if (r == 0)
		return;
	fprintf(stderr, "policy_scale: %s\n", err->message);
	exit(1);
}

/* Takes the document. */
static void put(struct bl_engine *engine, struct cJSON *document)
{
	bl_auto_json struct cJSON *json = document;
	struct bl_err err = BL_ERR_INIT;

	check(bl_engine_put(engine, json, &err), &err);
}

static void put_endpoint(struct bl_engine *engine, unsigned int i)
{
	bl_autofree char *name = bl_format("vm-%u", i);
	bl_autofree char *namespace = bl_format("ns-%u", population_endpoint_namespace(i));
	bl_auto_json struct cJSON *given = population_endpoint_labels(i);
	struct bl_labels labels = {0};
	struct bl_err err = BL_ERR_INIT;
	struct bl_addr addr = {.bytes = {[10] = 0xff, 0xff, 10, 0, i / 256, i % 256}};
	struct bl_named_port port = {"http", 6, (uint16_t)(80 + i % 2)};
	struct bl_engine_endpoint endpoint = {.name = name,
					      .namespace = namespace,
					      .labels = &labels,
					      .addrs = &addr,
					      .n_addrs = 1,
					      .ports = &port,
					      .n_ports = 1};

	bl_labels_set_all(&labels, "k8s", "", given);
	check(bl_engine_put_endpoint(engine, &endpoint, &err), &err);
	bl_labels_clear(&labels);
}

/* As often as there is something to do; returns how many endpoints changed, some more than once. */
static size_t update(struct bl_engine *engine)
{
	struct bl_engine_changes changes = {.again = true};
	struct bl_err err = BL_ERR_INIT;
	size_t n_endpoints = 0;

	while (changes.again) {
		check(bl_engine_update(engine, &changes, &err), &err);
		n_endpoints += changes.n_endpoints;
	}
	return n_endpoints;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Times single changes of one kind; what names it. */
static void time_changes(struct bl_engine *engine, const char *what,
			 struct cJSON *(*change)(unsigned int i, unsigned int generation),
			 unsigned int n_things)
{
	static double us[CHANGES];
	size_t n_endpoints = 0;

	for (unsigned int i = 0; i < CHANGES; i++) {
		double start;

		put(engine, change(i * 7919 % n_things, 2 + i));
		start = now_us();
		n_endpoints += update(engine);
		us[i] = now_us() - start;
	}
	qsort(us, CHANGES, sizeof(us[0]), compare);
	printf("%-8s update us: p50 %.0f  p99 %.0f  max %.0f  (%.1f endpoints each)\n", what,
	       us[CHANGES / 2], us[CHANGES * 99 / 100], us[CHANGES - 1],
	       (double)n_endpoints / CHANGES);
}

static void print_rows(const struct bl_engine *engine)
{
	size_t n_rows = 0, most = 0, n_prefixes;
	const struct bl_ipcache_row *prefixes;

	for (unsigned int i = 0; i < POPULATION_ENDPOINTS; i++) {
		bl_autofree char *name = bl_format("vm-%u", i);
		size_t n = bl_engine_rows(engine, name)->n_items;

		n_rows += n;
		most = n > most ? n : most;
	}
	bl_engine_prefixes(engine, &prefixes, &n_prefixes);
	printf("rows     %zu in all, at most %zu of one endpoint; %zu prefixes\n", n_rows, most,
	       n_prefixes);
}

int main(void)
{
	const struct bl_engine_options options = {.node = "node-0"};
	bl_auto_engine struct bl_engine *engine = bl_engine_new(&options);
	size_t before = used_bytes(), with_peers;
	double start;

	for (unsigned int i = 0; i < POPULATION_NAMESPACES; i++)
		put(engine, population_namespace(i));
	update(engine);
	for (unsigned int i = 0; i < POPULATION_PODS; i++)
		put(engine, population_pod(i, 1));
	update(engine);
	with_peers = used_bytes();
	printf("peers    %.2f KiB each\n", (double)(with_peers - before) / 1024 / POPULATION_PODS);
	for (unsigned int i = 0; i < POPULATION_ENDPOINTS; i++)
		put_endpoint(engine, i);
	for (unsigned int i = 0; i < POPULATION_POLICIES; i++)
		put(engine, population_policy(i, 1));
	start = now_us();
	update(engine);
	printf("compile  %.1f ms\n", (now_us() - start) / 1e3);
	printf("policies and endpoints  %.2f MiB\n",
	       (double)(used_bytes() - with_peers) / 1024 / 1024);
	print_rows(engine);
	time_changes(engine, "policy", population_policy, POPULATION_POLICIES);
	time_changes(engine, "label", population_pod, POPULATION_PODS);
	return 0;
}
