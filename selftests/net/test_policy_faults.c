// SPDX-License-Identifier: Apache-2.0
/*
 * Every bpf() call of a change of policy fails once, in turn, with the real maps and the real rest. While it
 * fails each packet would be judged as before the change or as after it, the policy says that it is not
 * enforced, and a VM that is concerned that its policy is not; the next try brings the kernel to
 * just what is wanted.
 */
#define TEST "policy-faults"
#include "kernel_policy.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* ---- the fault ---------------------------------------------------------------------------------- */

static struct {
	int in; /* calls until one fails; 0: none does */
	bool struck;
} fault;

/* Stands before the C library's for libbpf, too. */
__attribute__((visibility("default"))) long syscall(long number, ...)
{
	static long (*real)(long number, ...);
	long arguments[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	if (number == __NR_bpf && fault.in > 0 && --fault.in == 0) {
		fault.struck = true;
		errno = ENOMEM;
		return -1;
	}
	if (!real)
		real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	return real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
		    arguments[5]);
}

/* ---- what is wanted, before and after ----------------------------------------------------------- */

#define CNP(spec)                                                                              \
	"{'apiVersion': 'cilium.io/v2', 'kind': 'CiliumNetworkPolicy', 'metadata': "           \
	"{'namespace': 'default', 'name': 'p'}, 'spec': {'endpointSelector': {'matchLabels': " \
	"{'app': 'web'}}, " spec "}}"
#define POD(name, app, address, address6)                                                         \
	"{'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'namespace': 'default', 'name': '" name \
	"', 'labels': {'app': '" app "'}}, 'status': {'podIPs': [{'ip': '" address                \
	"'}, {'ip': '" address6 "'}]}}"

static const char *const pods_a[] = {POD("one", "client", "10.1.0.1", "fd00::1"),
				     POD("two", "evil", "10.1.0.2", "fd00::2"), NULL};
static const char *const pods_b[] = {POD("one", "evil", "10.1.0.1", "fd00::1"),
				     POD("two", "client", "10.1.0.3", "fd00::3"), NULL};
/* The world at port 81 may go on all the while, though the two name it by other prefixes. */
static const char *const policy_a[] = {
	CNP("'ingress': [{'fromEndpoints': [{'matchLabels': {'app': 'client'}}],"
	    "             'toPorts': [{'ports': [{'port': '80', 'protocol': 'TCP'}]}]},"
	    "            {'fromCIDR': ['10.88.0.0/24', 'fd00:88::/64'],"
	    "             'toPorts': [{'ports': [{'port': '81', 'protocol': 'TCP'}]}]}],"
	    "'egress': [{'toCIDR': ['10.88.0.0/24', 'fd00:88::/64']}]"),
	NULL};
static const char *const policy_b[] = {
	CNP("'ingress': [{'fromEndpoints': [{'matchLabels': {'app': 'evil'}}],"
	    "             'toPorts': [{'ports': [{'port': '80', 'protocol': 'TCP'}]}]},"
	    "            {'fromCIDR': ['10.88.0.0/25', 'fd00:88::/65'],"
	    "             'toPorts': [{'ports': [{'port': '81', 'protocol': 'TCP'}]}]}],"
	    "'ingressDeny': [{'fromCIDR': ['10.88.0.1/32', 'fd00:88::1/128']}],"
	    "'egress': [{'toEndpoints': [{'matchLabels': {'app': 'client'}}]}]"),
	NULL};

/* ---- what is told -------------------------------------------------------------------------------- */

static int vms_told; /* of failures, by all tests */

static void assert_all_is_well(struct fixture *f)
{
	bl_autofree char *policy = condition(f, "CiliumNetworkPolicy", "p", "Enforced");
	bl_autofree char *vmi = condition(f, KIND_VMI, "web", "PolicyEnforced");

	assert_string_equal(policy, "True");
	assert_string_equal(vmi, "");
	assert_int_equal(policy_troubles(f->policy)->n_amiss, 0);
}

