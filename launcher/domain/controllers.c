// SPDX-License-Identifier: Apache-2.0
/* Controllers: only those that a device of this domain sits on, since each costs boot time. */
#include "domain.h"

#include <string.h>

static bool has_bus(const struct domain *domain, const char *bus)
{
	for (size_t i = 0; i < domain->n_disks; i++) {
		if (strcmp(domain->disks[i].bus, bus) == 0)
			return true;
	}
	return false;
}

static void add(struct domain *domain, const char *type, const char *model)
{
	domain->controllers[domain->n_controllers++] =
		(struct domain_controller){.type = type, .model = model};
}

void domain_build_controllers(struct domain *domain)
{
	/* Said out loud, else libvirt adds a USB controller of its own. */
	add(domain, "usb", has_bus(domain, "usb") ? "qemu-xhci" : "none");
	add(domain, "virtio-serial", "virtio-non-transitional");
	if (has_bus(domain, "scsi"))
		add(domain, "scsi", "virtio-non-transitional");
}
