// SPDX-License-Identifier: Apache-2.0
/* What a change concerns, what it leaves alone, and what the entries look like. */
#include <arpa/inet.h>
#include <errno.h>

#include "unit_engine.h"
#include "unit_held.h"

static void test_a_policy_concerns_whom_it_selects(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();

	put_endpoint(engine, "one", "web", "10.0.0.1", 0);
	put_endpoint(engine, "two", "db", "10.0.0.2", 0);
	update(engine, "one two");
	update(engine, "");
	put(engine, UNIT_CNP("x", "ingress: [{fromEndpoints: [{matchLabels: {app: db}}]}]"));
	update(engine, "one");
	judges(engine, "one", BL_INGRESS, "10.0.0.2", 80, "allowed");
	judges(engine, "one", BL_INGRESS, "8.8.8.8", 80, "denied");
	put(engine, UNIT_CNP("x", "ingress: [{fromEndpoints: [{matchLabels: {app: db}}]}]"));
	update(engine, "");
	bl_engine_remove(engine, "CiliumNetworkPolicy", "b", "x");
	bl_engine_remove(engine, "NetworkPolicy", "a", "x");
	update(engine, "");
	bl_engine_remove(engine, "CiliumNetworkPolicy", "a", "x");
	update(engine, "one");
	judges(engine, "one", BL_INGRESS, "8.8.8.8", 80, "unenforced");
}

static void test_a_peer_concerns_whose_rules_speak_of_it(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();

	put_endpoint(engine, "one", "web", "10.0.0.1", 0);
	put_endpoint(engine, "two", "idle", "10.0.0.2", 0);
	put(engine, UNIT_CNP("x", "ingress: [{fromEndpoints: [{matchLabels: {app: db}}]}]"));
	update(engine, "one two");
	put(engine, UNIT_POD("a", "p", "cache", "10.0.0.7"));
	update(engine, "");
	put(engine, UNIT_POD("a", "p", "db", "10.0.0.7"));
	update(engine, "one");
	put(engine, UNIT_POD("a", "q", "db", "10.0.0.8"));
	update(engine, "");
	judges(engine, "one", BL_INGRESS, "10.0.0.8", 80, "allowed");
	put(engine, UNIT_POD("a", "p", "cache", "10.0.0.7"));
	update(engine, "");
	judges(engine, "one", BL_INGRESS, "10.0.0.7", 80, "denied");
	bl_engine_remove(engine, "Pod", "a", "q");
	update(engine, "one");
	judges(engine, "one", BL_INGRESS, "10.0.0.8", 80, "denied");
}

static void test_an_endpoint_that_is_relabelled_changes_its_policy(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();

	put_endpoint(engine, "one", "web", "10.0.0.1", 0);
	put(engine, UNIT_CNP("x", "ingress: [{}]"));
	update(engine, "one");
	judges(engine, "one", BL_INGRESS, "8.8.8.8", 80, "denied");
	put_endpoint(engine, "one", "db", "10.0.0.1", 0);
	update(engine, "one");
	judges(engine, "one", BL_INGRESS, "8.8.8.8", 80, "unenforced");
}

