// SPDX-License-Identifier: Apache-2.0
/* The domain as a whole: calls the families and fills what belongs to none of them. */
#include "domain.h"

#include <ctype.h>
#include <string.h>

#include "../paths.h"

#define UUID_LEN 36

static bool is_uuid(const char *text)
{
	if (!text || strlen(text) != UUID_LEN)
		return false;
	for (size_t i = 0; i < UUID_LEN; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return true;
}

/* The guest sees one identity over restarts of its VM when the manifest names it. */
static const char *choose_uuid(const struct bl_vmi *vmi)
{
	if (vmi->firmware_uuid)
		return vmi->firmware_uuid;
	return is_uuid(vmi->uid) ? vmi->uid : NULL;
}

static void build_rest(const struct bl_vmi *vmi, const struct prepared *prepared,
		       struct domain *domain)
{
	domain->name = paths_domain_name(vmi->namespace, vmi->name);
	domain->uid = vmi->uid;
	domain->uuid = choose_uuid(vmi);
	domain->system_serial = vmi->firmware_serial;
	domain->kvm = prepared->kvm;
	domain->memory_bytes = vmi->memory_bytes;
	domain->code_buffer_bytes = prepared->kvm ? 0 : BL_TCG_CODE_BUFFER_BYTES;
	domain->grace_seconds = vmi->termination_grace_seconds;
	domain->acpi = vmi->acpi;
	domain->rng = vmi->rng;
	domain->balloon = vmi->autoattach_memballoon;
	domain->start_paused = vmi->start_paused;
}

int domain_build(const struct bl_vmi *vmi, const struct prepared *prepared,
		 const struct disk_plan *plan, struct domain *ret_domain, struct bl_err *err)
{
	struct domain domain = {};
	int r;

	build_rest(vmi, prepared, &domain);
	domain_build_cpu(vmi, prepared->kvm, &domain.cpu);
	domain_build_ports(vmi, &domain.ports);
	domain_build_firmware(vmi, &domain.firmware);
	r = domain_build_disks(vmi, plan, &domain, err);
	if (r == 0)
		r = domain_build_interfaces(vmi, prepared, &domain, err);
	if (r < 0) {
		domain_clear(&domain);
		return r;
	}
	domain_build_controllers(&domain);
	*ret_domain = domain;
	return 0;
}

void domain_clear(struct domain *domain)
{
	for (size_t i = 0; i < domain->n_disks; i++)
		free(domain->disks[i].alias);
	for (size_t i = 0; i < domain->n_interfaces; i++)
		free(domain->interfaces[i].alias);
	free(domain->disks);
	free(domain->interfaces);
	free(domain->firmware.nvram);
	free(domain->ports.serial);
	free(domain->ports.serial_log);
	free(domain->ports.vnc);
	free(domain->name);
	*domain = (struct domain){};
}
