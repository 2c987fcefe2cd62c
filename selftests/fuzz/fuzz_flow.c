// SPDX-License-Identifier: Apache-2.0
/* Flows: whatever the line, a flow or a clear sentence; and both evaluators give the same answer to it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/flow.h>
#include <beeline/yaml.h>

static const char world[] =
	"{kind: Node, metadata: {name: n0}, status: {addresses: [{type: InternalIP, address: "
	"192.168.0.10}]}}\n---\n"
	"{kind: Pod, metadata: {namespace: a, name: web, labels: {app: web}}, spec: {nodeName: n0,"
	" containers: [{ports: [{name: http, containerPort: 80}]}]}, status: {podIPs: [{ip: "
	"10.0.0.1}, {ip: 'fd00::1'}]}}\n---\n"
	"{kind: VirtualMachineInstance, metadata: {namespace: b, name: vm, labels: {app: vm}},"
	" status: {nodeName: n1}}\n---\n"
	"{kind: Pod, metadata: {namespace: b, name: agent}, spec: {hostNetwork: true, nodeName: "
	"n0}}\n---\n"
	"{apiVersion: cilium.io/v2, kind: CiliumClusterwideNetworkPolicy, metadata: {name: p},"
	" spec: {endpointSelector: {}, ingress: [{fromEndpoints: [{matchLabels: {app: vm}}],"
	" toPorts: [{ports: [{port: http}, {port: '1000', endPort: 3000}]}]}, {icmps: [{fields: "
	"[{type: 8}]}]}], egressDeny: [{toCIDR: [198.51.0.0/16]}], egress: [{toEntities: [all]}]}}";

static struct bl_engine *engine;
static struct bl_reference *reference;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct bl_engine_options options = {.all_are_endpoints = true};
	bl_auto_json struct cJSON *documents = NULL;
	struct bl_engine_changes changes = {.again = true};

	engine = bl_engine_new(&options);
	reference = bl_reference_new(&options);
	if (bl_yaml_parse(world, strlen(world), &documents, NULL) < 0)
		abort();
	bl_json_for_each (document, documents)
		if (bl_engine_put(engine, document, NULL) < 0 ||
		    bl_reference_put(reference, document, NULL) < 0)
			abort();
	while (changes.again)
		if (bl_engine_update(engine, &changes, NULL) < 0)
			abort();
	return 0;
}

static void compare(const struct bl_flow *flow)
{
	bl_auto_flow_answer struct bl_flow_answer one = BL_FLOW_ANSWER_INIT;
	bl_auto_flow_answer struct bl_flow_answer other = BL_FLOW_ANSWER_INIT;
	struct bl_err err = BL_ERR_INIT;
	int r = bl_flow_judge(engine, flow, &one, &err);

	if (r != bl_flow_judge_by_reference(reference, flow, &other, NULL) ||
	    (r < 0 && !*err.message))
		abort();
	for (int i = 0; r == 0 && i < BL_POLICY_DIRECTIONS; i++)
		if (one.ends[i].verdict != other.ends[i].verdict ||
		    strcmp(one.ends[i].rule, other.ends[i].rule) != 0)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bl_auto_json struct cJSON *json = NULL;
	bl_auto_flow struct bl_flow flow = BL_FLOW_INIT;
	struct bl_err err = BL_ERR_INIT;

	if (bl_json_parse((const char *)data, size, &json, NULL) < 0)
		return 0;
	if (bl_flow_decode(json, &flow, &err) == 0)
		compare(&flow);
	else if (!*err.message)
		abort();
	return 0;
}
