// SPDX-License-Identifier: Apache-2.0
/* Flows: from JSON, with every mistake told by its field; and who stands at their ends. */
#include <errno.h>

#include <beeline/flow.h>

#include "unit_policy.h"

static struct bl_err err;

static int decode(const char *text, struct bl_flow *ret_flow)
{
	bl_auto_json struct cJSON *json = NULL;

	if (bl_json_parse(text, strlen(text), &json, &err) < 0)
		fail_msg("%s: %s", text, err.message);
	return bl_flow_decode(json, ret_flow, &err);
}

static void test_reads(void **state)
{
	static const struct {
		const char *json;
		const char *src, *dst;
		uint8_t protocol;
		uint16_t port;
	} flows[] = {
		{"{\"src\":\"a/b\",\"dst\":\"host\",\"protocol\":\"TCP\",\"dport\":80,\"sport\":1}",
		 "a/b", "host", IPPROTO_TCP, 80},
		{"{\"src\":\"10.0.0.1\",\"dst\":\"10.0.0.2\",\"protocol\":\"UDP\",\"dport\":65535,"
		 "\"icmpType\":null}",
		 "10.0.0.1", "10.0.0.2", IPPROTO_UDP, 65535},
		{"{\"src\":\"fd00::1\",\"dst\":\"a/b\",\"protocol\":\"SCTP\",\"dport\":0}",
		 "fd00::1", "a/b", IPPROTO_SCTP, 0},
		{"{\"src\":\"a/b\",\"dst\":\"a/c\",\"protocol\":\"ICMP\"}", "a/b", "a/c",
		 IPPROTO_ICMP, 8},
		{"{\"src\":\"a/b\",\"dst\":\"a/c\",\"protocol\":\"ICMPv6\"}", "a/b", "a/c",
		 IPPROTO_ICMPV6, 128},
		{"{\"src\":\"a/b\",\"dst\":\"a/c\",\"protocol\":\"ICMP\",\"icmpType\":0}", "a/b",
		 "a/c", IPPROTO_ICMP, 0},
		{"{\"src\":\"a/b\",\"dst\":\"a/c\",\"protocol\":17,\"dport\":53}", "a/b", "a/c",
		 IPPROTO_UDP, 53},
		{"{\"src\":\"a/b\",\"dst\":\"a/c\",\"protocol\":\"47\"}", "a/b", "a/c", 47, 0},
		{"{\"src\":\"a/b\",\"dst\":\"a/c\",\"protocol\":0}", "a/b", "a/c", 0, 0},
	};

	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++) {
		bl_auto_flow struct bl_flow flow = BL_FLOW_INIT;

		if (decode(flows[i].json, &flow) < 0)
			fail_msg("%s: %s", flows[i].json, err.message);
		assert_string_equal(flow.src, flows[i].src);
		assert_string_equal(flow.dst, flows[i].dst);
		assert_int_equal(flow.protocol, flows[i].protocol);
		assert_int_equal(flow.port, flows[i].port);
	}
}

#define ENDS "\"src\":\"a/b\",\"dst\":\"a/c\","

