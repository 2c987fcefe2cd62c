// SPDX-License-Identifier: Apache-2.0
/*
 * The status of a VMI from what was observed of it: conditions in KubeVirt's words, and the same
 * document when nothing is new.
 */
#include "unit.h"

#include <beeline/json.h>
#include <beeline/plan.h>

#include "../../agent/vmi/room.h"

/* What status.c asks of the rest of the agent. */
const struct vmis_config *vmis_config(const struct vmis *vmis)
{
	static const struct vmis_config config = {.vm_uid = 107, .node_name = "node-1"};

	return &config;
}

const uint8_t *endpoint_guest_mac(const struct endpoint *endpoint)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};

	return mac;
}

struct bl_addr endpoint_addr4(const struct endpoint *endpoint)
{
	struct bl_addr addr = {0};

	bl_addr_parse("10.1.2.3", &addr, NULL);
	return addr;
}

struct bl_addr endpoint_addr6(const struct endpoint *endpoint)
{
	return (struct bl_addr){0};
}

static const char manifest[] =
	"{\"apiVersion\": \"kubevirt.io/v1\", \"kind\": \"VirtualMachineInstance\","
	" \"metadata\": {\"name\": \"vm-01\", \"namespace\": \"default\", \"uid\": \"u\"},"
	" \"spec\": {\"domain\": {\"memory\": {\"guest\": \"128Mi\"}, \"cpu\": {\"cores\": 2},"
	"   \"devices\": {\"disks\": [{\"name\": \"root\", \"disk\": {\"bus\": \"virtio\"}}],"
	"                 \"interfaces\": [{\"name\": \"default\", \"bridge\": {}}]}},"
	"  \"networks\": [{\"name\": \"default\", \"pod\": {}}],"
	"  \"volumes\": [{\"name\": \"root\", \"containerDisk\": {\"image\": \"demo\"}}]}}";

struct fixture {
	struct cJSON *document;
	struct cJSON *launcher;
	struct vmi_record record;
	struct vmi_observation observation;
};

static struct cJSON *parse(const char *text)
{
	struct cJSON *json;
	struct bl_err err = BL_ERR_INIT;

	if (bl_json_parse(text, strlen(text), &json, &err) < 0)
		fail_msg("%s", err.message);
	return json;
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct vmi_observation *observation = &fixture->observation;

	fixture->document = parse(manifest);
	observation->document = fixture->document;
	assert_int_equal(bl_vmi_new(fixture->document, &observation->vmi, NULL), 0);
	observation->images = calloc(1, sizeof(struct image));
	observation->images[0].digest = strdup("sha256:aa");
	observation->facts = (struct vmi_facts){.known = true, .sound = true, .volumes = true};
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	free(fixture->observation.images[0].digest);
	free(fixture->observation.images);
	bl_vmi_free(fixture->observation.vmi);
	bl_json_free(fixture->document);
	bl_json_free(fixture->launcher);
	free(fixture);
	return 0;
}

/* Plans, takes the status over into the document, and returns it. */
static const struct cJSON *look(struct fixture *fixture)
{
	struct vmi_facts *facts = &fixture->observation.facts;
	struct vmi_plan plan;
	struct cJSON *status;

	facts->recorded = vmi_phase_of(bl_json_get_string(fixture->document, "status/phase"));
	plan = vmi_plan(facts);
	status = vmi_status(&fixture->record, &fixture->observation, &plan);
	bl_json_set(fixture->document, "status", status);
	return status;
}

static void launcher_says(struct fixture *fixture, const char *text)
{
	bl_json_free(fixture->launcher);
	fixture->launcher = parse(text);
	fixture->observation.launcher = fixture->launcher;
	fixture->observation.facts.domain =
		vmi_domain_of(bl_json_get_string(fixture->launcher, "phase"));
}

static void launcher_silent(struct fixture *fixture)
{
	fixture->observation.launcher = NULL;
	fixture->observation.facts.domain = DOMAIN_UNKNOWN;
}

static void bring_up(struct fixture *fixture)
{
	struct vmi_facts *facts = &fixture->observation.facts;

	facts->sandbox = fixture->observation.sandbox.phase = SANDBOX_RUNNING;
	facts->endpoints = ENDPOINTS_ALL;
	fixture->observation.endpoints[0] = (const struct endpoint *)fixture;
	facts->link_up = facts->synced = true;
	launcher_says(fixture, "{\"phase\": \"Running\", \"emulated\": true,"
			       " \"emulationReason\": \"no KVM\"}");
}

static const struct cJSON *condition(const struct cJSON *status, const char *type)
{
	bl_json_for_each (entry, bl_json_get(status, "conditions"))
		if (strcmp(bl_json_get_string(entry, "type"), type) == 0)
			return entry;
	return NULL;
}