/* A policy that did not change is not at fault; a VM is concerned when its rows are to change. */
static void assert_failure_is_told(struct fixture *f, const char *message, bool of_policy)
{
	const char *why = strstr(message, ": ") + 2;
	bl_autofree char *failed = bl_format("False UpdateFailed: %s", why);
	bl_autofree char *policy = condition(f, "CiliumNetworkPolicy", "p", "Enforced");
	bl_autofree char *vmi = condition(f, KIND_VMI, "web", "PolicyEnforced");

	assert_non_null(strstr(why, "Cannot allocate memory"));
	assert_string_equal(policy, of_policy ? failed : "True");
	if (*vmi) {
		assert_string_equal(vmi, failed);
		vms_told++;
	}
	assert_int_equal(policy_troubles(f->policy)->n_amiss > 0, *vmi != '\0');
}

/* ---- the sweep ---------------------------------------------------------------------------------- */

static void assert_between(const struct answers *now, const struct answers *before,
			   const struct answers *after, int call)
{
	for (size_t i = 0; i < N_QUESTIONS; i++)
		if (now->allowed[i] != before->allowed[i] && now->allowed[i] != after->allowed[i])
			fail_msg("call %d failed: question %zu is %s, before and after it is not",
				 call, i, now->allowed[i] ? "allowed" : "denied");
}

static void assert_arrived(struct fixture *f, const struct answers *after)
{
	struct answers now = answers(f);

	assert_memory_equal(&now, after, sizeof(now));
	assert_stands_whole(f);
}

/* A commit with its call-th call of bpf() failing, and another one; false: it has not so many. */
static bool commit_failing_at(struct fixture *f, int call, const struct answers *before,
			      const struct answers *after, bool of_policy)
{
	uint64_t n_failures = policy_troubles(f->policy)->n_failures;
	struct bl_err err = BL_ERR_INIT;
	struct answers now;
	int r;

	fault.in = call;
	fault.struck = false;
	r = policy_commit(f->policy, &err);
	fault.in = 0;
	if (r < 0) {
		assert_true(fault.struck);
		now = answers(f);
		assert_between(&now, before, after, call);
		assert_failure_is_told(f, err.message, of_policy);
		assert_int_equal(policy_troubles(f->policy)->n_failures, n_failures + 1);
		commit(f);
	}
	assert_all_is_well(f);
	assert_arrived(f, after);
	return fault.struck;
}

/* From one set of documents to the other and back, a later call failing each time; there
 * are n_least at least. */
static void sweep(struct fixture *f, const char *const *documents_a, const char *const *documents_b,
		  int n_least, bool of_policy)
{
	struct answers a, b;
	bool more = true;

	apply(f, documents_b);
	commit(f);
	b = answers(f);
	apply(f, documents_a);
	commit(f);
	a = answers(f);
	assert_memory_not_equal(&a, &b, sizeof(a));
	for (int call = 1; more; call++) {
		apply(f, documents_b);
		more = commit_failing_at(f, call, &a, &b, of_policy);
		apply(f, documents_a);
		more |= commit_failing_at(f, call, &b, &a, of_policy);
		assert_true(call > n_least || more);
	}
}

static void test_a_policy_changes(void **state)
{
	struct fixture *f = *state;

	apply(f, pods_a);
	sweep(f, policy_a, policy_b, 12, true);
}

static void test_peers_change(void **state)
{
	struct fixture *f = *state;

	apply(f, policy_b);
	sweep(f, pods_a, pods_b, 4, false);
}

/* The same for an agent that finds another store than the one before left it. */
static void test_an_agent_starts(void **state)
{
	struct fixture *f = *state;
	struct answers a, b;
	bool more = true;

	apply(f, pods_a);
	apply(f, policy_b);
	commit(f);
	b = answers(f);
	for (int call = 1; more; call++) {
		apply(f, policy_a);
		commit(f);
		a = answers(f);
		agent_ends(f);
		apply(f, policy_b);
		agent_begins(f);
		f->policy->started = true;
		more = commit_failing_at(f, call, &a, &b, true);
		assert_true(call > 20 || more);
	}
	assert_true(vms_told > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_policy_changes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_peers_change, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_agent_starts, set_up, tear_down),
	};

	return cmocka_run_group_tests_name(TEST, tests, take_turn, NULL);
}
