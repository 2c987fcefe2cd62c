// SPDX-License-Identifier: Apache-2.0
/*
 * Policies that do not fit: into an endpoint's map, into the map of prefixes, into the numbers of identities.
 * What was before stays, is said to be what was before, and gives way when
 * what is wanted fits again. Nobody gets in meanwhile who did not before.
 */
#define TEST "policy-full"
#include "kernel_policy.h"

#include <errno.h>

#define WIDE_PODS  500
#define WIDE_PORTS 40

static const char *const before[] = {
	"{'apiVersion': 'cilium.io/v2', 'kind': 'CiliumNetworkPolicy', 'metadata': {'namespace': "
	"'default', 'name': 'before'}, 'spec': {'endpointSelector': {'matchLabels': {'app': "
	"'web'}}, 'ingress': [{'fromCIDR': ['10.88.0.1/32', 'fd00:88::1/128']}]}}",
	NULL};

/* ---- what is too much --------------------------------------------------------------------------- */

static struct cJSON *object(const char *version, const char *kind, const char *name)
{
	struct cJSON *json = bl_json_object(), *metadata = bl_json_ensure(json, "metadata");

	bl_json_set_string(json, "apiVersion", version);
	bl_json_set_string(json, "kind", kind);
	bl_json_set_string(metadata, "namespace", "default");
	bl_json_set_string(metadata, "name", name);
	return json;
}

/* To the engine alone: tens of thousands of files would take their time. */
static void put(struct fixture *f, struct cJSON *json)
{
	bl_auto_json struct cJSON *document = json;
	struct bl_err err = BL_ERR_INIT;

	if (bl_engine_put(f->policy->engine, document, &err) < 0)
		fail_msg("%s", err.message);
}

/* Pods that all differ in their label "n". */
static void put_pods(struct fixture *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bl_autofree char *name = bl_format("p%zu", i);
		struct cJSON *pod = object("v1", "Pod", name);

		bl_json_set_string(bl_json_ensure(bl_json_ensure(pod, "metadata"), "labels"), "n",
				   name);
		put(f, pod);
	}
}

static void remove_pods(struct fixture *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bl_autofree char *name = bl_format("p%zu", i);

		bl_engine_remove(f->policy->engine, "Pod", "default", name);
	}
}

/* Lets everybody with a label "n" in at so many ports that lie apart. */
static void apply_wide(struct fixture *f)
{
	bl_autofree char *text = bl_strdup("");

	for (int i = 0; i < WIDE_PORTS; i++) {
		bl_autofree char *shorter = text;

		text = bl_format("%s%s{'port': '%d', 'protocol': 'TCP'}", shorter, i ? ", " : "",
				 2 * i + 81);
	}
	bl_autofree char *document = bl_format(
		"{'apiVersion': 'cilium.io/v2', 'kind': 'CiliumNetworkPolicy', 'metadata': "
		"{'namespace': 'default', 'name': 'wide'}, 'spec': {'endpointSelector': "
		"{'matchLabels': {'app': 'web'}}, 'ingress': [{'fromEndpoints': "
		"[{'matchExpressions': [{'key': 'n', 'operator': 'Exists'}]}], 'toPorts': "
		"[{'ports': [%s]}]}]}}",
		text);

	apply_text(f, document);
}

static void remove_policy(struct fixture *f, const char *name)
{
	const struct object_key key = {"CiliumNetworkPolicy", "default", name};

	assert_int_equal(objects_remove(f->objects, &key, NULL), 0);
}

/* A group of n prefixes from base.0.0.0 on. */
static void put_group(struct fixture *f, const char *name, int base, size_t n)
{
	struct cJSON *group = object("cilium.io/v2alpha1", "CiliumCIDRGroup", name);
	struct cJSON *cidrs = bl_json_array();

	for (size_t i = 0; i < n; i++) {
		bl_autofree char *cidr =
			bl_format("%d.%zu.%zu.%zu/32", base, i >> 16 & 255, i >> 8 & 255, i & 255);

		bl_json_append(cidrs, bl_json_string(cidr));
	}
	bl_json_set(bl_json_ensure(group, "spec"), "externalCIDRs", cidrs);
	put(f, group);
}

