// SPDX-License-Identifier: Apache-2.0
/* What a VirtualMachine wants, strategy by strategy, as a story of VM, VMI and clock. */
#include "unit.h"

#include <errno.h>

#include <beeline/plan.h>
#include <beeline/vmi.h>

#define NOW 1767323045 /* 2026-01-02T03:04:05Z */

static struct cJSON *parse(char *text)
{
	struct bl_err err = BL_ERR_INIT;
	struct cJSON *json = NULL;

	if (bl_json_parse(text, strlen(text), &json, &err) < 0)
		fail_msg("%s: %s", err.message, text);
	free(text);
	return json;
}

static struct cJSON *make_vm(const char *spec)
{
	return parse(bl_format(
		"{\"apiVersion\":\"kubevirt.io/v1\",\"kind\":\"VirtualMachine\",\"metadata\":{"
		"\"name\":\"vm\",\"namespace\":\"ns\",\"uid\":\"6f7d7c7e-1111-4222-8333-"
		"444455556666\","
		"\"generation\":3},\"spec\":{%s,\"template\":{\"metadata\":{\"labels\":{\"a\":"
		"\"b\"}},"
		"\"spec\":{\"domain\":{\"memory\":{\"guest\":\"64Mi\"},\"devices\":{}}}}}}",
		spec));
}

/* A VMI of that VM with a status. */
static struct cJSON *make_vmi(const struct cJSON *vm, const char *uid, const char *status)
{
	struct bl_err err = BL_ERR_INIT;
	bl_auto_json struct cJSON *always = bl_json_copy(vm);
	struct bl_vm_plan plan;
	struct cJSON *vmi;

	bl_json_remove(bl_json_get(always, "spec"), "running");
	bl_json_set_string(bl_json_get(always, "spec"), "runStrategy", "Always");
	bl_json_remove(always, "status");
	bl_json_remove(bl_json_get(always, "metadata"), "deletionTimestamp");
	assert_int_equal(bl_plan_vm(always, NULL, NOW, &plan, &err), 0);
	assert_int_equal(plan.action, BL_VM_CREATE_VMI);
	vmi = bl_json_copy(plan.vmi);
	bl_json_set_string(bl_json_get(vmi, "metadata"), "uid", uid);
	bl_json_set(vmi, "status", parse(bl_strdup(status)));
	bl_vm_plan_clear(&plan);
	return vmi;
}

/* Plans, takes the new status into the VM, and says what is to be done and how it looks. */
static enum bl_vm_action plan(struct cJSON *vm, const struct cJSON *vmi, int64_t wall_s,
			      const char *printable)
{
	struct bl_err err = BL_ERR_INIT;
	struct bl_vm_plan plan;
	enum bl_vm_action action;

	assert_int_equal(bl_plan_vm(vm, vmi, wall_s, &plan, &err), 0);
	assert_true((plan.action == BL_VM_CREATE_VMI) == (plan.vmi != NULL));
	assert_string_equal(bl_json_get_string(plan.status, "printableStatus"), printable);
	action = plan.action;
	bl_json_set(vm, "status", bl_take_ptr(plan.status));
	bl_vm_plan_clear(&plan);
	return action;
}

/* The VMI goes through a status, the VM follows. */
static enum bl_vm_action plan_with(struct cJSON *vm, const char *uid, const char *status,
				   const char *printable)
{
	bl_auto_json struct cJSON *vmi = make_vmi(vm, uid, status);

	return plan(vm, vmi, NOW, printable);
}

static void test_instance(void **state)
{
	bl_auto_json struct cJSON *vm = make_vm("\"running\":true");
	bl_auto_json struct cJSON *vmi = make_vmi(vm, "u1", "{}");
	bl_auto_json struct cJSON *again = make_vmi(vm, "u1", "{}");
	bl_auto_vmi struct bl_vmi *typed = NULL;
	struct bl_err err = BL_ERR_INIT;

	assert_true(bl_json_equal(vmi, again));
	assert_int_equal(bl_vmi_new(vmi, &typed, &err), 0);
	assert_string_equal(typed->name, "vm");
	assert_string_equal(typed->namespace, "ns");
	assert_string_equal(typed->firmware_uuid, "6f7d7c7e-1111-4222-8333-444455556666");
	assert_int_equal(typed->n_interfaces, 1);
	assert_true(typed->interfaces[0].has_mac);
	assert_int_equal(typed->interfaces[0].mac[0] & 3, 2);
	assert_string_equal(bl_json_get_string(vmi, "metadata/labels/a"), "b");
	assert_string_equal(bl_json_get_string(vmi, "metadata/ownerReferences/0/uid"),
			    "6f7d7c7e-1111-4222-8333-444455556666");
	assert_true(bl_json_get_bool(vmi, "metadata/ownerReferences/0/controller", false));
}