static void test_groups_and_services_are_followed(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();

	put_endpoint(engine, "one", "web", "10.0.0.1", 0);
	put(engine, UNIT_CNP("x", "egress: [{toCIDRSet: [{cidrGroupRef: g}]}, {toServices: "
				  "[{k8sService: {serviceName: s, namespace: b}}]}]")
			    UNIT_POD("b", "p", "db", "10.0.0.9"));
	update(engine, "one");
	judges(engine, "one", BL_EGRESS, "8.8.8.8", 80, "denied");
	put(engine,
	    "{kind: CiliumCIDRGroup, metadata: {name: g}, spec: {externalCIDRs: [8.8.8.0/24]}}");
	update(engine, "one");
	judges(engine, "one", BL_EGRESS, "8.8.8.8", 80, "allowed");
	judges(engine, "one", BL_EGRESS, "10.0.0.9", 80, "denied");
	put(engine,
	    "{kind: Service, metadata: {namespace: b, name: s}, spec: {selector: {app: db}}}");
	update(engine, "one");
	judges(engine, "one", BL_EGRESS, "10.0.0.9", 80, "allowed");
	put(engine,
	    "{kind: CiliumCIDRGroup, metadata: {name: g}, spec: {externalCIDRs: [9.9.9.0/24]}}");
	update(engine, "one");
	judges(engine, "one", BL_EGRESS, "8.8.8.8", 80, "denied");
	judges(engine, "one", BL_EGRESS, "9.9.9.9", 80, "allowed");
	put(engine, "{kind: Service, metadata: {namespace: b, name: s}, spec: {}}");
	put(engine, "{kind: EndpointSlice, metadata: {namespace: b, name: s, labels: "
		    "{kubernetes.io/service-name: s}}, endpoints: [{addresses: [7.7.7.7]}]}");
	update(engine, "one");
	judges(engine, "one", BL_EGRESS, "10.0.0.9", 80, "denied");
	judges(engine, "one", BL_EGRESS, "7.7.7.7", 80, "allowed");
	put(engine, "{kind: EndpointSlice, metadata: {namespace: b, name: s, labels: "
		    "{kubernetes.io/service-name: s}}, endpoints: [{addresses: [7.7.7.8]}]}");
	update(engine, "one");
	judges(engine, "one", BL_EGRESS, "7.7.7.7", 80, "denied");
	judges(engine, "one", BL_EGRESS, "7.7.7.8", 80, "allowed");
	put(engine, "{kind: EndpointSlice, metadata: {namespace: b, name: s, labels: "
		    "{kubernetes.io/service-name: t}}, endpoints: [{addresses: [7.7.7.8]}]}");
	update(engine, "one");
	judges(engine, "one", BL_EGRESS, "7.7.7.8", 80, "denied");
	bl_engine_remove(engine, "Service", "b", "s");
	bl_engine_remove(engine, "CiliumCIDRGroup", NULL, "g");
	update(engine, "one");
	judges(engine, "one", BL_EGRESS, "10.0.0.9", 80, "denied");
	judges(engine, "one", BL_EGRESS, "8.8.8.8", 80, "denied");
}

/* ---- entries ------------------------------------------------------------------------------------ */

static size_t count_rows(const struct bl_engine *engine, const char *name, uint32_t identity,
			 enum bl_policy_direction direction)
{
	const struct bl_policy_rows *rows = bl_engine_rows(engine, name);
	size_t n = 0;

	for (size_t i = 0; i < rows->n_items; i++)
		n += rows->items[i].key.identity == identity &&
		     rows->items[i].key.egress == (direction == BL_EGRESS);
	return n;
}

/* Rows about everybody that the ingress rules make. */
static size_t count_ingress(const char *policy)
{
	bl_auto_engine struct bl_engine *engine = engine_new();

	put_endpoint(engine, "one", "web", "10.0.0.1", 0);
	put(engine, policy);
	update(engine, "one");
	return count_rows(engine, "one", BL_IDENTITY_ANY, BL_INGRESS);
}

#define PORT(list) "{toPorts: [{ports: [" list "]}]}"

static void test_3_7_a_range_takes_at_most_thirty_entries(void **state)
{
	assert_int_equal(
		count_ingress(UNIT_CNP("x", "ingress: [" PORT("{port: '1', endPort: 65534, "
							      "protocol: TCP}") "]")),
		30);
	assert_int_equal(count_ingress(UNIT_CNP("x", "ingress: [" PORT("{port: '0', endPort: 65535,"
								       " protocol: TCP}") "]")),
			 1);
	assert_int_equal(
		count_ingress(UNIT_CNP("x", "ingress: [" PORT("{port: '1024', endPort: "
							      "2047, protocol: TCP}") "]")),
		1);
}

