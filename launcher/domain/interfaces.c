// SPDX-License-Identifier: Apache-2.0
/* Network cards on the taps that the agent has made. */
#include "domain.h"

#include <errno.h>
#include <string.h>

#include <beeline/file.h>

static int build_interface(const struct bl_interface *spec, const struct prepared *prepared,
			   struct domain_interface *interface, struct bl_err *err)
{
	const struct prepared_interface *facts = prepared_interface(prepared, spec->name);
	bool virtio = !spec->model || strcmp(spec->model, "virtio") == 0;

	if (!facts)
		return bl_fail(err, -ENOENT, "interface '%s': no tap was prepared", spec->name);
	interface->alias = bl_format("ua-%s", spec->name);
	interface->tap = facts->tap;
	bl_mac_format(facts->mac, interface->mac);
	interface->queues = facts->queues;
	interface->boot_order = spec->boot_order;
	interface->link_down = spec->link_down;
	interface->model = virtio ? "virtio-non-transitional" : spec->model;
	/* An emulated card knows neither queues of the host nor an MTU to tell. */
	if (virtio) {
		interface->backend = prepared->vhost_net ? "vhost" : "qemu";
		interface->mtu = facts->mtu;
	}
	return 0;
}

int domain_build_interfaces(const struct bl_vmi *vmi, const struct prepared *prepared,
			    struct domain *domain, struct bl_err *err)
{
	domain->interfaces = bl_alloc((vmi->n_interfaces + 1) * sizeof(*domain->interfaces));
	for (size_t i = 0; i < vmi->n_interfaces; i++) {
		int r = build_interface(&vmi->interfaces[i], prepared,
					&domain->interfaces[domain->n_interfaces++], err);

		if (r < 0)
			return r;
	}
	return 0;
}