static void test_other_vm_has_another_mac(void **state)
{
	bl_auto_json struct cJSON *vm = make_vm("\"running\":true");
	bl_auto_json struct cJSON *one = make_vmi(vm, "u", "{}");
	bl_auto_json struct cJSON *two = NULL;
	static const char path[] = "spec/domain/devices/interfaces/0/macAddress";

	bl_json_set_string(bl_json_get(vm, "metadata"), "uid",
			   "6f7d7c7e-1111-4222-8333-444455556667");
	two = make_vmi(vm, "u", "{}");
	assert_string_not_equal(bl_json_get_string(one, path), bl_json_get_string(two, path));
}

static void test_always(void **state)
{
	bl_auto_json struct cJSON *vm = make_vm("\"runStrategy\":\"Always\"");

	assert_int_equal(plan(vm, NULL, NOW, "Stopped"), BL_VM_CREATE_VMI);
	assert_int_equal(plan_with(vm, "u1", "{}", "Starting"), BL_VM_NOTHING);
	assert_int_equal(plan_with(vm, "u1", "{\"phase\":\"Scheduled\"}", "Starting"),
			 BL_VM_NOTHING);
	assert_int_equal(plan_with(vm, "u1", "{\"phase\":\"Running\"}", "Running"), BL_VM_NOTHING);
	assert_int_equal(plan_with(vm, "u1", "{\"phase\":\"Succeeded\"}", "Stopped"),
			 BL_VM_DELETE_VMI);
	assert_int_equal(plan(vm, NULL, NOW, "Stopped"), BL_VM_CREATE_VMI);
}

static void test_deleting_vmi_is_waited_for(void **state)
{
	bl_auto_json struct cJSON *vm = make_vm("\"runStrategy\":\"Always\"");
	bl_auto_json struct cJSON *vmi = make_vmi(vm, "u1", "{\"phase\":\"Running\"}");

	bl_json_set_string(bl_json_get(vmi, "metadata"), "deletionTimestamp",
			   "2026-01-02T03:04:05Z");
	assert_int_equal(plan(vm, vmi, NOW, "Stopping"), BL_VM_NOTHING);
}

static int64_t count_of(const struct cJSON *vm)
{
	return bl_json_get_number(vm, "status/startFailure/consecutiveFailCount", 0);
}

static void test_back_off(void **state)
{
	static const int64_t waits_s[] = {10, 40, 90, 160, 250, 300, 300};
	bl_auto_json struct cJSON *vm = make_vm("\"runStrategy\":\"Always\"");
	struct bl_err err = BL_ERR_INIT;

	for (size_t i = 0; i < sizeof(waits_s) / sizeof(waits_s[0]); i++) {
		char uid[16] = {'u', '0' + i};
		struct bl_vm_plan later;

		assert_int_equal(plan_with(vm, uid, "{\"phase\":\"Failed\"}", "CrashLoopBackOff"),
				 BL_VM_DELETE_VMI);
		/* the same failure is counted once */
		assert_int_equal(plan_with(vm, uid, "{\"phase\":\"Failed\"}", "CrashLoopBackOff"),
				 BL_VM_DELETE_VMI);
		assert_int_equal(count_of(vm), i + 1);
		assert_int_equal(bl_plan_vm(vm, NULL, NOW + 1, &later, &err), 0);
		assert_int_equal(later.action, BL_VM_NOTHING);
		assert_int_equal(later.requeue_ns, (waits_s[i] - 1) * 1000000000ull);
		bl_vm_plan_clear(&later);
		assert_int_equal(plan(vm, NULL, NOW + waits_s[i], "CrashLoopBackOff"),
				 BL_VM_CREATE_VMI);
	}
}