static void test_3_7_what_a_broader_entry_says_has_no_entry(void **state)
{
	/* an allow below a deny, below a broader allow, and amid a range of the same rank */
	assert_int_equal(
		count_ingress(UNIT_CNP(
			"x",
			"ingress: [" PORT("{port: '80'}") "], "
							  "ingressDeny: [{fromEntities: [all]}]")),
		1);
	assert_int_equal(count_ingress(UNIT_CNP("x", "ingress: [{fromEntities: [all]}, " PORT(
							     "{port: '80'}") "]")),
			 1);
	assert_int_equal(count_ingress(UNIT_CNP(
				 "x", "ingress: [" PORT("{port: '85', protocol: TCP}") ", " PORT(
					      "{port: '80', endPort: 95, protocol: "
					      "TCP}") "]")),
			 1);
	/* but a deny within an allow has */
	assert_int_equal(count_ingress(UNIT_CNP("x", "ingress: [{fromEntities: [all]}], "
						     "ingressDeny: [" PORT("{port: '80', protocol: "
									   "TCP}") "]")),
			 2);
}

static void test_an_entry_is_as_the_kernel_has_it(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();
	const struct bl_policy_row *row;

	put_endpoint(engine, "one", "web", "10.0.0.1", 0);
	put(engine, UNIT_CNP("x", "egress: [{toEntities: [host], toPorts: [{ports: [{port: '80', "
				  "endPort: 87, protocol: TCP}]}]}]"));
	update(engine, "one");
	assert_int_equal(bl_engine_rows(engine, "one")->n_items, 2);
	assert_true(bl_engine_rows(engine, "one")->default_deny[BL_EGRESS]);
	row = &bl_engine_rows(engine, "one")->items[0];
	assert_int_equal(row->key.prefixlen, BL_POLICY_PREFIX_FIXED);
	assert_int_equal(row->entry.cookie, BL_RULE_UNENFORCED);
	row = &bl_engine_rows(engine, "one")->items[1];
	assert_int_equal(row->key.prefixlen, BL_POLICY_PREFIX_FULL - 3);
	assert_int_equal(row->key.identity, BL_IDENTITY_HOST);
	assert_int_equal(row->key.egress, 1);
	assert_int_equal(row->key.protocol, IPPROTO_TCP);
	assert_int_equal(ntohs(row->key.dport), 80);
	assert_int_equal(row->entry.deny, 0);
	assert_int_equal(row->entry.precedence, (0xffffffu - (200u << 16)) << 8 | 1);
	assert_string_equal(bl_engine_rule(engine, row->entry.cookie), "a/x spec.egress[0]");
}

static void test_a_rule_keeps_its_number_while_its_policy_changes(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();
	uint32_t cookie;

	put_endpoint(engine, "one", "web", "10.0.0.1", 0);
	put(engine, UNIT_CNP("x", "ingress: [{fromEntities: [world]}]"));
	update(engine, "one");
	cookie = bl_policy_lookup(bl_engine_rows(engine, "one"), BL_IDENTITY_WORLD_IPV4, BL_INGRESS,
				  6, 80)
			 ->entry.cookie;
	put(engine, UNIT_CNP("x", "ingress: [{fromEntities: [world]}, {fromEntities: [health]}]"));
	update(engine, "one");
	assert_string_equal(bl_engine_rule(engine, cookie), "a/x spec.ingress[0]");
	bl_engine_remove(engine, "CiliumNetworkPolicy", "a", "x");
	update(engine, "one");
	assert_null(bl_engine_rule(engine, cookie));
	put(engine, UNIT_CNP("z", "ingress: [{fromEntities: [world]}]"));
	update(engine, "one");
	assert_null(bl_engine_rule(engine, cookie));
}

/* ---- who has which policies ---------------------------------------------------------------------- */

static void append_spec(const struct bl_policy *policy, const struct bl_policy_spec *spec,
			void *data)
{
	char *text = data;

	snprintf(text + strlen(text), 64, "%s/%s %zu;", policy->namespace, policy->name,
		 (size_t)(spec - policy->specs));
}

