// SPDX-License-Identifier: Apache-2.0
/*
 * The only file that changes anything for a VMI: one function per action of the plan. Each may be
 * taken again after a crash in its middle.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <beeline/file.h>
#include <beeline/log.h>

#include "../netns.h"
#include "../source.h"
#include "../tap.h"
#include "room.h"

char *vmi_tap_name(size_t n)
{
	return bl_format("tap%zu", n);
}

static void sandbox_done(const struct bl_err *err, void *data)
{
	vmi_applied(data, err);
}

static int make_network(struct vmi_record *record, const struct vmi_observation *observation)
{
	record->attached = false;
	sandbox_make_network(vmis_config(record->vmis)->sandboxes, observation->vmi, sandbox_done,
			     record);
	return VMI_UNDER_WAY;
}

static int name_network(const struct vmi_record *record, struct bl_err *err)
{
	int r = sandbox_name_network(vmis_config(record->vmis)->sandboxes, record->namespace,
				     record->name, err);

	if (r == 0)
		bl_info("the pod's network namespace had lost its name and has it again", "vmi",
			record->key);
	return r;
}

static int read_mtu(void *data, struct bl_err *err)
{
	struct ifreq request = {.ifr_name = VMI_UPLINK};
	bl_autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFMTU, &request) < 0)
		return bl_fail_errno(err, -errno, "reading the MTU of '%s' in the pod", VMI_UPLINK);
	*(uint16_t *)data = request.ifr_mtu;
	return 0;
}

static int make_tap(const struct vmi_record *record, const struct bl_vmi *vmi, size_t index,
		    int netns_fd, struct bl_err *err)
{
	bl_autofree char *name = vmi_tap_name(index);
	struct tap_spec spec = {
		.netns_fd = netns_fd,
		.name = name,
		.uid = vmis_config(record->vmis)->vm_uid,
		.queues = bl_vmi_queues(vmi, &vmi->interfaces[index]),
		/* locally administered, the same for every pod: no frame ever bears it */
		.mac = {0x02, 0x62, 0x6c, 0, 0, index},
	};
	int r;

	r = netns_do(netns_fd, read_mtu, &spec.mtu, err);
	return r < 0 ? r : tap_make(&spec, err);
}

static int attach_endpoint(const struct vmi_record *record,
			   const struct vmi_observation *observation, size_t index,
			   const char *netns_path, int netns_fd, struct bl_err *err)
{
	const struct bl_vmi *vmi = observation->vmi;
	const struct bl_interface *interface = &vmi->interfaces[index];
	bl_autofree char *name = vmi_endpoint_name(vmi->namespace, vmi->name, interface->name);
	bl_autofree char *tap = vmi_tap_name(index);
	const struct endpoint *endpoint;
	struct bl_labels labels = {0};
	struct endpoint_spec spec = {
		.name = name,
		.netns_path = netns_path,
		.netns_fd = netns_fd,
		.uplink = VMI_UPLINK,
		.tap = tap,
		.binding = interface->binding,
		.has_mac = interface->has_mac,
		.interface = interface,
		.network = bl_vmi_network(vmi, interface->name),
		.dns = vmi->n_dns_servers ? (const char *const *)vmi->dns_servers : NULL,
		.n_dns = vmi->n_dns_servers,
		.searches = (const char *const *)vmi->dns_searches,
		.n_searches = vmi->n_dns_searches,
		.hostname = vmi->hostname,
		.domain = vmi->subdomain,
		.namespace = vmi->namespace,
		.labels = &labels,
	};
	int r;

	memcpy(spec.guest_mac, interface->mac, sizeof(spec.guest_mac));
	bl_labels_set_all(&labels, "k8s", "",
			  bl_json_get(observation->document, "metadata/labels"));
	r = endpoint_attach(vmis_config(record->vmis)->endpoints, &spec, &endpoint, err);
	bl_labels_clear(&labels);
	return r;
}

static int attach(struct vmi_record *record, const struct vmi_observation *observation,
		  struct bl_err *err)
{
	const struct bl_vmi *vmi = observation->vmi;
	bl_autofree char *path = sandbox_netns_path(vmis_config(record->vmis)->sandboxes,
						    record->namespace, record->name);
	bl_autoclose int netns_fd = -1;
	int r;

	r = netns_open(path, &netns_fd, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < vmi->n_interfaces; i++) {
		r = make_tap(record, vmi, i, netns_fd, err);
		if (r < 0)
			return r;
		r = attach_endpoint(record, observation, i, path, netns_fd, err);
		if (r < 0)
			return r;
	}
	record->attached = true;
	return 0;
}

static int detach(struct vmi_record *record, struct bl_err *err)
{
	struct endpoints *endpoints = vmis_config(record->vmis)->endpoints;
	bl_autofree char *prefix = vmi_endpoint_name(record->namespace, record->name, NULL);

	record->attached = false;
	for (uint32_t i = 0; i < BL_ENDPOINTS_MAX; i++) {
		const char *found = endpoint_name_of_index(endpoints, i);
		bl_autofree char *name = NULL;
		int r;

		if (!found || strncmp(found, prefix, strlen(prefix)) != 0)
			continue;
		name = bl_strdup(found);
		r = endpoint_detach(endpoints, name, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int run(struct vmi_record *record, const struct vmi_observation *observation,
	       struct bl_err *err)
{
	const struct vmis_config *config = vmis_config(record->vmis);
	struct sandbox_volume *volumes;
	size_t n;
	int r;

	r = vmi_make_host_disks(config, observation->vmi, err);
	if (r < 0)
		return r;
	r = vmi_volumes(config, observation, &volumes, &n, err);
	if (r < 0)
		return r;
	sandbox_run(config->sandboxes, observation->vmi, volumes, n, sandbox_done, record);
	vmi_volumes_free(volumes, n);
	return VMI_UNDER_WAY;
}

static int sync_domain(struct vmi_record *record, const struct vmi_observation *observation)
{
	launcher_link_sync(record->link, vmi_prepared(vmis_config(record->vmis), observation));
	return 0;
}

static int shut_down(struct vmi_record *record, const struct vmi_observation *observation)
{
	int64_t left = observation->facts.stop_left_s;

	launcher_link_shutdown(record->link, left > 0 ? left : 0);
	return 0;
}

int vmi_apply(struct vmi_record *record, const struct vmi_observation *observation,
	      enum vmi_action action, struct bl_err *err)
{
	const struct vmis_config *config = vmis_config(record->vmis);

	switch (action) {
	case VMI_NOTHING:
		return 0;
	case VMI_MAKE_NETWORK:
		return make_network(record, observation);
	case VMI_NAME_NETWORK:
		return name_network(record, err);
	case VMI_ATTACH:
		return attach(record, observation, err);
	case VMI_RUN:
		return run(record, observation, err);
	case VMI_SYNC:
		return sync_domain(record, observation);
	case VMI_SHUTDOWN:
		return shut_down(record, observation);
	case VMI_STOP:
		sandbox_stop(config->sandboxes, record->namespace, record->name, sandbox_done,
			     record);
		return VMI_UNDER_WAY;
	case VMI_DETACH:
		return detach(record, err);
	case VMI_REMOVE:
		sandbox_remove(config->sandboxes, record->namespace, record->name, sandbox_done,
			       record);
		return VMI_UNDER_WAY;
	case VMI_FINISH:
		return config->source->ops->finish(config->source, observation->document, err);
	}
	return 0;
}