static void test_long_run_forgets_failures(void **state)
{
	bl_auto_json struct cJSON *vm = make_vm("\"runStrategy\":\"Always\"");
	struct cJSON *status = bl_json_object();
	bl_auto_json struct cJSON *vmi = NULL;

	plan_with(vm, "u1", "{\"phase\":\"Failed\"}", "CrashLoopBackOff");
	plan_with(vm, "u2", "{\"phase\":\"Failed\"}", "CrashLoopBackOff");
	assert_int_equal(count_of(vm), 2);
	assert_true(bl_phase_set(status, "Running", NOW));
	assert_false(bl_phase_set(status, "Running", NOW + 1));
	assert_true(bl_phase_set(status, "Failed", NOW + 299));
	vmi = make_vmi(vm, "u3", "{}");
	bl_json_set(vmi, "status", status);
	plan(vm, vmi, NOW + 299, "CrashLoopBackOff");
	assert_int_equal(count_of(vm), 3);
	bl_json_free(bl_take_ptr(vmi));

	status = bl_json_object();
	bl_phase_set(status, "Running", NOW);
	bl_phase_set(status, "Failed", NOW + 300);
	vmi = make_vmi(vm, "u4", "{}");
	bl_json_set(vmi, "status", status);
	plan(vm, vmi, NOW + 300, "CrashLoopBackOff");
	assert_int_equal(count_of(vm), 1);
}

/* A host that was booted anew is not the VM's failure: it starts at once, and what it did before is
 * remembered. */
static void test_reboot_is_no_failure(void **state)
{
	static const char rebooted[] =
		"{\"phase\":\"Failed\",\"conditions\":[{\"type\":\"Synchronized\","
		"\"status\":\"False\",\"reason\":\"NodeRebooted\"}]}";
	bl_auto_json struct cJSON *vm = make_vm("\"runStrategy\":\"Always\"");

	assert_int_equal(plan_with(vm, "u1", rebooted, "Stopped"), BL_VM_DELETE_VMI);
	assert_int_equal(count_of(vm), 0);
	assert_int_equal(plan(vm, NULL, NOW, "Stopped"), BL_VM_CREATE_VMI);
	plan_with(vm, "u2", "{\"phase\":\"Failed\"}", "CrashLoopBackOff");
	plan_with(vm, "u3", rebooted, "CrashLoopBackOff");
	assert_int_equal(count_of(vm), 1);
}

static void test_clock_set_back(void **state)
{
	bl_auto_json struct cJSON *vm = make_vm("\"runStrategy\":\"Always\"");
	struct bl_err err = BL_ERR_INIT;
	struct bl_vm_plan later;

	plan_with(vm, "u1", "{\"phase\":\"Failed\"}", "CrashLoopBackOff");
	assert_int_equal(bl_plan_vm(vm, NULL, NOW - 1000000, &later, &err), 0);
	assert_int_equal(later.requeue_ns, 300 * 1000000000ull);
	bl_vm_plan_clear(&later);
}

static void request(struct cJSON *vm, const char *uid, const char *vmi_status, enum bl_vm_verb verb,
		    const char *refusal)
{
	bl_auto_json struct cJSON *vmi = vmi_status ? make_vmi(vm, uid, vmi_status) : NULL;
	struct bl_err err = BL_ERR_INIT;

	if (refusal)
		assert_fails(bl_vm_request(vm, vmi, verb, &err), -EBUSY, refusal);
	else
		assert_int_equal(bl_vm_request(vm, vmi, verb, &err), 0);
}

static void test_restart(void **state)
{
	static const char *const strategies[] = {"Always", "RerunOnFailure", "Manual"};

	for (size_t i = 0; i < 3; i++) {
		bl_autofree char *spec = bl_format("\"runStrategy\":\"%s\"", strategies[i]);
		bl_auto_json struct cJSON *vm = make_vm(spec);

		plan_with(vm, "u1", "{\"phase\":\"Running\"}", "Running");
		request(vm, "u1", "{\"phase\":\"Running\"}", BL_VM_RESTART, NULL);
		assert_int_equal(plan_with(vm, "u1", "{\"phase\":\"Running\"}", "Stopping"),
				 BL_VM_DELETE_VMI);
		assert_int_equal(plan(vm, NULL, NOW, "Stopped"), BL_VM_CREATE_VMI);
		assert_int_equal(plan_with(vm, "u2", "{\"phase\":\"Running\"}", "Running"),
				 BL_VM_NOTHING);
		assert_null(bl_json_get(vm, "status/stateChangeRequests"));
		assert_int_equal(plan(vm, NULL, NOW, "Stopped"),
				 i == 0 ? BL_VM_CREATE_VMI : BL_VM_NOTHING);
	}
}

