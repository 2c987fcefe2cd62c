/* SPDX-License-Identifier: Apache-2.0 */
/* CPU and memory of a VMI: defaults, checks, and what running it costs beside the guest's memory. */
#include <inttypes.h>

#include <beeline/quantity.h>

#include "family.h"

#define MIB        (1024ll * 1024)
#define VCPUS_MAX  512
#define MEMORY_MIN (16 * MIB)
#define MEMORY_MAX (16ll * 1024 * 1024 * MIB)

static uint32_t sockets_for(int64_t milli)
{
	return milli > VCPUS_MAX * 1000ll ? VCPUS_MAX + 1 : (milli + 999) / 1000;
}

/* KubeVirt: no topology at all means one socket for each CPU of the limit or else of the request. */
static void default_topology(struct bl_vmi *vmi)
{
	struct bl_cpu *cpu = &vmi->cpu;

	if (cpu->cores == 0 && cpu->sockets == 0 && cpu->threads == 0)
		cpu->sockets = sockets_for(vmi->cpu_limit_milli ? vmi->cpu_limit_milli
								: vmi->cpu_request_milli);
	if (cpu->cores == 0)
		cpu->cores = 1;
	if (cpu->sockets == 0)
		cpu->sockets = 1;
	if (cpu->threads == 0)
		cpu->threads = 1;
}

void vmi_compute_default(struct bl_vmi *vmi)
{
	default_topology(vmi);
	if (vmi->memory_bytes == 0)
		vmi->memory_bytes = vmi->memory_request_bytes ? vmi->memory_request_bytes
							      : vmi->memory_limit_bytes;
}

static int validate_memory(const struct vmi_check *check)
{
	const struct bl_vmi *vmi = check->vmi;
	char text[32], other[32];

	if (vmi->memory_bytes == 0)
		return vmi_fail(check,
				"domain.memory.guest: missing; write how much memory the guest "
				"gets, such as 1Gi");
	if (vmi->memory_bytes < MEMORY_MIN)
		return vmi_fail(check,
				"domain.memory.guest: %s is less than the 16Mi that firmware and "
				"kernel need",
				bl_quantity_format_bytes(vmi->memory_bytes, text));
	if (vmi->memory_bytes > MEMORY_MAX)
		return vmi_fail(check, "domain.memory.guest: %s is more than 16Ti",
				bl_quantity_format_bytes(vmi->memory_bytes, text));
	if (vmi->memory_limit_bytes && vmi->memory_limit_bytes < vmi->memory_request_bytes)
		return vmi_fail(check,
				"domain.resources.requests.memory: %s is more than the limit of "
				"%s",
				bl_quantity_format_bytes(vmi->memory_request_bytes, text),
				bl_quantity_format_bytes(vmi->memory_limit_bytes, other));
	if (vmi->memory_limit_bytes && vmi->memory_limit_bytes < vmi->memory_bytes)
		return vmi_fail(check, "domain.memory.guest: %s is more than the limit of %s",
				bl_quantity_format_bytes(vmi->memory_bytes, text),
				bl_quantity_format_bytes(vmi->memory_limit_bytes, other));
	return 0;
}

static int validate_cpu(const struct vmi_check *check)
{
	const struct bl_vmi *vmi = check->vmi;
	uint64_t vcpus = (uint64_t)vmi->cpu.cores * vmi->cpu.sockets * vmi->cpu.threads;

	if (vcpus > VCPUS_MAX)
		return vmi_fail(check, "domain.cpu: %" PRIu64 " vCPUs are more than %d", vcpus,
				VCPUS_MAX);
	if (vmi->cpu_limit_milli && vmi->cpu_limit_milli < vmi->cpu_request_milli)
		return vmi_fail(check, "domain.resources.requests.cpu: is more than the limit");
	return 0;
}

int vmi_compute_validate(const struct vmi_check *check)
{
	int r = validate_cpu(check);

	return r < 0 ? r : validate_memory(check);
}

/*
 * KubeVirt's figures (pkg/hypervisor/kvm), so that a limit chosen for KubeVirt holds here. Beeline's
 * monitor and launcher stay far below the 125 MiB they are given; the rest of that is page cache for
 * the overlay. Under emulation translated code needs room that KubeVirt does not count.
 */
int64_t bl_vmi_overhead_bytes(const struct bl_vmi *vmi, bool emulated)
{
	int64_t page_tables = vmi->memory_bytes / 512;
	int64_t monitor = 25 * MIB, launcher = 100 * MIB, logs = 25 * MIB;
	int64_t libvirt = 40 * MIB, qemu = 50 * MIB, io_thread = 8 * MIB;
	int64_t vcpus = bl_vmi_vcpus(vmi) * 8 * MIB;
	int64_t graphics = vmi->autoattach_graphics ? 32 * MIB : 0;

	return page_tables + monitor + launcher + logs + libvirt + qemu + io_thread + vcpus +
	       graphics + (emulated ? BL_TCG_CODE_BUFFER_BYTES : 0);
}

uint32_t bl_vmi_vcpus(const struct bl_vmi *vmi)
{
	return vmi->cpu.cores * vmi->cpu.sockets * vmi->cpu.threads;
}
