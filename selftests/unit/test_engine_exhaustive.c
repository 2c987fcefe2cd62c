// SPDX-License-Identifier: Apache-2.0
/*
 * Every policy of two rules over a small universe, judged by the engine and by the reference: all
 * combinations of tier, verdict, peer and ports for each of the two, with and without default deny, asked
 * for every peer and port that tells them apart. One engine goes through all of them, so each is also an
 * update of the one before.
 */
#include "unit_policy.h"

static struct bl_err err;

static const char *const objects[] = {
	"{kind: Pod, metadata: {namespace: a, name: web, labels: {app: web}},"
	" status: {podIP: 10.0.0.1}}",
	"{kind: Pod, metadata: {namespace: a, name: db, labels: {app: db}},"
	" status: {podIP: 10.0.0.2}}",
};

static const char *const peers[] = {"a/db", "10.0.0.9", "10.1.0.9", "8.8.8.8", "host"};
static const struct {
	uint8_t protocol;
	uint16_t port;
} packets[] = {{IPPROTO_TCP, 80},
	       {IPPROTO_TCP, 81},
	       {IPPROTO_TCP, 90},
	       {IPPROTO_UDP, 80},
	       {IPPROTO_ICMP, 8}};

enum { TIERS = 2, VERDICTS = 3, PEERS = 5, PORTS = 4 };
#define KINDS (TIERS * VERDICTS * PEERS * PORTS)

/* Of a kind of rules: one digit per dimension. */
static unsigned int digit(unsigned int *kind, unsigned int base)
{
	unsigned int value = *kind % base;

	*kind /= base;
	return value;
}

static void set_peers(struct bl_policy_rule *rule, unsigned int which)
{
	struct bl_peer *peer;

	rule->any_peer = which == 0;
	if (which == 0 || which == 4) /* whoever; nobody */
		return;
	peer = rule->peers = bl_alloc(sizeof(*peer));
	rule->n_peers = 1;
	if (which == 1) {
		bl_selector_require(&peer->selector, NULL, "app", "db");
		return;
	}
	peer->kind = BL_PEER_CIDR;
	peer->cidr = prefix_of("10.0.0.0/8");
	if (which == 3) {
		peer->except = bl_alloc(sizeof(*peer->except));
		peer->except[peer->n_except++] = prefix_of("10.1.0.0/16");
	}
}

static void set_ports(struct bl_policy_rule *rule, unsigned int which)
{
	rule->any_layer4 = which == 0;
	if (which == 0)
		return;
	rule->layer4 = bl_alloc(sizeof(*rule->layer4));
	rule->n_layer4 = 1;
	rule->layer4->protocol = IPPROTO_TCP;
	rule->layer4->any_port = which == 1;
	rule->layer4->first = which == 1 ? 0 : 80;
	rule->layer4->last = which == 1 ? UINT16_MAX : which == 2 ? 81 : 80;
}

static void set_spec(struct bl_policy_spec *spec, unsigned int kind, bool deny)
{
	struct bl_policy_rule *rule = bl_alloc(sizeof(*rule));

	bl_selector_require(&spec->subject, "k8s", "app", "web");
	spec->tier = digit(&kind, TIERS) ? BL_TIER_ADMIN : BL_TIER_NORMAL;
	spec->default_deny[BL_INGRESS] = deny;
	spec->rules = rule;
	spec->n_rules = 1;
	rule->direction = BL_INGRESS;
	rule->verdict = (enum bl_rule_verdict)digit(&kind, VERDICTS);
	rule->path = bl_strdup("rule");
	set_peers(rule, digit(&kind, PEERS));
	set_ports(rule, digit(&kind, PORTS));
}

static struct bl_policy *make(unsigned int first, unsigned int second, bool deny)
{
	struct bl_policy *policy = bl_alloc(sizeof(*policy));

	policy->kind = bl_strdup("CiliumClusterwideNetworkPolicy");
	policy->namespace = bl_strdup("");
	policy->name = bl_strdup("x");
	policy->n_specs = 2;
	policy->specs = bl_alloc(2 * sizeof(*policy->specs));
	set_spec(&policy->specs[0], first, deny);
	set_spec(&policy->specs[1], second, false);
	return policy;
}

static enum bl_reference_verdict ask_engine(const struct bl_engine *engine, const char *who,
					    size_t packet)
{
	const struct bl_policy_rows *rows = bl_engine_rows(engine, "a/web");
	const struct bl_policy_row *row;
	struct bl_engine_party party;

	assert_int_equal(bl_engine_find(engine, who, "a/web", &party, &err), 0);
	row = bl_policy_lookup(rows, party.identity, BL_INGRESS, packets[packet].protocol,
			       packets[packet].port);
	if (!row || row->entry.deny)
		return BL_REFERENCE_DENIED;
	return rows->default_deny[BL_INGRESS] ? BL_REFERENCE_ALLOWED : BL_REFERENCE_UNENFORCED;
}

static size_t compare(const struct bl_engine *engine, const struct bl_reference *reference,
		      unsigned int first, unsigned int second)
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
		for (size_t k = 0; k < sizeof(packets) / sizeof(packets[0]); k++, n++) {
			struct bl_reference_answer answer;

			assert_int_equal(bl_reference_judge(reference, "a/web", BL_INGRESS,
							    peers[i], packets[k].protocol,
							    packets[k].port, &answer, &err),
					 0);
			if (ask_engine(engine, peers[i], k) != answer.verdict)
				fail_msg("rules %u and %u, from %s, packet %zu: not %d", first,
					 second, peers[i], k, answer.verdict);
		}
	}
	return n;
}

static void put_objects(struct bl_engine *engine, struct cJSON *const *documents)
{
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(bl_engine_put(engine, bl_json_first(documents[i]), &err), 0);
}

static size_t judge(struct bl_engine *engine, struct cJSON *const *documents, unsigned int first,
		    unsigned int second, bool deny)
{
	const struct bl_engine_options options = {.all_are_endpoints = true};
	bl_auto_reference struct bl_reference *reference = bl_reference_new(&options);
	struct bl_engine_changes changes = {.again = true};

	for (size_t i = 0; i < 2; i++)
		assert_int_equal(bl_reference_put(reference, bl_json_first(documents[i]), &err), 0);
	bl_reference_put_policy(reference, make(first, second, deny));
	bl_engine_put_policy(engine, make(first, second, deny));
	while (changes.again)
		assert_int_equal(bl_engine_update(engine, &changes, &err), 0);
	return compare(engine, reference, first, second);
}

static void test_every_policy_of_two_rules(void **state)
{
	const struct bl_engine_options options = {.all_are_endpoints = true};
	bl_auto_engine struct bl_engine *engine = bl_engine_new(&options);
	struct cJSON *documents[] = {parse_yaml(objects[0]), parse_yaml(objects[1])};
	size_t n_cases = 0;

	put_objects(engine, documents);
	for (unsigned int first = 0; first < KINDS; first++)
		for (unsigned int second = first; second < KINDS; second++)
			n_cases += judge(engine, documents, first, second, (first + second) % 5);
	bl_json_free(documents[0]);
	bl_json_free(documents[1]);
	print_message("# %zu cases\n", n_cases);
	assert_int_equal(n_cases, KINDS * (KINDS + 1) / 2 * 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_policy_of_two_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