static void test_halted(void **state)
{
	bl_auto_json struct cJSON *vm = make_vm("\"running\":false");

	assert_int_equal(plan(vm, NULL, NOW, "Stopped"), BL_VM_NOTHING);
	assert_int_equal(plan_with(vm, "u1", "{\"phase\":\"Running\"}", "Stopping"),
			 BL_VM_DELETE_VMI);
	request(vm, NULL, NULL, BL_VM_STOP, "not running");
	request(vm, "u1", "{\"phase\":\"Running\"}", BL_VM_RESTART, "does not allow");
	request(vm, NULL, NULL, BL_VM_START, NULL);
	assert_true(bl_json_get_bool(vm, "spec/running", false));
	assert_null(bl_json_get(vm, "spec/runStrategy"));
	assert_int_equal(plan(vm, NULL, NOW, "Stopped"), BL_VM_CREATE_VMI);
	request(vm, "u1", "{\"phase\":\"Running\"}", BL_VM_START, "running already");
	request(vm, "u1", "{\"phase\":\"Running\"}", BL_VM_STOP, NULL);
	assert_false(bl_json_get_bool(vm, "spec/running", true));
}

static void test_manual(void **state)
{
	bl_auto_json struct cJSON *vm = make_vm("\"runStrategy\":\"Manual\"");

	assert_int_equal(plan(vm, NULL, NOW, "Stopped"), BL_VM_NOTHING);
	request(vm, NULL, NULL, BL_VM_START, NULL);
	assert_int_equal(plan(vm, NULL, NOW, "Stopped"), BL_VM_CREATE_VMI);
	assert_int_equal(plan_with(vm, "u1", "{\"phase\":\"Failed\"}", "Stopped"), BL_VM_NOTHING);
	/* what ended is taken away before its successor comes */
	request(vm, "u1", "{\"phase\":\"Failed\"}", BL_VM_START, NULL);
	assert_int_equal(plan_with(vm, "u1", "{\"phase\":\"Failed\"}", "Stopped"),
			 BL_VM_DELETE_VMI);
	assert_int_equal(plan(vm, NULL, NOW, "Stopped"), BL_VM_CREATE_VMI);
	request(vm, "u2", "{\"phase\":\"Running\"}", BL_VM_STOP, NULL);
	/* a request names one VMI; another is not its business */
	assert_int_equal(plan_with(vm, "u3", "{\"phase\":\"Running\"}", "Running"), BL_VM_NOTHING);
	assert_null(bl_json_get(vm, "status/stateChangeRequests"));
	request(vm, "u3", "{\"phase\":\"Running\"}", BL_VM_STOP, NULL);
	assert_int_equal(plan_with(vm, "u3", "{\"phase\":\"Running\"}", "Stopping"),
			 BL_VM_DELETE_VMI);
	assert_int_equal(plan(vm, NULL, NOW, "Stopped"), BL_VM_NOTHING);
}

static void test_rerun_on_failure(void **state)
{
	bl_auto_json struct cJSON *vm = make_vm("\"runStrategy\":\"RerunOnFailure\"");

	assert_int_equal(plan(vm, NULL, NOW, "Stopped"), BL_VM_CREATE_VMI);
	assert_int_equal(plan_with(vm, "u1", "{\"phase\":\"Failed\"}", "CrashLoopBackOff"),
			 BL_VM_DELETE_VMI);
	assert_int_equal(plan(vm, NULL, NOW + 9, "CrashLoopBackOff"), BL_VM_NOTHING);
	assert_int_equal(plan(vm, NULL, NOW + 10, "CrashLoopBackOff"), BL_VM_CREATE_VMI);
	assert_int_equal(plan_with(vm, "u2", "{\"phase\":\"Succeeded\"}", "Stopped"),
			 BL_VM_DELETE_VMI);
	assert_int_equal(plan(vm, NULL, NOW + 99, "Stopped"), BL_VM_NOTHING);
	request(vm, NULL, NULL, BL_VM_START, NULL);
	assert_int_equal(plan(vm, NULL, NOW, "Stopped"), BL_VM_CREATE_VMI);
}

