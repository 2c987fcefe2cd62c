// SPDX-License-Identifier: Apache-2.0
/*
 * The status of one VMI, whole, from one observation and the plan made of it, in KubeVirt's names. Pure:
 * what does not change between two looks is the same document, and is not written again.
 */
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/plan.h>
#include <beeline/quantity.h>

#include "room.h"

static void set_ready(struct cJSON *status, const struct vmi_observation *observation,
		      enum vmi_phase phase, int64_t now)
{
	const struct vmi_facts *facts = &observation->facts;
	const struct vmi_trouble *cut = &observation->cut;

	if (facts->deleting && !vmi_phase_is_final(phase))
		bl_condition_set(status, "Ready", "False", "PodTerminating",
				 "virt-launcher pod is terminating", now);
	else if (phase == VMI_RUNNING && facts->domain == DOMAIN_RUNNING && cut->reason)
		bl_condition_set(status, "Ready", "False", cut->reason, cut->err.message, now);
	else if (phase == VMI_RUNNING && facts->domain == DOMAIN_RUNNING)
		bl_condition_set(status, "Ready", "True", NULL, NULL, now);
	else if (phase == VMI_RUNNING && facts->domain == DOMAIN_UNKNOWN)
		return; /* the launcher is being found again: what was true stays so */
	else if (facts->sandbox == SANDBOX_ABSENT && !vmi_phase_is_final(phase))
		bl_condition_set(status, "Ready", "False", "PodNotExists",
				 "virt-launcher pod does not exist", now);
	else
		bl_condition_set(status, "Ready", "False", "GuestNotRunning",
				 "Guest VM is not reported as running", now);
}

static void set_paused(struct cJSON *status, const struct vmi_observation *observation, int64_t now)
{
	const char *reason = bl_json_get_string(observation->launcher, "reason");

	if (observation->facts.domain == DOMAIN_PAUSED && reason && strcmp(reason, "IOError") == 0)
		bl_condition_set(status, "Paused", "True", "PausedIOError",
				 bl_json_get_string(observation->launcher, "message"), now);
	else if (observation->facts.domain == DOMAIN_PAUSED)
		bl_condition_set(status, "Paused", "True", "PausedByUser", "VMI was paused by user",
				 now);
	else if (observation->facts.domain != DOMAIN_UNKNOWN)
		bl_condition_remove(status, "Paused");
}

/* What the launcher has to say of a domain that does not come up, or has come down. */
static const char *launcher_message(const struct vmi_observation *observation)
{
	const char *message = bl_json_get_string(observation->launcher, "message");

	return message && *message ? message : NULL;
}

/* What is wrong, in the order of how much it says; returns whether anything is. */
static bool set_trouble(struct cJSON *status, const struct vmi_record *record,
			const struct vmi_observation *observation, enum vmi_phase phase,
			int64_t now)
{
	const struct vmi_trouble *trouble =
		record->trouble.reason ? &record->trouble : &observation->trouble;
	enum vmi_domain domain = observation->facts.domain;
	const char *outage = bl_json_get_string(observation->launcher, "outage");
	const char *message = launcher_message(observation);
	const char *reason = "DomainFailed";

	if (trouble->reason) {
		reason = trouble->reason;
		message = trouble->err.message;
	} else if (outage) {
		reason = "LibvirtUnreachable";
		message = outage;
	} else if (phase == VMI_FAILED && observation->facts.recorded == VMI_RUNNING && !message) {
		reason = observation->facts.stale ? BL_REASON_NODE_REBOOTED : "LauncherLost";
		message = observation->facts.stale
				  ? "the host was booted anew while the guest ran"
				  : "the VM's container went down while the guest ran";
	} else if (!message || (domain != DOMAIN_PREPARING && domain != DOMAIN_FAILED)) {
		return false;
	}
	bl_condition_set(status, "Synchronized", "False", reason, message, now);
	return true;
}

static void set_synchronized(struct cJSON *status, const struct vmi_record *record,
			     const struct vmi_observation *observation, enum vmi_phase phase,
			     int64_t now)
{
	enum vmi_domain domain = observation->facts.domain;
	const char *before = bl_condition(status, "Synchronized");

	if (set_trouble(status, record, observation, phase, now) || vmi_phase_is_final(phase))
		return;
	if (domain == DOMAIN_RUNNING || domain == DOMAIN_PAUSED)
		bl_condition_set(status, "Synchronized", "True", NULL, NULL, now);
	else if (before && strcmp(before, "False") == 0)
		bl_condition_remove(status, "Synchronized"); /* it is over, and the rest is open */
}

static void set_limits(struct cJSON *status, const struct vmi_observation *observation, int64_t now)
{
	if (observation->sandbox.degraded)
		bl_condition_set(status, "ResourceLimits", "False", "NotAvailableOnHost",
				 observation->sandbox.degraded, now);
	else if (observation->sandbox.phase == SANDBOX_RUNNING)
		bl_condition_remove(status, "ResourceLimits");
}

static void set_emulation(struct cJSON *status, const struct vmi_observation *observation,
			  int64_t now)
{
	const char *reason = bl_json_get_string(observation->launcher, "emulationReason");

	if (bl_json_get_bool(observation->launcher, "emulated", false))
		bl_condition_set(status, "SoftwareEmulation", "True", "KVMNotUsable",
				 reason ? reason : "the guest is emulated in software", now);
}

