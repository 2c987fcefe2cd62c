// SPDX-License-Identifier: Apache-2.0
/*
 * The next action of one VMI for each situation of interest, then walks through a small model of the
 * world: whatever it is put through, it ends where it should and no step is taken twice in vain.
 */
#include "unit.h"

#include "../../agent/vmi/plan.h"

struct row {
	const char *name;
	struct vmi_facts facts;
	enum vmi_action action;
	enum vmi_phase phase;
	bool again;
};

#define WANTED   .known = true, .sound = true, .volumes = true
#define DELETING .known = true, .sound = true, .volumes = true, .deleting = true
#define UP       .sandbox = SANDBOX_RUNNING, .endpoints = ENDPOINTS_ALL
#define LINKED   UP, .link_up = true

static const struct row rows[] = {
	/* the way up */
	{"new", {WANTED}, VMI_MAKE_NETWORK, VMI_PENDING},
	{"half a network", {WANTED, .sandbox = SANDBOX_PARTIAL}, VMI_MAKE_NETWORK, VMI_SCHEDULING},
	{"network", {WANTED, .sandbox = SANDBOX_NETWORK}, VMI_ATTACH, VMI_SCHEDULING},
	{"half attached",
	 {WANTED, .sandbox = SANDBOX_NETWORK, .endpoints = ENDPOINTS_SOME},
	 VMI_ATTACH,
	 VMI_SCHEDULING},
	{"attached",
	 {WANTED, .sandbox = SANDBOX_NETWORK, .endpoints = ENDPOINTS_ALL},
	 VMI_RUN,
	 VMI_SCHEDULING},
	{"container", {WANTED, UP}, VMI_NOTHING, VMI_SCHEDULED},
	{"link", {WANTED, LINKED}, VMI_SYNC, VMI_SCHEDULED},
	{"synced", {WANTED, LINKED, .synced = true}, VMI_NOTHING, VMI_SCHEDULED},
	{"preparing",
	 {WANTED, LINKED, .synced = true, .domain = DOMAIN_PREPARING},
	 VMI_NOTHING,
	 VMI_SCHEDULED},
	{"running",
	 {WANTED, LINKED, .synced = true, .domain = DOMAIN_RUNNING, .recorded = VMI_SCHEDULED},
	 VMI_NOTHING,
	 VMI_RUNNING},
	{"paused is running",
	 {WANTED, LINKED, .synced = true, .domain = DOMAIN_PAUSED, .recorded = VMI_RUNNING},
	 VMI_NOTHING,
	 VMI_RUNNING},
	/* what is missing or wrong */
	{"image missing", {.known = true, .sound = true}, VMI_NOTHING, VMI_PENDING},
	{"manifest of another release", {.known = true}, VMI_NOTHING, VMI_PENDING},
	{"senseless manifest, but running",
	 {.known = true, LINKED, .recorded = VMI_RUNNING},
	 VMI_NOTHING,
	 VMI_RUNNING},
	{"container ended before the guest ran",
	 {WANTED, .sandbox = SANDBOX_STOPPED, .endpoints = ENDPOINTS_ALL,
	  .recorded = VMI_SCHEDULED},
	 VMI_STOP,
	 VMI_SCHEDULING,
	 true},
	/* the agent came back */
	{"running, endpoints to be verified",
	 {WANTED, .sandbox = SANDBOX_RUNNING, .endpoints = ENDPOINTS_SOME, .recorded = VMI_RUNNING},
	 VMI_ATTACH,
	 VMI_RUNNING},
	{"running, namespace without its name",
	 {WANTED, .sandbox = SANDBOX_RUNNING, .endpoints = ENDPOINTS_SOME, .recorded = VMI_RUNNING,
	  .unnamed = true},
	 VMI_NAME_NETWORK,
	 VMI_RUNNING},
	{"running, launcher not yet found",
	 {WANTED, UP, .recorded = VMI_RUNNING},
	 VMI_NOTHING,
	 VMI_RUNNING},
	{"running, launcher found again",
	 {WANTED, LINKED, .recorded = VMI_RUNNING},
	 VMI_SYNC,
	 VMI_RUNNING},
	/* the host came back */
	{"ran before the boot",
	 {WANTED, .stale = true, .sandbox = SANDBOX_PARTIAL, .recorded = VMI_RUNNING},
	 VMI_REMOVE,
	 VMI_FAILED},
	{"ran before the boot, records of endpoints",
	 {WANTED, .stale = true, .sandbox = SANDBOX_PARTIAL, .endpoints = ENDPOINTS_SOME,
	  .recorded = VMI_RUNNING},
	 VMI_DETACH,
	 VMI_FAILED},
	{"ran before the boot, nothing left",
	 {WANTED, .recorded = VMI_RUNNING},
	 VMI_NOTHING,
	 VMI_FAILED},
	{"was starting before the boot",
	 {WANTED, .stale = true, .sandbox = SANDBOX_PARTIAL, .recorded = VMI_SCHEDULED},
	 VMI_REMOVE,
	 VMI_PENDING},
	{"a stale container does not run",
	 {WANTED, .stale = true, LINKED, .recorded = VMI_SCHEDULED},
	 VMI_DETACH,
	 VMI_PENDING},
	/* what bears the name is another's */
	{"another VMI's container", {WANTED, UP, .foreign = true}, VMI_STOP, VMI_PENDING},
	{"another VMI's container, stopped",
	 {WANTED, .foreign = true, .sandbox = SANDBOX_NETWORK, .endpoints = ENDPOINTS_SOME},
	 VMI_DETACH,
	 VMI_PENDING},
	{"another VMI's network",
	 {WANTED, .foreign = true, .sandbox = SANDBOX_NETWORK},
	 VMI_REMOVE,
	 VMI_PENDING},
	{"another VMI's container, image missing",
	 {.known = true, .sound = true, .foreign = true, UP},
	 VMI_STOP,
	 VMI_PENDING},
	{"delete while another VMI's container stands: it has no grace",
	 {DELETING, .foreign = true, UP, .stop_left_s = 30},
	 VMI_STOP,
	 VMI_PENDING},
	/* the guest ends */
	{"guest shut down",
	 {WANTED, LINKED, .synced = true, .domain = DOMAIN_SUCCEEDED, .recorded = VMI_RUNNING},
	 VMI_STOP,
	 VMI_SUCCEEDED},
	{"guest crashed",
	 {WANTED, LINKED, .synced = true, .domain = DOMAIN_FAILED, .recorded = VMI_RUNNING},
	 VMI_STOP,
	 VMI_FAILED},
	{"container gone without a word",
	 {WANTED, .sandbox = SANDBOX_STOPPED, .endpoints = ENDPOINTS_ALL, .recorded = VMI_RUNNING},
	 VMI_DETACH,
	 VMI_FAILED},
	{"ended, detached",
	 {WANTED, .sandbox = SANDBOX_NETWORK, .recorded = VMI_SUCCEEDED},
	 VMI_REMOVE,
	 VMI_SUCCEEDED},
	{"ended, all gone", {WANTED, .recorded = VMI_SUCCEEDED}, VMI_NOTHING, VMI_SUCCEEDED},
	{"ended is for ever",
	 {WANTED, LINKED, .domain = DOMAIN_RUNNING, .recorded = VMI_FAILED},
	 VMI_STOP,
	 VMI_FAILED},
	/* deletion */
	{"delete running",
	 {DELETING, LINKED, .synced = true, .stop_left_s = 30, .domain = DOMAIN_RUNNING,
	  .recorded = VMI_RUNNING},
	 VMI_SHUTDOWN,
	 VMI_RUNNING},
	{"delete, grace just over: the launcher kills",
	 {DELETING, LINKED, .stop_left_s = -1, .domain = DOMAIN_RUNNING, .recorded = VMI_RUNNING},
	 VMI_SHUTDOWN,
	 VMI_RUNNING},
	{"delete, launcher does not obey",
	 {DELETING, LINKED, .stop_left_s = -VMI_STOP_SLACK_S, .domain = DOMAIN_RUNNING,
	  .recorded = VMI_RUNNING},
	 VMI_STOP,
	 VMI_RUNNING},
	{"delete, launcher silent",
	 {DELETING, UP, .stop_left_s = 30, .recorded = VMI_RUNNING},
	 VMI_NOTHING,
	 VMI_RUNNING},
	{"delete before the guest was begun",
	 {DELETING, LINKED, .stop_left_s = 30},
	 VMI_STOP,
	 VMI_SCHEDULED},
	{"delete, guest has ended",
	 {DELETING, LINKED, .stop_left_s = 20, .domain = DOMAIN_SUCCEEDED, .recorded = VMI_RUNNING},
	 VMI_STOP,
	 VMI_SUCCEEDED},
	{"delete, container ended by us",
	 {DELETING, .sandbox = SANDBOX_NETWORK, .endpoints = ENDPOINTS_ALL,
	  .recorded = VMI_RUNNING},
	 VMI_DETACH,
	 VMI_RUNNING},
	{"delete, half a network",
	 {DELETING, .sandbox = SANDBOX_PARTIAL},
	 VMI_REMOVE,
	 VMI_SCHEDULING},
	{"delete, all gone", {DELETING}, VMI_FINISH, VMI_PENDING},
	{"delete, manifest makes no sense",
	 {.known = true, .deleting = true, .sandbox = SANDBOX_NETWORK},
	 VMI_REMOVE,
	 VMI_SCHEDULING},
	/* leftovers of VMIs that nobody knows */
	{"orphan container", {LINKED}, VMI_STOP, VMI_SCHEDULED},
	{"orphan endpoints", {.endpoints = ENDPOINTS_SOME}, VMI_DETACH, VMI_PENDING},
	{"orphan network", {.sandbox = SANDBOX_NETWORK}, VMI_REMOVE, VMI_SCHEDULING},
	{"nothing at all", {0}, VMI_NOTHING, VMI_PENDING},
};