/* Stop during the back-off: what waits to be started is not started. */
static void test_stop_while_backing_off(void **state)
{
	bl_auto_json struct cJSON *vm = make_vm("\"runStrategy\":\"RerunOnFailure\"");

	plan_with(vm, "u1", "{\"phase\":\"Failed\"}", "CrashLoopBackOff");
	request(vm, NULL, NULL, BL_VM_STOP, NULL);
	assert_int_equal(plan(vm, NULL, NOW + 1000, "CrashLoopBackOff"), BL_VM_NOTHING);
}

static void test_once(void **state)
{
	bl_auto_json struct cJSON *vm = make_vm("\"runStrategy\":\"Once\"");

	assert_int_equal(plan(vm, NULL, NOW, "Stopped"), BL_VM_CREATE_VMI);
	assert_int_equal(plan_with(vm, "u1", "{\"phase\":\"Succeeded\"}", "Stopped"),
			 BL_VM_NOTHING);
	request(vm, "u1", "{\"phase\":\"Succeeded\"}", BL_VM_START, "does not allow");
	request(vm, "u1", "{\"phase\":\"Running\"}", BL_VM_STOP, NULL);
	assert_string_equal(bl_json_get_string(vm, "spec/runStrategy"), "Halted");
}

static void test_deleting_vm(void **state)
{
	bl_auto_json struct cJSON *vm = make_vm("\"runStrategy\":\"Always\"");

	bl_json_set_string(bl_json_get(vm, "metadata"), "deletionTimestamp",
			   "2026-01-02T03:04:05Z");
	assert_int_equal(plan_with(vm, "u1", "{\"phase\":\"Running\"}", "Terminating"),
			 BL_VM_DELETE_VMI);
	assert_int_equal(plan(vm, NULL, NOW, "Terminating"), BL_VM_NOTHING);
}

static void test_foreign_vmi(void **state)
{
	bl_auto_json struct cJSON *vm = make_vm("\"runStrategy\":\"Always\"");
	bl_auto_json struct cJSON *vmi = make_vmi(vm, "u1", "{\"phase\":\"Running\"}");

	bl_json_remove(bl_json_get(vmi, "metadata"), "ownerReferences");
	assert_int_equal(plan(vm, vmi, NOW, "Stopped"), BL_VM_NOTHING);
	assert_string_equal(bl_condition(bl_json_get(vm, "status"), "Failure"), "True");
	assert_int_equal(plan_with(vm, "u2", "{\"phase\":\"Running\"}", "Running"), BL_VM_NOTHING);
	assert_null(bl_condition(bl_json_get(vm, "status"), "Failure"));
}

static void test_conditions(void **state)
{
	bl_auto_json struct cJSON *vm = make_vm("\"runStrategy\":\"Always\"");
	const struct cJSON *status, *ready;

	plan_with(vm, "u1",
		  "{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"},"
		  "{\"type\":\"Paused\",\"status\":\"True\"},"
		  "{\"type\":\"SoftwareEmulation\",\"status\":\"True\"}]}",
		  "Paused");
	status = bl_json_get(vm, "status");
	assert_string_equal(bl_condition(status, "Ready"), "True");
	assert_string_equal(bl_condition(status, "SoftwareEmulation"), "True");
	assert_true(bl_json_get_bool(status, "created", false));
	assert_true(bl_json_get_bool(status, "ready", false));
	plan_with(vm, "u1",
		  "{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\","
		  "\"reason\":\"NoCarrier\",\"message\":\"restart the VM\"}]}",
		  "Running");
	ready = bl_condition_find(bl_json_get(vm, "status"), "Ready");
	assert_string_equal(bl_json_get_string(ready, "status"), "False");
	assert_string_equal(bl_json_get_string(ready, "reason"), "NoCarrier");
	assert_string_equal(bl_json_get_string(ready, "message"), "restart the VM");
	plan(vm, NULL, NOW, "Stopped");
	status = bl_json_get(vm, "status");
	assert_string_equal(bl_condition(status, "Ready"), "False");
	assert_null(bl_condition(status, "Paused"));
	assert_false(bl_json_get_bool(status, "created", true));
}

/* The same look twice gives the same status to the letter: it is written only when it changed. */
static void test_status_is_stable(void **state)
{
	bl_auto_json struct cJSON *vm = make_vm("\"runStrategy\":\"Always\"");
	bl_auto_json struct cJSON *vmi =
		make_vmi(vm, "u1",
			 "{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Paused\","
			 "\"status\":\"False\"},{\"type\":\"Ready\",\"status\":\"True\"}]}");
	bl_autofree char *first = NULL, *second = NULL;

	plan(vm, vmi, NOW, "Running");
	first = bl_json_print(bl_json_get(vm, "status"));
	plan(vm, vmi, NOW + 60, "Running");
	second = bl_json_print(bl_json_get(vm, "status"));
	assert_string_equal(first, second);
}