/* It selects nobody here, whose entries would be too many too; that it names them is enough. */
static void apply_groups(struct fixture *f)
{
	apply_text(f,
		   "{'apiVersion': 'cilium.io/v2', 'kind': 'CiliumNetworkPolicy', 'metadata': "
		   "{'namespace': 'default', 'name': 'groups'}, 'spec': {'endpointSelector': "
		   "{'matchLabels': {'app': 'nobody'}}, 'egress': [{'toCIDRSet': "
		   "[{'cidrGroupRef': 'g0'}, {'cidrGroupRef': 'g1'}, {'cidrGroupRef': 'g2'}]}]}}");
}

/* ---- what is said ------------------------------------------------------------------------------- */

/* want: how it begins; "": there is no such condition. */
static void assert_says(struct fixture *f, const char *kind, const char *name, const char *type,
			const char *want)
{
	bl_autofree char *said = condition(f, kind, name, type);

	if (strncmp(said, want, *want ? strlen(want) : 1) != 0)
		fail_msg("%s of %s says '%s', not '%s'", type, name, said, want);
}

static void assert_amiss(struct fixture *f, uint32_t n)
{
	assert_int_equal(policy_troubles(f->policy)->n_amiss, n);
}

static void assert_stays(struct fixture *f, const struct answers *answers_before)
{
	struct answers now = answers(f);

	assert_memory_equal(&now, answers_before, sizeof(now));
}

/* ---- tests -------------------------------------------------------------------------------------- */

#define TOO_MANY "the policy needs more than 16384 entries"

static void assert_wide_is_refused(struct fixture *f, const struct answers *was)
{
	assert_says(f, "CiliumNetworkPolicy", "wide", "Enforced",
		    "False TooManyEntries: endpoint '" WEB "' stays as it was: " TOO_MANY);
	assert_says(f, "CiliumNetworkPolicy", "before", "Enforced", "False TooManyEntries: ");
	assert_says(f, KIND_VMI, "web", "PolicyEnforced", "False TooManyEntries: " TOO_MANY);
	assert_amiss(f, 1);
	assert_stays(f, was);
}

static void test_an_endpoint_is_full(void **state)
{
	struct fixture *f = *state;
	struct answers was;

	apply(f, before);
	commit(f);
	was = answers(f);
	put_pods(f, WIDE_PODS);
	apply_wide(f);
	commit(f);
	assert_wide_is_refused(f, &was);

	remove_policy(f, "wide");
	commit(f);
	assert_says(f, "CiliumNetworkPolicy", "before", "Enforced", "True");
	assert_says(f, KIND_VMI, "web", "PolicyEnforced", "");
	assert_amiss(f, 0);
	assert_stays(f, &was);
	assert_stands_whole(f);
}

/* It fits again since there are fewer peers; nobody touched the policy. */
static void test_peers_go(void **state)
{
	struct fixture *f = *state;

	apply(f, before);
	put_pods(f, WIDE_PODS);
	apply_wide(f);
	commit(f);
	assert_amiss(f, 1);
	remove_pods(f, WIDE_PODS);
	commit(f);
	assert_says(f, "CiliumNetworkPolicy", "wide", "Enforced", "True");
	assert_amiss(f, 0);
	assert_stands_whole(f);
}

/* An agent that does not know what was before finds it in the kernel. */
static void test_an_agent_starts_while_one_is_full(void **state)
{
	struct fixture *f = *state;
	struct answers was;

	apply(f, before);
	commit(f);
	was = answers(f);
	agent_ends(f);
	apply_wide(f);
	agent_begins(f);
	put_pods(f, WIDE_PODS);
	policy_start(f->policy);
	assert_wide_is_refused(f, &was);
	remove_pods(f, WIDE_PODS);
	commit(f);
	assert_amiss(f, 0);
	assert_stands_whole(f);
}

/* Its pod has got other addresses meanwhile. */
static void test_an_endpoint_changes_while_it_is_full(void **state)
{
	struct fixture *f = *state;

	put_pods(f, WIDE_PODS);
	apply_wide(f);
	commit(f);
	assert_int_equal(admit(f, WEB, "web", 0, "10.2.0.9", NULL), 0);
	assert_says(f, KIND_VMI, "web", "PolicyEnforced", "False TooManyEntries: " TOO_MANY);
	assert_amiss(f, 1);
	remove_policy(f, "wide");
	commit(f);
	assert_says(f, KIND_VMI, "web", "PolicyEnforced", "");
	assert_amiss(f, 0);
}

