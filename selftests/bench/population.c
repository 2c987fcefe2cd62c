// SPDX-License-Identifier: Apache-2.0
/* Documents of a cluster; see population.h. */
#include "population.h"

#include <assert.h>
#include <string.h>

#include <beeline/file.h>

#define APPS 40 /* of a namespace */

static struct cJSON *parsed(const char *text)
{
	struct cJSON *json = NULL;
	int r = bl_json_parse(text, strlen(text), &json, NULL);

	assert(r == 0);
	return json;
}

struct cJSON *population_namespace(unsigned int i)
{
	bl_autofree char *text =
		bl_format("{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{"
			  "\"name\":\"ns-%u\",\"labels\":{\"env\":\"prod\"}}}",
			  i);

	return parsed(text);
}

/* A pod as a cluster has them: the labels of its app, and some of its own. */
struct cJSON *population_pod(unsigned int i, unsigned int generation)
{
	unsigned int app = (i + generation) % APPS;
	bl_autofree char *text = bl_format(
		"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"namespace\":"
		"\"ns-%u\",\"name\":\"pod-%u\",\"labels\":{\"app\":\"app-%u\",\"app.kubernetes.io/"
		"name\":\"app-%u\","
		"\"app.kubernetes.io/instance\":\"app-%u-prod\",\"tier\":\"%s\","
		"\"version\":\"v%u\",\"vm.kubevirt.io/name\":\"vm-%u\",\"team\":\"team-%u\","
		"\"pod-template-hash\":\"abc%u\"}},\"spec\":{\"nodeName\":\"node-%u\","
		"\"serviceAccountName\":\"app-%u\",\"containers\":[{\"ports\":[{\"name\":\"http\","
		"\"containerPort\":8080},{\"name\":\"metrics\",\"containerPort\":9090}]}]},"
		"\"status\":{\"phase\":\"Running\",\"podIPs\":[{\"ip\":\"10.%u.%u.%u\"}]}}",
		i % POPULATION_NAMESPACES, i, app, app, app, i % 3 ? "front" : "back", generation,
		i, i % 7, i, i % 100, i % APPS, 16 + i / 65536, i / 256 % 256, i % 256);

	return parsed(text);
}

struct cJSON *population_policy(unsigned int i, unsigned int generation)
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
		i % POPULATION_NAMESPACES, i, i / POPULATION_NAMESPACES % APPS, (i + 1) % APPS,
		1000 + generation, 16 + i % 16, 16 + i % 16, i % 256,
		(i + 1) % POPULATION_NAMESPACES, i % APPS);

	return parsed(text);
}

unsigned int population_endpoint_namespace(unsigned int i)
{
	return i % POPULATION_NAMESPACES;
}

struct cJSON *population_endpoint_labels(unsigned int i)
{
	struct cJSON *labels = bl_json_object();
	bl_autofree char *app = bl_format("app-%u", i / POPULATION_NAMESPACES % APPS);
	bl_autofree char *name = bl_format("vm-%u", i);

	bl_json_set_string(labels, "app", app);
	bl_json_set_string(labels, "vm.kubevirt.io/name", name);
	return labels;
}