/* "False/Reason/message"; "" when there is no such condition. */
static void assert_condition(const struct cJSON *status, const char *type, const char *expected)
{
	const struct cJSON *entry = condition(status, type);
	const char *reason = bl_json_get_string(entry, "reason");
	const char *message = bl_json_get_string(entry, "message");
	bl_autofree char *text = entry ? bl_format("%s/%s/%s", bl_json_get_string(entry, "status"),
						   reason ? reason : "", message ? message : "")
				       : bl_strdup("");

	assert_string_equal(text, expected);
}

static void test_new(void **state)
{
	const struct cJSON *status = look(*state);

	assert_string_equal(bl_json_get_string(status, "phase"), "Pending");
	assert_condition(status, "Ready", "False/PodNotExists/virt-launcher pod does not exist");
	assert_condition(status, "Synchronized", "");
	assert_null(bl_json_get(status, "nodeName"));
	assert_null(bl_json_get(status, "interfaces"));
	assert_string_equal(bl_json_get_string(status, "memory/guestAtBoot"), "128Mi");
	assert_string_equal(bl_json_get_string(status, "volumeStatus/0/containerDiskVolume/digest"),
			    "sha256:aa");
}

static void test_running(void **state)
{
	const struct cJSON *status;

	bring_up(*state);
	status = look(*state);
	assert_string_equal(bl_json_get_string(status, "phase"), "Running");
	assert_condition(status, "Ready", "True//");
	assert_condition(status, "Synchronized", "True//");
	assert_condition(status, "SoftwareEmulation", "True/KVMNotUsable/no KVM");
	assert_string_equal(bl_json_get_string(status, "nodeName"), "node-1");
	assert_string_equal(bl_json_get_string(status, "interfaces/0/ipAddress"), "10.1.2.3");
	assert_string_equal(bl_json_get_string(status, "interfaces/0/mac"), "02:00:00:00:00:01");
	assert_int_equal(bl_json_size(bl_json_get(status, "interfaces/0/ipAddresses")), 1);
	assert_int_equal(bl_json_get_number(status, "interfaces/0/queueCount", 0), 2);
}

/* Looking twice is not news, and neither is a launcher that is being found again. */
static void test_nothing_new(void **state)
{
	struct fixture *fixture = *state;
	bl_auto_json struct cJSON *before = NULL;

	bring_up(fixture);
	before = bl_json_copy(look(fixture));
	assert_true(bl_json_equal(before, look(fixture)));
	launcher_silent(fixture);
	fixture->observation.facts.link_up = fixture->observation.facts.synced = false;
	assert_true(bl_json_equal(before, look(fixture)));
}

static void test_paused(void **state)
{
	struct fixture *fixture = *state;
	const struct cJSON *status;

	bring_up(fixture);
	launcher_says(fixture, "{\"phase\": \"Paused\"}");
	status = look(fixture);
	assert_string_equal(bl_json_get_string(status, "phase"), "Running");
	assert_condition(status, "Paused", "True/PausedByUser/VMI was paused by user");
	assert_condition(status, "Ready",
			 "False/GuestNotRunning/Guest VM is not reported as running");
	launcher_says(fixture, "{\"phase\": \"Running\"}");
	status = look(fixture);
	assert_condition(status, "Paused", "");
	assert_condition(status, "Ready", "True//");
}

/* A failure is told with its reason, a later one in its place, and it is over when it is over. */
static void test_trouble(void **state)
{
	struct fixture *fixture = *state;

	fixture->observation.trouble.reason = "ErrImagePull";
	bl_fail(&fixture->observation.trouble.err, -2, "import it first");
	assert_condition(look(fixture), "Synchronized", "False/ErrImagePull/import it first");
	fixture->record.trouble.reason = "NetworkFailed";
	bl_fail(&fixture->record.trouble.err, -2, "no plugin");
	assert_condition(look(fixture), "Synchronized", "False/NetworkFailed/no plugin");
	fixture->record.trouble.reason = fixture->observation.trouble.reason = NULL;
	assert_condition(look(fixture), "Synchronized", "");
	bring_up(fixture);
	launcher_says(fixture, "{\"phase\": \"Preparing\", \"message\": \"libvirt is dead\"}");
	assert_condition(look(fixture), "Synchronized", "False/DomainFailed/libvirt is dead");
	launcher_says(fixture, "{\"phase\": \"Running\"}");
	assert_condition(look(fixture), "Synchronized", "True//");
}