static void has_specs(const struct bl_engine *engine, const char *endpoint, const char *want)
{
	char text[256] = "";

	bl_engine_specs(engine, endpoint, append_spec, text);
	assert_string_equal(text, want);
}

static void test_specs_are_those_that_the_rows_were_compiled_of(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();

	put_endpoint(engine, "one", "web", "10.0.0.1", 0);
	put_endpoint(engine, "two", "db", "10.0.0.2", 0);
	put(engine, "---\napiVersion: cilium.io/v2\nkind: "
		    "CiliumClusterwideNetworkPolicy\nmetadata: {name: c}\nspecs:\n"
		    "- {nodeSelector: {}, ingress: [{}]}\n- {endpointSelector: {matchLabels: "
		    "{app: db}}, ingress: [{}]}\n");
	has_specs(engine, NULL, "/c 0;/c 1;");
	has_specs(engine, "two", "");
	update(engine, "one two");
	has_specs(engine, "one", "");
	has_specs(engine, "two", "/c 1;");
	put(engine, UNIT_CNP("x", "ingress: [{}]"));
	has_specs(engine, "one", "");
	update(engine, "one");
	has_specs(engine, "one", "a/x 0;");
	bl_engine_remove(engine, "CiliumNetworkPolicy", "a", "x");
	has_specs(engine, "one", "a/x 0;");
	has_specs(engine, NULL, "/c 0;/c 1;");
	update(engine, "one");
	has_specs(engine, "one", "");
	has_specs(engine, "three", "");
}

static bool is_peer(const struct bl_engine *engine, const char *text, const char *want)
{
	struct bl_addr addr = addr_of(text);
	const char *namespace, *name;
	char said[64];

	if (!bl_engine_peer(engine, &addr, &namespace, &name))
		return want == NULL;
	snprintf(said, sizeof(said), "%s/%s", namespace, name);
	return want && strcmp(said, want) == 0;
}

static void test_peers_have_names(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();

	put_endpoint(engine, "one", "web", "10.0.0.1", 0);
	put(engine, UNIT_POD("b", "p", "web", "10.0.0.3") UNIT_NODE("n1", "r", "192.168.0.7"));
	assert_int_equal(bl_engine_endpoint_identity(engine, "one"), 0);
	update(engine, "one");
	assert_true(is_peer(engine, "10.0.0.1", "/one"));
	assert_true(is_peer(engine, "10.0.0.3", "b/p"));
	assert_true(is_peer(engine, "192.168.0.7", NULL));
	assert_true(is_peer(engine, "10.0.0.9", NULL));
	assert_int_equal(bl_engine_endpoint_identity(engine, "one"),
			 identity_of(engine, "10.0.0.1"));
	assert_int_equal(bl_engine_endpoint_identity(engine, "two"), 0);
}

/* ---- too much ----------------------------------------------------------------------------------- */

/* A policy that needs some 30 entries for each of so many prefixes. */
static void put_wide_policy(struct bl_engine *engine, unsigned int n_prefixes)
{
	bl_auto_json struct cJSON *list = parse_yaml(
		UNIT_CNP("wide", "egress: [{toCIDR: [], toPorts: [{ports: [{port: '1', endPort: "
				 "65534, protocol: TCP}]}]}]"));
	struct cJSON *document = bl_json_first(list);
	struct cJSON *rule = bl_json_first(bl_json_get(document, "spec/egress"));

	for (unsigned int i = 0; i < n_prefixes; i++) {
		bl_autofree char *text = bl_format("20.%u.%u.0/24", i / 256, i % 256);

		bl_json_append(bl_json_get(rule, "toCIDR"), bl_json_string(text));
	}
	if (bl_engine_put(engine, document, &err) < 0)
		fail_msg("%s", err.message);
}

