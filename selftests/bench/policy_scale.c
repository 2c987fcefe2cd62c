// SPDX-License-Identifier: Apache-2.0
/* 10,000 peers with labels of their own in 50 namespaces; see policy_scale.h. */
#include "policy_scale.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <beeline/addr.h>
#include <beeline/engine.h>
#include <beeline/file.h>

#define NAMESPACES 50
#define ENDPOINTS  POLICY_SCALE_ENDPOINTS
#define POLICIES   1000
#define PEERS      10000
#define APPS       40 /* of a namespace */
#define CHANGES    1000

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

static void put(struct bl_engine *engine, const char *text)
{
	bl_auto_json struct cJSON *json = NULL;
	struct bl_err err = BL_ERR_INIT;

	check(bl_json_parse(text, strlen(text), &json, &err), &err);
	check(bl_engine_put(engine, json, &err), &err);
}

/* A pod as a cluster has them: the labels of its app, and some of its own. */
static void put_pod(struct bl_engine *engine, unsigned int i, unsigned int generation)
{
	unsigned int app = (i + generation) % APPS;
	bl_autofree char *text = bl_format(
		"{\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"ns-%u\",\"name\":\"pod-%u\","
		"\"labels\":{\"app\":\"app-%u\",\"app.kubernetes.io/name\":\"app-%u\","
		"\"app.kubernetes.io/instance\":\"app-%u-prod\",\"tier\":\"%s\","
		"\"version\":\"v%u\",\"vm.kubevirt.io/name\":\"vm-%u\",\"team\":\"team-%u\","
		"\"pod-template-hash\":\"abc%u\"}},\"spec\":{\"nodeName\":\"node-%u\","
		"\"serviceAccountName\":\"app-%u\",\"containers\":[{\"ports\":[{\"name\":\"http\","
		"\"containerPort\":8080},{\"name\":\"metrics\",\"containerPort\":9090}]}]},"
		"\"status\":{\"phase\":\"Running\",\"podIPs\":[{\"ip\":\"10.%u.%u.%u\"}]}}",
		i % NAMESPACES, i, app, app, app, i % 3 ? "front" : "back", generation, i, i % 7, i,
		i % 100, i % APPS, 16 + i / 65536, i / 256 % 256, i % 256);

	put(engine, text);
}

static void put_policy(struct bl_engine *engine, unsigned int i, unsigned int generation)
{
	bl_autofree char *text = bl_format(
		"{\"apiVersion\":\"cilium.io/v2\",\"kind\":\"CiliumNetworkPolicy\",\"metadata\":"
		"{\"namespace\":\"ns-%u\",\"name\":\"policy-%u\"},\"spec\":{\"endpointSelector\":"
		"{\"matchLabels\":{\"app\":\"app-%u\"}},\"ingress\":[{\"fromEndpoints\":[{"
		"\"matchLabels\":{\"app\":\"app-%u\"}}],\"toPorts\":[{\"ports\":[{\"port\":"
		"\"%u\",\"protocol\":\"TCP\"},{\"port\":\"9000\",\"endPort\":9010,\"protocol\":"
		"\"TCP\"}]}]},{\"fromEntities\":[\"host\"]}],\"egress\":[{\"toCIDRSet\":[{\"cidr\":"
		"\"172.%u.0.0/16\",\"except\":[\"172.%u.%u.0/24\"]}]},{\"toEndpoints\":[{"
		"\"matchLabels\":{\"k8s:io.kubernetes.pod.namespace\":\"ns-%u\",\"app\":"
		"\"app-%u\"}}],\"toPorts\":[{\"ports\":[{\"port\":\"metrics\"}]}]}]}}",
		i % NAMESPACES, i, i / NAMESPACES % APPS, (i + 1) % APPS, 1000 + generation,
		16 + i % 16, 16 + i % 16, i % 256, (i + 1) % NAMESPACES, i % APPS);

	put(engine, text);
}

static void put_endpoint(struct bl_engine *engine, unsigned int i)
{
	bl_autofree char *name = bl_format("vm-%u", i);
	bl_autofree char *namespace = bl_format("ns-%u", i % NAMESPACES);
	bl_autofree char *app = bl_format("app-%u", i / NAMESPACES % APPS);
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

	bl_labels_set(&labels, "k8s", "app", app);
	bl_labels_set(&labels, "k8s", "vm.kubevirt.io/name", name);
	check(bl_engine_put_endpoint(engine, &endpoint, &err), &err);
	bl_labels_clear(&labels);
}

static void put_namespaces(struct bl_engine *engine)
{
	for (unsigned int i = 0; i < NAMESPACES; i++) {
		bl_autofree char *text = bl_format("{\"kind\":\"Namespace\",\"metadata\":{"
						   "\"name\":\"ns-%u\",\"labels\":{\"env\":\"prod\""
						   "}}}",
						   i);

		put(engine, text);
	}
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
			 void (*change)(struct bl_engine *engine, unsigned int i,
					unsigned int generation),
			 unsigned int n_things, FILE *out)
{
	static double us[CHANGES];
	size_t n_endpoints = 0;

	for (unsigned int i = 0; i < CHANGES; i++) {
		double start;

		change(engine, i * 7919 % n_things, 2 + i);
		start = now_us();
		n_endpoints += update(engine);
		us[i] = now_us() - start;
	}
	qsort(us, CHANGES, sizeof(us[0]), compare);
	fprintf(out, "%-8s update us: p50 %.0f  p99 %.0f  max %.0f  (%.1f endpoints each)\n", what,
		us[CHANGES / 2], us[CHANGES * 99 / 100], us[CHANGES - 1],
		(double)n_endpoints / CHANGES);
}

static void print_rows(const struct bl_engine *engine, FILE *out)
{
	size_t n_rows = 0, most = 0, n_prefixes;
	const struct bl_ipcache_row *prefixes;

	for (unsigned int i = 0; i < ENDPOINTS; i++) {
		bl_autofree char *name = bl_format("vm-%u", i);
		size_t n = bl_engine_rows(engine, name)->n_items;

		n_rows += n;
		most = n > most ? n : most;
	}
	bl_engine_prefixes(engine, &prefixes, &n_prefixes);
	fprintf(out, "rows     %zu in all, at most %zu of one endpoint; %zu prefixes\n", n_rows,
		most, n_prefixes);
}

double policy_scale(FILE *out)
{
	const struct bl_engine_options options = {.node = "node-0"};
	bl_auto_engine struct bl_engine *engine = bl_engine_new(&options);
	size_t before = used_bytes(), with_peers;
	double start, compile_ms;

	put_namespaces(engine);
	update(engine);
	for (unsigned int i = 0; i < PEERS; i++)
		put_pod(engine, i, 1);
	update(engine);
	with_peers = used_bytes();
	fprintf(out, "peers    %.2f KiB each\n", (double)(with_peers - before) / 1024 / PEERS);
	for (unsigned int i = 0; i < ENDPOINTS; i++)
		put_endpoint(engine, i);
	for (unsigned int i = 0; i < POLICIES; i++)
		put_policy(engine, i, 1);
	start = now_us();
	update(engine);
	compile_ms = (now_us() - start) / 1e3;
	fprintf(out, "compile  %.1f ms\n", compile_ms);
	fprintf(out, "policies and endpoints  %.2f MiB\n",
		(double)(used_bytes() - with_peers) / 1024 / 1024);
	print_rows(engine, out);
	time_changes(engine, "policy", put_policy, POLICIES, out);
	time_changes(engine, "label", put_pod, PEERS, out);
	return compile_ms;
}