/* The guest runs on without its libvirt daemon: it is still ready. */
static void test_outage(void **state)
{
	struct fixture *fixture = *state;
	const struct cJSON *status;

	bring_up(fixture);
	launcher_says(fixture, "{\"phase\": \"Running\"}");
	look(fixture);
	launcher_says(fixture, "{\"phase\": \"Running\", \"outage\": \"it does not answer\"}");
	status = look(fixture);
	assert_condition(status, "Synchronized", "False/LibvirtUnreachable/it does not answer");
	assert_condition(status, "Ready", "True//");
	/* A launcher that was killed meanwhile knows no more than that. */
	launcher_says(fixture, "{\"phase\": \"Unknown\", \"outage\": \"it does not answer\"}");
	status = look(fixture);
	assert_string_equal(bl_json_get_string(status, "phase"), "Running");
	assert_condition(status, "Synchronized", "False/LibvirtUnreachable/it does not answer");
	assert_condition(status, "Ready", "True//");
	launcher_says(fixture, "{\"phase\": \"Running\"}");
	assert_condition(look(fixture), "Synchronized", "True//");
}

/* A running guest that no packet reaches is not ready; while it is paused that it is paused says more. */
static void test_cut(void **state)
{
	struct fixture *fixture = *state;
	struct vmi_trouble *cut = &fixture->observation.cut;

	bring_up(fixture);
	look(fixture);
	cut->reason = "NoCarrier";
	bl_fail(&cut->err, -67, "restart the VM");
	assert_condition(look(fixture), "Ready", "False/NoCarrier/restart the VM");
	launcher_silent(fixture);
	cut->reason = NULL; /* nothing is known of the guest: what was true stays so */
	assert_condition(look(fixture), "Ready", "False/NoCarrier/restart the VM");
	launcher_says(fixture, "{\"phase\": \"Paused\"}");
	cut->reason = "NoCarrier";
	assert_condition(look(fixture), "Ready",
			 "False/GuestNotRunning/Guest VM is not reported as running");
	launcher_says(fixture, "{\"phase\": \"Running\"}");
	cut->reason = NULL;
	assert_condition(look(fixture), "Ready", "True//");
}

static void test_ends(void **state)
{
	struct fixture *fixture = *state;
	const struct cJSON *status;

	bring_up(fixture);
	look(fixture);
	launcher_says(fixture, "{\"phase\": \"Failed\", \"message\": \"the guest panicked\"}");
	status = look(fixture);
	assert_string_equal(bl_json_get_string(status, "phase"), "Failed");
	assert_condition(status, "Synchronized", "False/DomainFailed/the guest panicked");
	/* The words stay when the container has gone. */
	launcher_silent(fixture);
	fixture->observation.facts.sandbox = SANDBOX_ABSENT;
	status = look(fixture);
	assert_string_equal(bl_json_get_string(status, "phase"), "Failed");
	assert_condition(status, "Synchronized", "False/DomainFailed/the guest panicked");
	assert_condition(status, "Ready",
			 "False/GuestNotRunning/Guest VM is not reported as running");
}

static void test_lost(void **state)
{
	struct fixture *fixture = *state;

	bring_up(fixture);
	look(fixture);
	launcher_silent(fixture);
	fixture->observation.facts.sandbox = SANDBOX_STOPPED;
	assert_condition(look(fixture), "Synchronized",
			 "False/LauncherLost/"
			 "the VM's container went down while the guest ran");
}

static void test_lost_with_host(void **state)
{
	struct fixture *fixture = *state;

	bring_up(fixture);
	look(fixture);
	launcher_silent(fixture);
	fixture->observation.facts.sandbox = SANDBOX_PARTIAL;
	fixture->observation.facts.stale = true;
	assert_condition(look(fixture), "Synchronized",
			 "False/NodeRebooted/the host was booted anew while the guest ran");
}

static void test_deleting(void **state)
{
	struct fixture *fixture = *state;

	bring_up(fixture);
	look(fixture);
	fixture->observation.facts.deleting = true;
	fixture->observation.facts.stop_left_s = 30;
	assert_condition(look(fixture), "Ready",
			 "False/PodTerminating/virt-launcher pod is terminating");
}

static void test_limits(void **state)
{
	struct fixture *fixture = *state;

	bring_up(fixture);
	fixture->observation.sandbox.degraded = (char *)"no memory controller";
	assert_condition(look(fixture), "ResourceLimits",
			 "False/NotAvailableOnHost/no memory controller");
	fixture->observation.sandbox.degraded = NULL;
	assert_condition(look(fixture), "ResourceLimits", "");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_new),    TEST(test_running),        TEST(test_nothing_new),
		TEST(test_paused), TEST(test_trouble),        TEST(test_ends),
		TEST(test_lost),   TEST(test_lost_with_host), TEST(test_deleting),
		TEST(test_limits), TEST(test_outage),         TEST(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
