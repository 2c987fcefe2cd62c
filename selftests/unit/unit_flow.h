/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What policies mean: YAML in, a flow's verdict out, from the engine and from the reference. A flow reads
 * "a/web < b/db tcp/80 denied": at a/web, from b/db; '>' is to.
 */
#pragma once

#include "unit_policy.h"

static struct bl_err err;

/* Who is there: two namespaces, pods on two nodes, a VM, an API server on a node and one outside. */
static const char *const people[] = {
	"{kind: Namespace, metadata: {name: a, labels: {team: red}}}",
	"{kind: Namespace, metadata: {name: b, labels: {team: blue}}}",
	"{kind: Node, metadata: {name: n0, labels: {rack: r0}}, status: {addresses:"
	" [{type: InternalIP, address: 192.168.0.10}, {type: Hostname, address: n0}]}}",
	"{kind: Node, metadata: {name: n1, labels: {rack: r1}}, status: {addresses:"
	" [{type: InternalIP, address: 192.168.0.11}]}}",
	"{kind: Node, metadata: {name: n2, labels: {rack: r1}}, status: {addresses:"
	" [{type: InternalIP, address: 192.168.0.12}]}}",
	"{kind: EndpointSlice, metadata: {name: kubernetes, namespace: default, labels:"
	" {kubernetes.io/service-name: kubernetes}}, addressType: IPv4, endpoints:"
	" [{addresses: [192.168.0.11]}, {addresses: [203.0.113.9]}]}",
	"{kind: Pod, metadata: {namespace: a, name: web, labels: {app: web, pod-template-hash: x}},"
	" spec: {nodeName: n0, serviceAccountName: robot, containers: [{ports: [{name: http,"
	" containerPort: 80}]}]}, status: {podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}}",
	"{kind: Pod, metadata: {namespace: a, name: db, labels: {app: db}}, spec: {nodeName: n1,"
	" containers: [{ports: [{name: sql, containerPort: 5432}]}]}, status: {podIP: 10.0.0.2}}",
	"{kind: Pod, metadata: {namespace: b, name: web, labels: {app: web}}, spec: {nodeName: n1,"
	" containers: [{ports: [{name: http, containerPort: 8080}]}]}, status: {podIP: 10.0.1.1}}",
	"{kind: VirtualMachineInstance, metadata: {namespace: b, name: vm, labels: {app: vm}},"
	" spec: {networks: [{name: pod, pod: {}}, {name: far, multus: {networkName: x}}],"
	" domain: {devices: {interfaces: [{name: pod, ports: [{name: ssh, port: 22}]}]}}},"
	" status: {nodeName: n0, interfaces: [{name: far, ipAddress: 10.9.9.9}, {name: pod,"
	" ipAddresses: [10.0.1.7, 'fd00::7']}]}}",
	"{kind: Pod, metadata: {namespace: a, name: agent, labels: {app: web}}, spec: {nodeName: "
	"n0,"
	" hostNetwork: true}, status: {podIP: 192.168.0.10}}",
	"{kind: Pod, metadata: {namespace: a, name: done, labels: {app: web}}, status: {phase:"
	" Succeeded, podIP: 10.0.0.99}}",
};

struct stage {
	struct bl_engine *engine;
	struct bl_reference *reference;
};

static inline void put_all(const struct stage *stage, const char *yaml)
{
	bl_auto_json struct cJSON *list = parse_yaml(yaml);

	bl_json_for_each (document, list) {
		if (bl_engine_put(stage->engine, document, &err) < 0 ||
		    bl_reference_put(stage->reference, document, &err) < 0)
			fail_msg("%s", err.message);
	}
}

static inline struct stage stage_new(const char *yaml)
{
	const struct bl_engine_options options = {.all_are_endpoints = true};
	struct stage stage = {bl_engine_new(&options), bl_reference_new(&options)};
	struct bl_engine_changes changes;

	for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++)
		put_all(&stage, people[i]);
	put_all(&stage, yaml);
	assert_int_equal(bl_engine_update(stage.engine, &changes, &err), 0);
	return stage;
}

static inline void stage_free(struct stage *stage)
{
	bl_engine_free(stage->engine);
	bl_reference_free(stage->reference);
}