static void test_a_policy_that_does_not_fit_leaves_what_was(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();
	size_t n_before;

	put_endpoint(engine, "one", "web", "10.0.0.1", 0);
	put(engine, UNIT_CNP("x", "ingress: [{fromEntities: [world]}]"));
	put_wide_policy(engine, 500);
	update(engine, "one");
	assert_null(bl_engine_error(engine, "one"));
	n_before = bl_engine_rows(engine, "one")->n_items;
	assert_true(n_before > 15000 && n_before <= BL_POLICY_ROWS_MAX);
	put_wide_policy(engine, 600);
	put_endpoint(engine, "two", "web", "10.0.0.2", 0);
	update(engine, "one two");
	assert_string_equal(bl_engine_error(engine, "one"),
			    "the policy needs more than 16384 entries");
	/* of all that the endpoint has none is there, nor of what another kind calls so */
	assert_string_equal(bl_engine_unfit(engine, "CiliumNetworkPolicy", "a", "x"), "one");
	assert_string_equal(bl_engine_unfit(engine, "CiliumNetworkPolicy", "a", "wide"), "one");
	assert_null(bl_engine_unfit(engine, "NetworkPolicy", "a", "x"));
	/* the rules of before, which have learned the new prefixes */
	assert_int_equal(bl_engine_rows(engine, "one")->n_items, n_before + 100);
	judges(engine, "one", BL_INGRESS, "8.8.8.8", 80, "allowed");
	judges(engine, "two", BL_INGRESS, "8.8.8.8", 80, "denied");
	update(engine, "");
	put_wide_policy(engine, 3);
	update(engine, "one two");
	assert_null(bl_engine_error(engine, "one"));
	assert_null(bl_engine_unfit(engine, "CiliumNetworkPolicy", "a", "x"));
	judges(engine, "two", BL_INGRESS, "8.8.8.8", 80, "allowed");
}

/* A policy that names a prefix: the old rules learn it, the ipcache follows, then the rules change. */
static void test_a_change_comes_in_steps(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();
	struct bl_engine_changes changes;

	put_endpoint(engine, "one", "web", "10.0.0.1", 0);
	put(engine, UNIT_CNP("x", "egress: [{toEntities: [world]}]"));
	update(engine, "one");
	put(engine, UNIT_CNP("x", "egress: [{toCIDR: [20.0.0.0/8]}]"));
	assert_int_equal(bl_engine_update(engine, &changes, &err), 0);
	assert_int_equal(changes.n_endpoints, 1);
	assert_int_equal(changes.n_prefixes, 1);
	judges(engine, "one", BL_EGRESS, "20.0.0.1", 80, "allowed");
	judges(engine, "one", BL_EGRESS, "8.8.8.8", 80, "allowed");
	assert_true(changes.again);
	assert_int_equal(bl_engine_update(engine, &changes, &err), 0);
	assert_int_equal(changes.n_endpoints, 1);
	assert_int_equal(changes.n_prefixes, 0);
	judges(engine, "one", BL_EGRESS, "20.0.0.1", 80, "allowed");
	judges(engine, "one", BL_EGRESS, "8.8.8.8", 80, "denied");
	update(engine, "");
}

/* A policy that re-identifies nobody acts with the first update, whatever was written anew beside it. */
static void test_a_change_of_rules_alone_does_not_wait(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();
	struct bl_engine_changes changes;

	put(engine, UNIT_NODE("n1", "r1", "192.168.0.11"));
	put_endpoint(engine, "one", "web", "10.0.0.1", 0);
	update(engine, "one");
	put(engine, UNIT_NODE("n1", "r1", "192.168.0.11") UNIT_CNP("x", "ingress: [{}]"));
	assert_int_equal(bl_engine_update(engine, &changes, &err), 0);
	assert_int_equal(changes.n_endpoints, 1);
	assert_int_equal(changes.n_prefixes, 0);
	assert_false(changes.again);
}