static void add_address(struct cJSON *entry, struct cJSON *all, struct bl_addr addr)
{
	char text[BL_ADDR_TEXT_MAX];

	if (!bl_addr_is_set(&addr))
		return;
	bl_addr_format(&addr, text);
	if (!bl_json_get(entry, "ipAddress"))
		bl_json_set_string(entry, "ipAddress", text);
	bl_json_append(all, bl_json_string(text));
}

static struct cJSON *interface_status(const struct bl_vmi *vmi, size_t index,
				      const struct endpoint *endpoint)
{
	const struct bl_interface *interface = &vmi->interfaces[index];
	struct cJSON *entry = bl_json_object();
	struct cJSON *all = bl_json_array();
	char mac[BL_MAC_TEXT_MAX];

	bl_json_set_string(entry, "name", interface->name);
	bl_json_set_string(entry, "mac", bl_mac_format(endpoint_guest_mac(endpoint), mac));
	add_address(entry, all, endpoint_addr4(endpoint));
	add_address(entry, all, endpoint_addr6(endpoint));
	bl_json_set(entry, "ipAddresses", all);
	bl_json_set_string(entry, "podInterfaceName", VMI_UPLINK);
	bl_json_set_string(entry, "infoSource", "domain");
	bl_json_set_string(entry, "linkState", interface->link_down ? "down" : "up");
	bl_json_set_number(entry, "queueCount", bl_vmi_queues(vmi, interface));
	return entry;
}

static void set_interfaces(struct cJSON *status, const struct vmi_observation *observation)
{
	struct cJSON *interfaces;

	if (observation->facts.endpoints != ENDPOINTS_ALL)
		return;
	interfaces = bl_json_array();
	for (size_t i = 0; i < observation->vmi->n_interfaces; i++)
		bl_json_append(interfaces,
			       interface_status(observation->vmi, i, observation->endpoints[i]));
	bl_json_set(status, "interfaces", interfaces);
}

/* Pins each image from the first time that all were found. */
static void set_volumes(struct cJSON *status, const struct vmi_observation *observation)
{
	const struct bl_vmi *vmi = observation->vmi;
	struct cJSON *volumes;

	if (!observation->facts.volumes || bl_json_get(status, "volumeStatus"))
		return;
	volumes = bl_json_array();
	for (size_t i = 0; i < vmi->n_volumes; i++) {
		struct cJSON *entry = bl_json_object();

		bl_json_set_string(entry, "name", vmi->volumes[i].name);
		bl_json_set_string(entry, "target", "");
		if (observation->images[i].digest)
			bl_json_set_string(bl_json_ensure(entry, "containerDiskVolume"), "digest",
					   observation->images[i].digest);
		bl_json_append(volumes, entry);
	}
	bl_json_set(status, "volumeStatus", volumes);
}

/* As Kubernetes: Guaranteed when every limit equals its request, else Burstable; a VM always has a
 * memory request of its own. */
static const char *qos_class(const struct bl_vmi *vmi)
{
	bool memory =
		vmi->memory_limit_bytes && (!vmi->memory_request_bytes ||
					    vmi->memory_request_bytes == vmi->memory_limit_bytes);
	bool cpu = vmi->cpu_limit_milli &&
		   (!vmi->cpu_request_milli || vmi->cpu_request_milli == vmi->cpu_limit_milli);

	return memory && cpu ? "Guaranteed" : "Burstable";
}

static void set_shape(struct cJSON *status, const struct vmis_config *config,
		      const struct bl_vmi *vmi)
{
	struct cJSON *topology, *memory;
	char text[32];

	bl_json_set_string(bl_json_ensure(status, "machine"), "type", vmi->machine_type);
	topology = bl_json_ensure(status, "currentCPUTopology");
	bl_json_set_number(topology, "cores", vmi->cpu.cores);
	bl_json_set_number(topology, "sockets", vmi->cpu.sockets);
	bl_json_set_number(topology, "threads", vmi->cpu.threads);
	memory = bl_json_ensure(status, "memory");
	bl_quantity_format_bytes(vmi->memory_bytes, text);
	bl_json_set_string(memory, "guestAtBoot", text);
	bl_json_set_string(memory, "guestCurrent", text);
	bl_json_set_string(memory, "guestRequested", text);
	bl_json_set_string(status, "qosClass", qos_class(vmi));
	bl_json_set_number(status, "runtimeUser", config->vm_uid);
}

struct cJSON *vmi_status(const struct vmi_record *record, const struct vmi_observation *observation,
			 const struct vmi_plan *plan)
{
	const struct vmis_config *config = vmis_config(record->vmis);
	const struct cJSON *before = bl_json_get(observation->document, "status");
	struct cJSON *status = before ? bl_json_copy(before) : bl_json_object();
	int64_t now = bl_time_now();

	bl_phase_set(status, vmi_phase_name(plan->phase), now);
	set_ready(status, observation, plan->phase, now);
	set_paused(status, observation, now);
	set_synchronized(status, record, observation, plan->phase, now);
	set_limits(status, observation, now);
	set_emulation(status, observation, now);
	if (observation->vmi) {
		set_shape(status, config, observation->vmi);
		set_volumes(status, observation);
		set_interfaces(status, observation);
	}
	if (plan->phase != VMI_PENDING)
		bl_json_set_string(status, "nodeName", config->node_name);
	return status;
}