static void test_image_pull(void **state)
{
	bl_auto_json struct cJSON *vm = make_vm("\"runStrategy\":\"Always\"");

	plan_with(vm, "u1",
		  "{\"phase\":\"Pending\",\"conditions\":[{\"type\":\"Synchronized\","
		  "\"status\":\"False\",\"reason\":\"ErrImagePull\"}]}",
		  "ErrImagePull");
	plan_with(vm, "u1",
		  "{\"phase\":\"Pending\",\"conditions\":[{\"type\":\"PodScheduled\","
		  "\"status\":\"False\",\"reason\":\"Unschedulable\"}]}",
		  "ErrorUnschedulable");
}

/* "" when it is not there. */
static const char *why_restart(const struct cJSON *vm)
{
	const struct cJSON *condition =
		bl_condition_find(bl_json_get(vm, "status"), "RestartRequired");

	return condition ? bl_json_get_string(condition, "message") : "";
}

static void test_restart_required(void **state)
{
	bl_auto_json struct cJSON *vm = make_vm("\"runStrategy\":\"Always\"");
	bl_auto_json struct cJSON *vmi = make_vmi(vm, "u1", "{\"phase\":\"Running\"}");

	/* another generation, but not of the template */
	bl_json_set_number(bl_json_get(vm, "metadata"), "generation", 4);
	plan(vm, vmi, NOW, "Running");
	assert_null(bl_condition(bl_json_get(vm, "status"), "RestartRequired"));
	bl_json_set_string(bl_json_get(vm, "spec/template/spec/domain/memory"), "guest", "128Mi");
	plan(vm, vmi, NOW, "Running");
	assert_string_equal(bl_condition(bl_json_get(vm, "status"), "RestartRequired"), "True");
	assert_string_equal(why_restart(vm),
			    "a non-live-updatable field was changed in the template spec");
	assert_int_equal(bl_json_get_number(vm, "status/observedGeneration", 0), 3);
	assert_int_equal(bl_json_get_number(vm, "status/desiredGeneration", 0), 4);
}

static void test_restart_required_by_labels(void **state)
{
	bl_auto_json struct cJSON *vm = make_vm("\"runStrategy\":\"Always\"");
	bl_auto_json struct cJSON *vmi = make_vmi(vm, "u1", "{\"phase\":\"Running\"}");
	struct cJSON *labels = bl_json_get(vm, "spec/template/metadata/labels");

	bl_json_set_number(bl_json_get(vm, "metadata"), "generation", 4);
	bl_json_set_string(labels, "a", "c");
	plan(vm, vmi, NOW, "Running");
	assert_non_null(strstr(why_restart(vm), "labels were changed"));
	bl_json_set_string(labels, "a", "b");
	plan(vm, vmi, NOW, "Running");
	assert_string_equal(why_restart(vm), "");
	bl_json_remove(labels, "a");
	plan(vm, vmi, NOW, "Running");
	assert_non_null(strstr(why_restart(vm), "labels were changed"));
	/* none and no object of them are the same */
	bl_json_remove(bl_json_get(vmi, "metadata"), "labels");
	plan(vm, vmi, NOW, "Running");
	assert_string_equal(why_restart(vm), "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_instance),
		cmocka_unit_test(test_other_vm_has_another_mac),
		cmocka_unit_test(test_always),
		cmocka_unit_test(test_deleting_vmi_is_waited_for),
		cmocka_unit_test(test_back_off),
		cmocka_unit_test(test_long_run_forgets_failures),
		cmocka_unit_test(test_reboot_is_no_failure),
		cmocka_unit_test(test_clock_set_back),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_halted),
		cmocka_unit_test(test_manual),
		cmocka_unit_test(test_rerun_on_failure),
		cmocka_unit_test(test_stop_while_backing_off),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_deleting_vm),
		cmocka_unit_test(test_foreign_vmi),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_status_is_stable),
		cmocka_unit_test(test_image_pull),
		cmocka_unit_test(test_restart_required),
		cmocka_unit_test(test_restart_required_by_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