/* A new endpoint is told even when nothing at all may pass, and has what it should have at once. */
static void test_a_new_endpoint_is_told(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();
	struct bl_engine_changes changes;

	put(engine, UNIT_CNP("x", "egress: [{}], ingressDeny: [{fromCIDR: [20.0.0.0/8]}]"));
	put_endpoint(engine, "one", "web", "10.0.0.1", 0);
	put_endpoint(engine, "two", "web", "10.0.0.2", 0);
	assert_int_equal(bl_engine_update(engine, &changes, &err), 0);
	assert_int_equal(changes.n_endpoints, 2);
	judges(engine, "one", BL_EGRESS, "8.8.8.8", 80, "denied");
	judges(engine, "two", BL_INGRESS, "20.0.0.1", 80, "denied");
	put(engine, UNIT_CNP("x", "egress: [{}], ingressDeny: [{fromEntities: [all]}]"));
	update(engine, "one two");
	put(engine,
	    UNIT_CNP("x", "egress: [{}], enableDefaultDeny: {ingress: true}, ingress: "
			  "[{fromEntities: [none]}], ingressDeny: [{fromEntities: [host]}]"));
	put_endpoint(engine, "three", "web", "10.0.0.3", 0);
	update(engine, "three one two");
}

/* ---- ends of flows ------------------------------------------------------------------------------- */

static void test_who_is_at_the_end_of_a_flow(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();
	struct bl_engine_party party;

	put(engine,
	    UNIT_NODE("n0", "r0", "192.168.0.10")
		    UNIT_POD("b", "p", "db", "10.0.0.9") "---\nkind: Pod\nmetadata: {namespace: b, "
							 "name: h}\nspec: {hostNetwork: true, "
							 "nodeName: n0}\n");
	put_endpoint(engine, "one", "web", "10.0.0.1", 0);
	update(engine, "one");
	assert_int_equal(bl_engine_find(engine, "one", NULL, &party, &err), 0);
	assert_string_equal(party.endpoint, "one");
	assert_int_equal(bl_engine_find(engine, "10.0.0.1", NULL, &party, &err), 0);
	assert_string_equal(party.endpoint, "one");
	assert_int_equal(bl_engine_find(engine, "b/p", "one", &party, &err), 0);
	assert_null(party.endpoint);
	assert_int_equal(party.identity, identity_of(engine, "10.0.0.9"));
	assert_int_equal(bl_engine_find(engine, "b/h", "one", &party, &err), 0);
	assert_int_equal(party.identity, BL_IDENTITY_HOST);
	assert_int_equal(bl_engine_find(engine, "host", NULL, &party, &err), 0);
	assert_int_equal(party.identity, BL_IDENTITY_HOST);
	assert_fails(bl_engine_find(engine, "b/none", "one", &party, &err), -ENOENT,
		     "there is no VM or pod 'b/none'");
	assert_fails(bl_engine_find(engine, "nobody", "one", &party, &err), -ENOENT, "'nobody'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_policy_concerns_whom_it_selects),
		cmocka_unit_test(test_a_peer_concerns_whose_rules_speak_of_it),
		cmocka_unit_test(test_an_endpoint_that_is_relabelled_changes_its_policy),
		cmocka_unit_test(test_groups_and_services_are_followed),
		cmocka_unit_test(test_3_7_a_range_takes_at_most_thirty_entries),
		cmocka_unit_test(test_3_7_what_a_broader_entry_says_has_no_entry),
		cmocka_unit_test(test_an_entry_is_as_the_kernel_has_it),
		cmocka_unit_test(test_specs_are_those_that_the_rows_were_compiled_of),
		cmocka_unit_test(test_peers_have_names),
		cmocka_unit_test(test_a_rule_keeps_its_number_while_its_policy_changes),
		cmocka_unit_test(test_a_policy_that_does_not_fit_leaves_what_was),
		cmocka_unit_test(test_a_change_comes_in_steps),
		cmocka_unit_test(test_a_change_of_rules_alone_does_not_wait),
		cmocka_unit_test(test_a_new_endpoint_is_told),
		cmocka_unit_test(test_who_is_at_the_end_of_a_flow),
	};

	return cmocka_run_group_tests(tests, NULL, nothing_is_held);
}