static void test_rows(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vmi_plan plan = vmi_plan(&rows[i].facts);

		if (plan.action != rows[i].action || plan.phase != rows[i].phase ||
		    plan.again != rows[i].again)
			fail_msg("%s: %s in %s", rows[i].name, vmi_action_name(plan.action),
				 vmi_phase_name(plan.phase));
	}
}

/* A silent launcher is looked at again when its time is over, not before. */
static void test_requeue(void **state)
{
	const struct vmi_facts facts = {DELETING, LINKED, .stop_left_s = 30,
					.recorded = VMI_RUNNING};

	assert_int_equal(vmi_plan(&facts).requeue_s, 30 + VMI_STOP_SLACK_S);
}

/* What an action does to the world when it succeeds. */
static void act(struct vmi_facts *facts, enum vmi_action action)
{
	switch (action) {
	case VMI_MAKE_NETWORK:
		facts->sandbox = SANDBOX_NETWORK;
		break;
	case VMI_NAME_NETWORK:
		facts->unnamed = false;
		break;
	case VMI_ATTACH:
		facts->endpoints = ENDPOINTS_ALL;
		break;
	case VMI_RUN:
		facts->sandbox = SANDBOX_RUNNING;
		facts->link_up = true;
		break;
	case VMI_SYNC:
		facts->synced = true;
		facts->domain = DOMAIN_RUNNING;
		break;
	case VMI_SHUTDOWN:
		facts->domain = DOMAIN_SUCCEEDED;
		break;
	case VMI_STOP:
		facts->sandbox = SANDBOX_NETWORK;
		facts->link_up = facts->synced = false;
		facts->domain = DOMAIN_UNKNOWN;
		break;
	case VMI_DETACH:
		facts->endpoints = ENDPOINTS_NONE;
		break;
	case VMI_REMOVE:
		facts->sandbox = SANDBOX_ABSENT;
		facts->stale = facts->foreign = false;
		break;
	case VMI_FINISH:
		facts->known = facts->deleting = false;
		break;
	case VMI_NOTHING:
		break;
	}
}