static void test_refuses(void **state)
{
	static const struct {
		const char *json, *says;
	} mistakes[] = {
		{"[]", "expected an object, got array"},
		{"{}", "src: missing"},
		{"{\"src\":\"a/b\"}", "dst: missing"},
		{"{" ENDS "\"dport\":1}", "protocol: missing"},
		{"{" ENDS "\"protocol\":\"TCP\"}", "dport: missing; this protocol has ports"},
		{"{" ENDS "\"protocol\":6}", "dport: missing; this protocol has ports"},
		{"{" ENDS "\"protocol\":\"TCP\",\"dport\":65536}",
		 "dport: 65536 is not within 0 and 65535"},
		{"{" ENDS "\"protocol\":\"TCP\",\"dport\":-1}",
		 "dport: -1 is not within 0 and 65535"},
		{"{" ENDS "\"protocol\":\"TCP\",\"dport\":1.5}",
		 "dport: expected integer, got 1.5"},
		{"{" ENDS "\"protocol\":\"TCP\",\"dport\":\"80\"}",
		 "dport: expected integer, got string"},
		{"{" ENDS "\"protocol\":\"TCP\",\"dport\":80,\"sport\":70000}",
		 "sport: 70000 is not within 0 and 65535"},
		{"{" ENDS "\"protocol\":\"TCP\",\"dport\":80,\"icmpType\":8}",
		 "icmpType: the protocol is not ICMP"},
		{"{" ENDS "\"protocol\":\"ICMP\",\"dport\":80}",
		 "dport: this protocol has no ports"},
		{"{" ENDS "\"protocol\":\"ICMP\",\"sport\":80}",
		 "sport: this protocol has no ports"},
		{"{" ENDS "\"protocol\":\"ICMP\",\"icmpType\":256}",
		 "icmpType: 256 is not within 0 and 255"},
		{"{" ENDS "\"protocol\":47,\"icmpType\":1}", "icmpType: the protocol is not ICMP"},
		{"{" ENDS "\"protocol\":\"HTTP\"}",
		 "protocol: expected TCP, UDP, SCTP, ICMP, ICMPv6 or a number up to 255, got "
		 "\"HTTP\""},
		{"{" ENDS "\"protocol\":256}",
		 "protocol: expected TCP, UDP, SCTP, ICMP, ICMPv6 or a number up to 255, got 256"},
		{"{" ENDS "\"protocol\":1e300}",
		 "protocol: expected TCP, UDP, SCTP, ICMP, ICMPv6 or a number up to 255, got "
		 "1e+300"},
		{"{" ENDS "\"protocol\":true}",
		 "protocol: expected a name or a number, got boolean"},
		{"{" ENDS "\"protocol\":\"TCP\",\"dport\":1,\"port\":2}",
		 "port: unknown field (did you mean dport?)"},
		{"{\"src\":\"web\",\"dst\":\"a/c\",\"protocol\":\"ICMP\"}",
		 "src: expected \"namespace/name\", an address or \"host\", got \"web\""},
		{"{\"src\":\"a/b\",\"dst\":\"a/\",\"protocol\":\"ICMP\"}",
		 "dst: expected \"namespace/name\", an address or \"host\", got \"a/\""},
		{"{\"src\":\"/b\",\"dst\":\"a/b\",\"protocol\":\"ICMP\"}",
		 "src: expected \"namespace/name\", an address or \"host\", got \"/b\""},
		{"{\"src\":\"a/b\",\"dst\":\"10.0.0.300\",\"protocol\":\"ICMP\"}",
		 "dst: expected \"namespace/name\", an address or \"host\", got \"10.0.0.300\""},
		{"{\"src\":1,\"dst\":\"a/b\",\"protocol\":\"ICMP\"}",
		 "src: expected string, got number"},
		{"{\"src\":\"10.0.0.1\",\"dst\":\"fd00::1\",\"protocol\":\"ICMP\"}",
		 "dst: fd00::1 is not of the family of src, 10.0.0.1"},
	};

	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		struct bl_flow flow = BL_FLOW_INIT;

		assert_int_equal(decode(mistakes[i].json, &flow), -EINVAL);
		assert_string_equal(err.message, mistakes[i].says);
		assert_null(flow.src);
	}
}

/* ---- both evaluators ----------------------------------------------------------------------------- */

struct pair {
	struct bl_engine *engine;
	struct bl_reference *reference;
};

static struct pair pair_new(const char *yaml)
{
	const struct bl_engine_options options = {.all_are_endpoints = true};
	struct pair pair = {bl_engine_new(&options), bl_reference_new(&options)};
	bl_auto_json struct cJSON *list = parse_yaml(yaml);
	struct bl_engine_changes changes = {.again = true};

	bl_json_for_each (document, list) {
		assert_int_equal(bl_engine_put(pair.engine, document, &err), 0);
		assert_int_equal(bl_reference_put(pair.reference, document, &err), 0);
	}
	while (changes.again)
		assert_int_equal(bl_engine_update(pair.engine, &changes, &err), 0);
	return pair;
}

static void pair_free(struct pair *pair)
{
	bl_engine_free(pair->engine);
	bl_reference_free(pair->reference);
}

static void check_answer(const struct bl_flow_answer *answer, const char *says)
{
	const struct bl_flow_end *egress = &answer->ends[BL_EGRESS];
	const struct bl_flow_end *ingress = &answer->ends[BL_INGRESS];
	bl_autofree char *text =
		bl_format("%s (%s), %s (%s): %s", bl_flow_verdict_name(egress->verdict),
			  egress->rule, bl_flow_verdict_name(ingress->verdict), ingress->rule,
			  bl_flow_verdict_name(bl_flow_verdict(answer)));

	assert_string_equal(text, says);
}