/* What the agent before said of the VM is not so any more. */
static void test_it_fits_when_an_agent_starts(void **state)
{
	struct fixture *f = *state;

	put_pods(f, WIDE_PODS);
	apply_wide(f);
	commit(f);
	agent_ends(f);
	remove_policy(f, "wide");
	agent_begins(f);
	policy_start(f->policy);
	assert_says(f, KIND_VMI, "web", "PolicyEnforced", "");
	assert_amiss(f, 0);
}

/* There is nothing before it, and so nobody gets in or out. */
static void test_a_new_endpoint_is_full(void **state)
{
	struct fixture *f = *state;
	kernel_rows_auto struct kernel_rows rows = {0};
	struct bl_err err = BL_ERR_INIT;

	put_pods(f, WIDE_PODS);
	apply_wide(f);
	commit(f);
	assert_int_equal(admit(f, "late", "web", 7, "10.2.0.7", &err), 0);
	rows = kernel_rows(f, 7);
	assert_int_equal(rows.n_items, 0);
	assert_amiss(f, 2);
}

static void put_groups(struct fixture *f, int base, size_t n_last)
{
	put_group(f, "g0", base, 100000);
	put_group(f, "g1", base + 1, 100000);
	put_group(f, "g2", base + 2, n_last);
}

static void assert_prefixes_stand(struct fixture *f)
{
	kernel_prefixes_auto struct kernel_prefixes prefixes = kernel_prefixes(f);

	assert_int_equal(prefixes.n_items, bl_engine_n_prefixes(f->policy->engine));
}

static void test_prefixes_are_full(void **state)
{
	struct fixture *f = *state;
	struct bl_err err = BL_ERR_INIT;
	struct answers was;

	apply(f, before);
	apply_groups(f);
	put_groups(f, 20, 55000);
	commit(f);
	assert_prefixes_stand(f);
	was = answers(f);

	/* all others: both sets are in the map for a while */
	put_groups(f, 30, 55000);
	commit(f);
	assert_prefixes_stand(f);
	assert_stays(f, &was);

	put_groups(f, 40, 57000);
	apply_text(f, "{'apiVersion': 'cilium.io/v2', 'kind': 'CiliumNetworkPolicy', 'metadata': "
		      "{'namespace': 'default', 'name': 'late'}, 'spec': {'endpointSelector': {}, "
		      "'ingress': [{}]}}");
	assert_int_equal(policy_commit(f->policy, &err), -ENOSPC);
	assert_says(f, "CiliumNetworkPolicy", "late", "Enforced",
		    "False UpdateFailed: 257006 prefixes of policies, pods and nodes are more "
		    "than the 256000 that fit");
	assert_int_equal(policy_troubles(f->policy)->n_failures, 1);
	assert_stays(f, &was);

	remove_policy(f, "late");
	put_groups(f, 40, 10);
	commit(f);
	assert_prefixes_stand(f);
	assert_stays(f, &was);
}

static void test_identities_are_full(void **state)
{
	static const size_t n = BL_IDENTITY_CLUSTER_LAST - BL_IDENTITY_CLUSTER_FIRST + 1;
	struct fixture *f = *state;
	struct bl_err err = BL_ERR_INIT;
	struct answers was;

	apply(f, before);
	commit(f);
	was = answers(f);
	put_pods(f, n);
	apply_wide(f);
	assert_int_equal(policy_commit(f->policy, &err), -ENOSPC);
	assert_says(f, "CiliumNetworkPolicy", "wide", "Enforced",
		    "False UpdateFailed: no identity is left");
	assert_int_equal(policy_troubles(f->policy)->n_failures, 1);
	assert_stays(f, &was);
	assert_int_not_equal(admit(f, "late", "stranger", 7, "10.2.0.7", &err), 0);

	remove_pods(f, n);
	commit(f);
	assert_says(f, "CiliumNetworkPolicy", "wide", "Enforced", "True");
	assert_stays(f, &was);
	assert_stands_whole(f);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(an_endpoint_is_full),
		T(peers_go),
		T(an_agent_starts_while_one_is_full),
		T(an_endpoint_changes_while_it_is_full),
		T(it_fits_when_an_agent_starts),
		T(a_new_endpoint_is_full),
		T(prefixes_are_full),
		T(identities_are_full),
	};

	return cmocka_run_group_tests_name(TEST, tests, take_turn, NULL);
}