#define STEPS_MAX 12

/* Follows the plan to rest; fails when it does not come to rest. */
static void settle(struct vmi_facts *facts)
{
	for (int step = 0; step < STEPS_MAX; step++) {
		struct vmi_plan plan = vmi_plan(facts);

		facts->recorded = plan.phase;
		if (plan.action == VMI_NOTHING)
			return;
		act(facts, plan.action);
	}
	fail_msg("no rest after %d steps", STEPS_MAX);
}

/* Every combination of what may be left by a crash, under every wish. */
static bool world_next(struct vmi_facts *facts)
{
	static unsigned int n;
	unsigned int rest = n++;

	*facts = (struct vmi_facts){.sound = true, .volumes = true, .stop_left_s = 30};
	facts->sandbox = rest % 5;
	rest /= 5;
	facts->endpoints = rest % 3;
	rest /= 3;
	facts->domain = rest % 6;
	rest /= 6;
	facts->recorded = rest % 6;
	rest /= 6;
	facts->stale = rest & 1;
	facts->synced = rest & 2;
	facts->known = rest & 4;
	facts->deleting = rest & 8;
	facts->foreign = rest & 16 && facts->known && facts->sandbox != SANDBOX_ABSENT;
	if (facts->sandbox != SANDBOX_RUNNING || facts->stale || facts->foreign) {
		facts->synced = false;
		facts->domain = DOMAIN_UNKNOWN;
	}
	facts->link_up = facts->sandbox == SANDBOX_RUNNING && !facts->stale && !facts->foreign;
	return (rest & 32) == 0;
}

static void test_every_world_settles(void **state)
{
	struct vmi_facts facts;

	while (world_next(&facts)) {
		bool known = facts.known, deleting = facts.deleting;
		bool prepares = facts.domain == DOMAIN_PREPARING;

		settle(&facts);
		if (known && !deleting && !vmi_phase_is_final(facts.recorded)) {
			assert_int_equal(facts.sandbox, SANDBOX_RUNNING);
			assert_int_equal(facts.endpoints, ENDPOINTS_ALL);
			assert_true(facts.synced);
			assert_true(prepares || facts.domain >= DOMAIN_RUNNING ||
				    facts.domain == DOMAIN_UNKNOWN);
		} else {
			assert_int_equal(facts.sandbox, SANDBOX_ABSENT);
			assert_int_equal(facts.endpoints, ENDPOINTS_NONE);
			assert_false(facts.known && deleting);
		}
	}
}

static void test_names(void **state)
{
	for (int phase = VMI_PENDING; phase <= VMI_FAILED; phase++)
		assert_int_equal(vmi_phase_of(vmi_phase_name(phase)), phase);
	assert_int_equal(vmi_phase_of(NULL), VMI_PENDING);
	assert_int_equal(vmi_domain_of("Paused"), DOMAIN_PAUSED);
	assert_int_equal(vmi_domain_of("Dreaming"), DOMAIN_UNKNOWN);
	for (int action = VMI_NOTHING; action <= VMI_FINISH; action++)
		assert_non_null(vmi_action_name(action));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_requeue),
		cmocka_unit_test(test_every_world_settles),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
