/* SPDX-License-Identifier: Apache-2.0 */
/* Machine, firmware and identity of a VMI: defaults and checks. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "family.h"

/* OVMF does not come up in 128 MiB (measured with 2022.11). */
#define EFI_MEMORY_MIN (129ll * 1024 * 1024)

/* KubeVirt's host name: the name's first label, at most 63 characters. */
static char *hostname_of(const char *name)
{
	char *hostname = bl_strdup(name);
	size_t len = strcspn(hostname, ".");

	if (len > 63)
		len = 63;
	while (len > 0 && hostname[len - 1] == '-')
		len--;
	hostname[len] = '\0';
	return hostname;
}

void vmi_firmware_default(struct bl_vmi *vmi)
{
	if (!vmi->hostname)
		vmi->hostname = hostname_of(vmi->name);
	if (vmi->machine_type && vmi->machine_type[0] == '\0') {
		free(vmi->machine_type);
		vmi->machine_type = NULL;
	}
	if (!vmi->machine_type)
		vmi->machine_type = bl_strdup("q35");
	if (vmi->firmware == BL_FIRMWARE_BIOS)
		vmi->secure_boot = false;
}

static bool is_uuid(const char *text)
{
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return text[36] == '\0';
}

/* Text that firmware tables, XML and command lines can all hold. */
static bool is_plain(const char *text, size_t max)
{
	for (size_t i = 0; text[i]; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("-_.+ ", text[i]))
			return false;
	return strlen(text) <= max;
}

static int validate_efi(const struct vmi_check *check)
{
	const struct bl_vmi *vmi = check->vmi;

	if (vmi->secure_boot && !vmi->smm)
		return vmi_fail(check, "domain.firmware.bootloader.efi: secure boot is on unless "
				       "secureBoot: false is written, and needs "
				       "domain.features.smm.enabled: true");
	if (vmi->memory_bytes < EFI_MEMORY_MIN)
		return vmi_fail(check,
				"domain.memory.guest: EFI firmware needs more than 128Mi; write "
				"256Mi or boot with bios");
	return 0;
}

static int validate_identity(const struct vmi_check *check)
{
	const struct bl_vmi *vmi = check->vmi;

	if (!bl_name_is_dns_label(vmi->hostname))
		return vmi_fail(check,
				"hostname: '%.64s' is not a host name: up to 63 lower-case "
				"letters, digits and '-'",
				vmi->hostname);
	if (vmi->subdomain && !bl_name_is_dns_label(vmi->subdomain))
		return vmi_fail(check, "subdomain: '%.64s' is not a DNS label", vmi->subdomain);
	if (vmi->firmware_uuid && !is_uuid(vmi->firmware_uuid))
		return vmi_fail(check, "domain.firmware.uuid: '%.64s' is not a UUID",
				vmi->firmware_uuid);
	if (vmi->firmware_serial && !is_plain(vmi->firmware_serial, 256))
		return vmi_fail(check,
				"domain.firmware.serial: up to 256 letters, digits, spaces and "
				"-_.+ are allowed");
	if (vmi->cpu.model && (!vmi->cpu.model[0] || !is_plain(vmi->cpu.model, 64)))
		return vmi_fail(check, "domain.cpu.model: '%.64s' is not the name of a CPU model",
				vmi->cpu.model);
	return 0;
}

/* What DHCP can carry: parts of at most 63, which Kubernetes does not ask for. */
static bool is_domain(const char *text)
{
	if (!bl_name_is_dns_subdomain(text, strlen(text)))
		return false;
	for (; *text; text += strspn(text, ".")) {
		size_t len = strcspn(text, ".");

		if (len > 63)
			return false;
		text += len;
	}
	return true;
}

static int validate_dns(const struct vmi_check *check)
{
	const struct bl_vmi *vmi = check->vmi;
	struct bl_addr addr;

	for (size_t i = 0; i < vmi->n_dns_servers; i++)
		if (bl_addr_parse(vmi->dns_servers[i], &addr, NULL) < 0)
			return vmi_fail(check,
					"dnsConfig.nameservers[%zu]: '%.64s' is not an address", i,
					vmi->dns_servers[i]);
	for (size_t i = 0; i < vmi->n_dns_searches; i++)
		if (!is_domain(vmi->dns_searches[i]))
			return vmi_fail(check, "dnsConfig.searches[%zu]: '%.64s' is not a domain",
					i, vmi->dns_searches[i]);
	return 0;
}

/* The machine types that KubeVirt emulates by default too: q35 and its versions. */
static int validate_machine(const struct vmi_check *check)
{
	const char *type = check->vmi->machine_type;

	if (strcmp(type, "q35") == 0 || (strncmp(type, "pc-q35", 6) == 0 && is_plain(type, 32)))
		return 0;
	return vmi_fail(check, "domain.machine.type: '%.64s' is not supported; write q35", type);
}

int vmi_firmware_validate(const struct vmi_check *check)
{
	int r = validate_machine(check);

	if (r == 0)
		r = validate_identity(check);
	if (r == 0)
		r = validate_dns(check);
	if (r == 0 && check->vmi->firmware == BL_FIRMWARE_EFI)
		r = validate_efi(check);
	return r;
}
