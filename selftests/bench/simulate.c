// SPDX-License-Identifier: Apache-2.0
/* Two runs, with few flows and with many: the difference is what flows cost. See simulate.h. */
#include "simulate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>
#include <beeline/process.h>

#include "population.h"

#define PODS  1000
#define FEW   1000
#define MANY  201000
#define PRIME 7919

static int write_objects(const char *path, struct bl_err *err)
{
	bl_auto_json struct cJSON *list = bl_json_object();
	struct cJSON *items = bl_json_array();
	bl_autofree char *text = NULL;

	for (unsigned int i = 0; i < POPULATION_NAMESPACES; i++)
		bl_json_append(items, population_namespace(i));
	for (unsigned int i = 0; i < PODS; i++)
		bl_json_append(items, population_pod(i, 1));
	for (unsigned int i = 0; i < POPULATION_POLICIES; i++)
		bl_json_append(items, population_policy(i, 1));
	bl_json_set_string(list, "apiVersion", "v1");
	bl_json_set_string(list, "kind", "List");
	bl_json_set(list, "items", items);
	text = bl_json_print(list);
	return bl_file_write(path, text, strlen(text), 0600, err);
}

static int write_flows(const char *path, unsigned int n, struct bl_err *err)
{
	static const unsigned int ports[] = {80, 1001, 9005, 9090};
	FILE *file = fopen(path, "w");

	if (!file)
		return bl_fail_errno(err, -errno, "making '%s'", path);
	for (unsigned int i = 0; i < n; i++) {
		unsigned int src = i % PODS, dst = (unsigned int)((uint64_t)i * PRIME % PODS);

		fprintf(file,
			"{\"src\":\"ns-%u/pod-%u\",\"dst\":\"ns-%u/pod-%u\",\"protocol\":\"TCP\","
			"\"dport\":%u}\n",
			src % POPULATION_NAMESPACES, src, dst % POPULATION_NAMESPACES, dst,
			ports[i % 4]);
	}
	return fclose(file) == 0 ? 0 : bl_fail_errno(err, -errno, "writing '%s'", path);
}

static double children_s(void)
{
	struct rusage usage;

	getrusage(RUSAGE_CHILDREN, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int run(const char *program, const char *objects, const char *flows, double *ret_s,
	       struct bl_err *err)
{
	const char *argv[] = {program, "policy", "simulate", "-f",  objects,
			      "-o",    "json",   "--flows",  flows, NULL};
	struct bl_process_spec spec = BL_PROCESS_SPEC_INIT;
	bl_autoclose int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	double before = children_s();
	int r;

	spec.argv = argv;
	spec.log_fd = null_fd;
	r = bl_process_run(&spec, NULL, err);
	*ret_s = children_s() - before;
	return r;
}

int simulate_measure(const char *program, const struct place *place, double *ret_flows_per_s,
		     struct bl_err *err)
{
	bl_autofree char *objects = bl_format("%s/objects.json", place->dir);
	bl_autofree char *few = bl_format("%s/few.jsonl", place->dir);
	bl_autofree char *many = bl_format("%s/many.jsonl", place->dir);
	double few_s, many_s;
	int r = write_objects(objects, err);

	if (r == 0)
		r = write_flows(few, FEW, err);
	if (r == 0)
		r = write_flows(many, MANY, err);
	if (r == 0)
		r = run(program, objects, few, &few_s, err);
	if (r == 0)
		r = run(program, objects, many, &many_s, err);
	if (r < 0)
		return bl_wrap(err, "simulating flows");
	*ret_flows_per_s = (MANY - FEW) / (many_s - few_s);
	return 0;
}