static void check(const struct pair *pair, const char *json, const char *says)
{
	bl_auto_flow struct bl_flow flow = BL_FLOW_INIT;
	bl_auto_flow_answer struct bl_flow_answer answer = BL_FLOW_ANSWER_INIT;
	bl_auto_flow_answer struct bl_flow_answer again = BL_FLOW_ANSWER_INIT;

	assert_int_equal(decode(json, &flow), 0);
	assert_int_equal(bl_flow_judge(pair->engine, &flow, &answer, &err), 0);
	check_answer(&answer, says);
	assert_int_equal(bl_flow_judge_by_reference(pair->reference, &flow, &again, &err), 0);
	check_answer(&again, says);
}

static const char world[] =
	"{kind: Node, metadata: {name: n0}, status: {addresses: [{type: InternalIP, address: "
	"192.168.0.10}]}}\n---\n"
	"{kind: Pod, metadata: {namespace: a, name: web, labels: {app: web}}, spec: {nodeName: n0},"
	" status: {podIP: 10.0.0.1}}\n---\n"
	"{kind: Pod, metadata: {namespace: a, name: db, labels: {app: db}}, spec: {nodeName: n1},"
	" status: {podIP: 10.0.0.2}}\n---\n"
	"{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {namespace: a, name: p},"
	" spec: {endpointSelector: {matchLabels: {app: web}}, ingress: [{fromEndpoints: [{}]}],"
	" ingressDeny: [{toPorts: [{ports: [{port: '22'}]}]}]}}\n";

#define FLOW(src, dst, port) \
	"{\"src\":\"" src "\",\"dst\":\"" dst "\",\"protocol\":\"TCP\",\"dport\":" #port "}"
#define OPEN "unenforced (no policy enforces), "
#define NONE "unenforced (no managed endpoint), "

/* Each end by its own rules and as its own node sees the other; the verdict of both. */
static void test_judges(void **state)
{
	struct pair pair = pair_new(world);

	check(&pair, FLOW("a/db", "a/web", 80), OPEN "allowed (a/p spec.ingress[0]): allowed");
	check(&pair, FLOW("10.0.0.2", "10.0.0.1", 80),
	      OPEN "allowed (a/p spec.ingress[0]): allowed");
	check(&pair, FLOW("a/db", "a/web", 22), OPEN "denied (a/p spec.ingressDeny[0]): denied");
	check(&pair, FLOW("8.8.8.8", "a/web", 80), NONE "denied (default deny): denied");
	check(&pair, FLOW("host", "a/web", 80), NONE "allowed (the node may come in): allowed");
	check(&pair, FLOW("192.168.0.10", "a/web", 80),
	      NONE "allowed (the node may come in): allowed");
	check(&pair, FLOW("a/web", "a/db", 80), OPEN "unenforced (no policy enforces): allowed");
	check(&pair, FLOW("a/web", "8.8.8.8", 80),
	      OPEN "unenforced (no managed endpoint): allowed");
	pair_free(&pair);
}

static void check_stranger(const struct pair *pair, const char *json, const char *says)
{
	bl_auto_flow struct bl_flow flow = BL_FLOW_INIT;
	struct bl_flow_answer answer = BL_FLOW_ANSWER_INIT;

	assert_int_equal(decode(json, &flow), 0);
	assert_int_equal(bl_flow_judge(pair->engine, &flow, &answer, &err), -ENOENT);
	assert_string_equal(err.message, says);
	assert_int_equal(bl_flow_judge_by_reference(pair->reference, &flow, &answer, &err),
			 -ENOENT);
	assert_string_equal(err.message, says);
	assert_null(answer.ends[BL_EGRESS].rule);
}

static void test_strangers(void **state)
{
	struct pair pair = pair_new(world);

	check_stranger(&pair, FLOW("a/none", "a/web", 80), "src: there is no VM or pod 'a/none'");
	check_stranger(&pair, FLOW("a/web", "10.0.0.0/8", 80),
		       "dst: there is no VM or pod '10.0.0.0/8'");
	pair_free(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_judges),
		cmocka_unit_test(test_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