struct flow {
	char at[64], who[64];
	enum bl_policy_direction direction;
	uint8_t protocol;
	uint16_t port;
	enum bl_reference_verdict verdict;
};

static const char *const verdicts[] = {[BL_REFERENCE_UNENFORCED] = "unenforced",
				       [BL_REFERENCE_ALLOWED] = "allowed",
				       [BL_REFERENCE_DENIED] = "denied"};

static inline uint8_t protocol_of(const char *name)
{
	static const struct {
		const char *name;
		uint8_t number;
	} protocols[] = {{"tcp", IPPROTO_TCP},   {"udp", IPPROTO_UDP},       {"sctp", IPPROTO_SCTP},
			 {"icmp", IPPROTO_ICMP}, {"icmpv6", IPPROTO_ICMPV6}, {"gre", IPPROTO_GRE}};
	size_t i = 0;

	while (strcmp(protocols[i].name, name) != 0)
		i++;
	return protocols[i].number;
}

static inline struct flow read_flow(const char *text)
{
	char direction, protocol[16], verdict[16];
	unsigned int port;
	struct flow flow;

	assert_int_equal(sscanf(text, "%63s %c %63s %15[a-z6]/%u %15s", flow.at, &direction,
				flow.who, protocol, &port, verdict),
			 6);
	flow.direction = direction == '<' ? BL_INGRESS : BL_EGRESS;
	flow.protocol = protocol_of(protocol);
	flow.port = (uint16_t)port;
	flow.verdict = BL_REFERENCE_UNENFORCED;
	while (strcmp(verdicts[flow.verdict], verdict) != 0)
		flow.verdict++;
	return flow;
}

static inline enum bl_reference_verdict ask_engine(const struct bl_engine *engine,
						   const struct flow *flow)
{
	const struct bl_policy_rows *rows = bl_engine_rows(engine, flow->at);
	const struct bl_policy_row *row;
	struct bl_engine_party party;

	assert_int_equal(bl_engine_find(engine, flow->who, flow->at, &party, &err), 0);
	row = bl_policy_lookup(rows, party.identity, flow->direction, flow->protocol, flow->port);
	if (!row || row->entry.deny)
		return BL_REFERENCE_DENIED;
	return rows->default_deny[flow->direction] ? BL_REFERENCE_ALLOWED : BL_REFERENCE_UNENFORCED;
}

static inline void check_flow(const struct stage *stage, const char *text)
{
	struct flow flow = read_flow(text);
	enum bl_reference_verdict verdict = ask_engine(stage->engine, &flow);
	struct bl_reference_answer answer;

	assert_int_equal(bl_reference_judge(stage->reference, flow.at, flow.direction, flow.who,
					    flow.protocol, flow.port, &answer, &err),
			 0);
	if (verdict != flow.verdict || answer.verdict != flow.verdict)
		fail_msg("%s: engine says %s, reference %s", text, verdicts[verdict],
			 verdicts[answer.verdict]);
}

/* The policies, then flows up to NULL. */
static inline void check_flows(const char *yaml, const char *const *flows)
{
	struct stage stage = stage_new(yaml);

	for (; *flows; flows++)
		check_flow(&stage, *flows);
	stage_free(&stage);
}

#define FLOWS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* CiliumNetworkPolicy in namespace a about its app=web; the rest of the spec follows. */
#define CNP(name, rest)                                                                       \
	"---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {namespace: a, " \
	"name: " name "}\nspec: {endpointSelector: {matchLabels: {app: web}}, " rest "}\n"
#define CCNP(name, rest)                                                                   \
	"---\napiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\nmetadata: {" \
	"name: " name "}\nspec: {" rest "}\n"
#define NP(name, rest)                                                                       \
	"---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {namespace: " \
	"a, name: " name "}\nspec: {" rest "}\n"
#define TIER(name, tier, priority, rest)                                                   \
	"---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n" \
	"metadata: {name: " name "}\nspec: {tier: " tier ", priority: " #priority          \
	", subject: {namespaces: {}}, " rest "}\n"

#define UNIT_TEST(name) cmocka_unit_test(test_##name)
