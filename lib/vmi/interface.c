/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces and networks of a VMI: rows, defaults, checks. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "family.h"

#define DEFAULT_CIDR  "10.0.2.0/24"
#define DEFAULT_CIDR6 "fd10:0:2::/120"

#define WRITE_BINDING "write bridge: {} or masquerade: {}"

static const char *const protocols[] = {[IPPROTO_TCP] = "TCP", [IPPROTO_UDP] = "UDP"};
static const char *const models[] = {"virtio", "e1000", "e1000e", "rtl8139", "pcnet", "ne2k_pci"};
static const char *const states[] = {[false] = "up", [true] = "down"};

static const struct bl_field port_rows[] = {
	BL_FIELD("name", BL_FIELD_STRING, struct bl_port, name),
	BL_FIELD("protocol", BL_FIELD_ENUM, struct bl_port, protocol, BL_FIELD_NAMES(protocols)),
	BL_FIELD("port", BL_FIELD_UINT, struct bl_port, first, .required = true, .min = 1),
};
static const struct bl_fields port_fields = BL_FIELDS(port_rows, struct bl_port);

static const struct bl_field option_rows[] = {
	BL_FIELD("option", BL_FIELD_UINT, struct bl_dhcp_option, code, .required = true, .min = 224,
		 .max = 254),
	BL_FIELD("value", BL_FIELD_STRING, struct bl_dhcp_option, value, .required = true),
};
static const struct bl_fields option_fields = BL_FIELDS(option_rows, struct bl_dhcp_option);

static const struct bl_field interface_rows[] = {
	BL_FIELD("name", BL_FIELD_STRING, struct bl_interface, name, .required = true),
	BL_FIELD("bridge", BL_FIELD_MARK, struct bl_interface, binding, .value = BL_BINDING_POD,
		 .group = "binding", .one_of = BL_ONE_OF_EXACTLY_ONE),
	BL_FIELD("masquerade", BL_FIELD_MARK, struct bl_interface, binding,
		 .value = BL_BINDING_MASQUERADE, .group = "binding"),
	BL_FIELD_REFUSED("passt", "KubeVirt has no such binding any more; " WRITE_BINDING,
			 .group = "binding"),
	BL_FIELD_REFUSED("slirp", "KubeVirt has no such binding any more; " WRITE_BINDING,
			 .group = "binding"),
	BL_FIELD_REFUSED("macvtap", "KubeVirt has no such binding any more; " WRITE_BINDING,
			 .group = "binding"),
	BL_FIELD_REFUSED("passtBinding", "passt is not supported; " WRITE_BINDING,
			 .group = "binding"),
	BL_FIELD_REFUSED("sriov", "SR-IOV is not supported yet; " WRITE_BINDING,
			 .group = "binding"),
	BL_FIELD_REFUSED("binding", "binding plugins need a cluster; " WRITE_BINDING,
			 .group = "binding"),
	BL_FIELD_PAIR("macAddress", BL_FIELD_MAC, struct bl_interface, mac, has_mac),
	BL_FIELD("model", BL_FIELD_STRING, struct bl_interface, model, BL_FIELD_NAMES(models)),
	BL_FIELD("state", BL_FIELD_ENUM, struct bl_interface, link_down, BL_FIELD_NAMES(states)),
	BL_FIELD("bootOrder", BL_FIELD_UINT, struct bl_interface, boot_order, .min = 1),
	BL_FIELD_PAIR("ports", BL_FIELD_LIST, struct bl_interface, ports, n_ports,
		      .items = &port_fields, .max = BL_VMI_PORTS_MAX),
	BL_FIELD_REFUSED("portRanges", "is not supported yet; write each port in ports"),
	BL_FIELD("dhcpOptions.bootFileName", BL_FIELD_STRING, struct bl_interface, boot_file_name),
	BL_FIELD("dhcpOptions.tftpServerName", BL_FIELD_STRING, struct bl_interface,
		 tftp_server_name),
	BL_FIELD_PAIR("dhcpOptions.ntpServers", BL_FIELD_ADDRS, struct bl_interface, ntp_servers,
		      n_ntp_servers, .max = 8),
	BL_FIELD_PAIR("dhcpOptions.privateOptions", BL_FIELD_LIST, struct bl_interface,
		      private_options, n_private_options, .items = &option_fields, .max = 31),
	BL_FIELD_REFUSED("pciAddress", "fixed PCI addresses are not supported yet; leave it out"),
	BL_FIELD_REFUSED("acpiIndex", "is not supported yet; leave it out"),
	BL_FIELD_IGNORED("tag", "only cloudInitConfigDrive would tell the guest"),
};
const struct bl_fields vmi_interface_fields = BL_FIELDS(interface_rows, struct bl_interface);

static const struct bl_field network_rows[] = {
	BL_FIELD("name", BL_FIELD_STRING, struct bl_network, name, .required = true),
	BL_FIELD("pod", BL_FIELD_MARK, struct bl_network, kind, .value = BL_NETWORK_POD,
		 .group = "network", .one_of = BL_ONE_OF_EXACTLY_ONE),
	BL_FIELD_PAIR("pod.vmNetworkCIDR", BL_FIELD_PREFIX, struct bl_network, vm_cidr,
		      vm_cidr_bits),
	BL_FIELD_PAIR("pod.vmIPv6NetworkCIDR", BL_FIELD_PREFIX, struct bl_network, vm_cidr6,
		      vm_cidr6_bits),
	BL_FIELD_REFUSED("multus", "secondary networks are not supported yet; write pod: {}",
			 .group = "network"),
	BL_FIELD_REFUSED("resourceClaim", "dynamic resource allocation needs a cluster",
			 .group = "network"),
};
const struct bl_fields vmi_network_fields = BL_FIELDS(network_rows, struct bl_network);

/* Without interfaces and networks a VM is on the pod network by KubeVirt's default binding. */
static void add_pod_interface(struct bl_vmi *vmi)
{
	vmi->interfaces = vmi_grow(vmi->interfaces, 0, sizeof(*vmi->interfaces));
	vmi->interfaces[0].name = bl_strdup("default");
	vmi->interfaces[0].binding = BL_BINDING_POD;
	vmi->n_interfaces = 1;
	vmi->networks = vmi_grow(vmi->networks, 0, sizeof(*vmi->networks));
	vmi->networks[0].name = bl_strdup("default");
	vmi->networks[0].kind = BL_NETWORK_POD;
	vmi->n_networks = 1;
}

static void default_network(struct bl_network *network)
{
	if (!bl_addr_is_set(&network->vm_cidr))
		(void)bl_prefix_parse(DEFAULT_CIDR, false, &network->vm_cidr,
				      &network->vm_cidr_bits, NULL);
	if (!bl_addr_is_set(&network->vm_cidr6))
		(void)bl_prefix_parse(DEFAULT_CIDR6, false, &network->vm_cidr6,
				      &network->vm_cidr6_bits, NULL);
}

static void default_interface(struct bl_interface *interface)
{
	if (!interface->model)
		interface->model = bl_strdup("virtio");
	for (size_t i = 0; i < interface->n_ports; i++) {
		struct bl_port *port = &interface->ports[i];

		if (port->protocol == 0)
			port->protocol = IPPROTO_TCP;
		port->last = port->first;
	}
}

void vmi_interfaces_default(struct bl_vmi *vmi)
{
	if (vmi->n_interfaces == 0 && vmi->n_networks == 0 && vmi->autoattach_pod_interface) {
		free(vmi->interfaces);
		free(vmi->networks);
		vmi->interfaces = NULL;
		vmi->networks = NULL;
		add_pod_interface(vmi);
	}
	for (size_t i = 0; i < vmi->n_interfaces; i++)
		default_interface(&vmi->interfaces[i]);
	for (size_t i = 0; i < vmi->n_networks; i++)
		default_network(&vmi->networks[i]);
}

/* KubeVirt's rule for names of interfaces; those of networks are the same names. */
static bool is_interface_name(const char *name)
{
	size_t len =
		strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

	return len > 0 && len <= 63 && name[len] == '\0';
}

static const struct bl_interface *find_interface(const struct bl_vmi *vmi, const char *name)
{
	for (size_t i = 0; i < vmi->n_interfaces; i++)
		if (strcmp(vmi->interfaces[i].name, name) == 0)
			return &vmi->interfaces[i];
	return NULL;
}

static int validate_cidr(const struct vmi_check *check, size_t i)
{
	const struct bl_network *network = &check->vmi->networks[i];

	/* the guest and its gateway need addresses of their own beside the network's and broadcast */
	if (!bl_addr_is_v4(&network->vm_cidr) || network->vm_cidr_bits > 30)
		return vmi_fail(check,
				"networks[%zu].pod.vmNetworkCIDR: expected an IPv4 network of "
				"at most 30 bits, such as " DEFAULT_CIDR,
				i);
	if (bl_addr_is_v4(&network->vm_cidr6) || network->vm_cidr6_bits > 126)
		return vmi_fail(check,
				"networks[%zu].pod.vmIPv6NetworkCIDR: expected an IPv6 network "
				"of at most 126 bits, such as " DEFAULT_CIDR6,
				i);
	return 0;
}

static int validate_network(const struct vmi_check *check, size_t i)
{
	const struct bl_vmi *vmi = check->vmi;
	const char *name = vmi->networks[i].name;

	if (!is_interface_name(name))
		return vmi_fail(check,
				"networks[%zu].name: '%.64s' is not a name: up to 63 letters, "
				"digits, '-' and '_'",
				i, name);
	for (size_t j = 0; j < i; j++)
		if (strcmp(vmi->networks[j].name, name) == 0)
			return vmi_fail(check,
					"networks[%zu].name: '%s' is the name of networks[%zu] "
					"too",
					i, name, j);
	if (i > 0)
		return vmi_fail(check,
				"networks[%zu].pod: networks[0] is the pod network already; a "
				"VM has one",
				i);
	if (!find_interface(vmi, name))
		return vmi_fail(check, "networks[%zu].name: there is no interface '%s'", i, name);
	return validate_cidr(check, i);
}

static int validate_ports(const struct vmi_check *check, size_t i)
{
	const struct bl_interface *interface = &check->vmi->interfaces[i];

	for (size_t p = 0; p < interface->n_ports; p++) {
		const struct bl_port *port = &interface->ports[p];

		for (size_t q = 0; q < p; q++) {
			const struct bl_port *other = &interface->ports[q];

			if (port->name && other->name && strcmp(port->name, other->name) == 0)
				return vmi_fail(check,
						"domain.devices.interfaces[%zu].ports[%zu].name: "
						"'%.64s' is the name of ports[%zu] too",
						i, p, port->name, q);
			if (port->protocol == other->protocol && port->first == other->first)
				return vmi_fail(check,
						"domain.devices.interfaces[%zu].ports[%zu].port: "
						"%u/%s is in ports[%zu] too",
						i, p, port->first, protocols[port->protocol], q);
		}
	}
	return 0;
}

/* DHCP's option bodies hold at most 255 bytes each. */
static int validate_dhcp_options(const struct vmi_check *check, size_t i)
{
	const struct bl_interface *interface = &check->vmi->interfaces[i];

	for (size_t s = 0; s < interface->n_ntp_servers; s++)
		if (!bl_addr_is_v4(&interface->ntp_servers[s]))
			return vmi_fail(
				check,
				"domain.devices.interfaces[%zu].dhcpOptions.ntpServers[%zu]: "
				"expected an IPv4 address",
				i, s);
	for (size_t o = 0; o < interface->n_private_options; o++) {
		if (strlen(interface->private_options[o].value) > 255)
			return vmi_fail(check,
					"domain.devices.interfaces[%zu].dhcpOptions."
					"privateOptions[%zu].value: longer than 255 bytes",
					i, o);
		for (size_t p = 0; p < o; p++)
			if (interface->private_options[o].code ==
			    interface->private_options[p].code)
				return vmi_fail(check,
						"domain.devices.interfaces[%zu].dhcpOptions."
						"privateOptions[%zu].option: %u is in "
						"privateOptions[%zu] too",
						i, o, interface->private_options[o].code, p);
	}
	if ((interface->boot_file_name && strlen(interface->boot_file_name) > 255) ||
	    (interface->tftp_server_name && strlen(interface->tftp_server_name) > 255))
		return vmi_fail(
			check,
			"domain.devices.interfaces[%zu].dhcpOptions: a value is longer than "
			"255 bytes",
			i);
	return 0;
}

/* The guest knows its gateway by this address, as in KubeVirt. */
static int validate_mac(const struct vmi_check *check, size_t i)
{
	static const uint8_t gateway[6] = {0x02, 0, 0, 0, 0, 0};
	const struct bl_interface *interface = &check->vmi->interfaces[i];

	if (interface->has_mac && memcmp(interface->mac, gateway, sizeof(gateway)) == 0)
		return vmi_fail(check,
				"domain.devices.interfaces[%zu].macAddress: 02:00:00:00:00:00 is "
				"the gateway's",
				i);
	return 0;
}

static int validate_interface(const struct vmi_check *check, size_t i)
{
	const struct bl_vmi *vmi = check->vmi;
	const struct bl_interface *interface = &vmi->interfaces[i];

	if (!is_interface_name(interface->name))
		return vmi_fail(check,
				"domain.devices.interfaces[%zu].name: '%.64s' is not a name: up "
				"to 63 letters, digits, '-' and '_'",
				i, interface->name);
	for (size_t j = 0; j < i; j++)
		if (strcmp(vmi->interfaces[j].name, interface->name) == 0)
			return vmi_fail(check,
					"domain.devices.interfaces[%zu].name: '%s' is the name "
					"of interfaces[%zu] too",
					i, interface->name, j);
	if (!bl_vmi_network(vmi, interface->name))
		return vmi_fail(check,
				"domain.devices.interfaces[%zu].name: there is no network '%s'", i,
				interface->name);
	for (size_t d = 0; d < vmi->n_disks; d++)
		if (interface->boot_order && interface->boot_order == vmi->disks[d].boot_order)
			return vmi_fail(check,
					"domain.devices.interfaces[%zu].bootOrder: %u is the "
					"order of disks[%zu] too",
					i, interface->boot_order, d);
	return 0;
}

int vmi_interfaces_validate(const struct vmi_check *check)
{
	for (size_t i = 0; i < check->vmi->n_interfaces; i++) {
		int r = validate_interface(check, i);

		if (r == 0)
			r = validate_mac(check, i);
		if (r == 0)
			r = validate_ports(check, i);
		if (r == 0)
			r = validate_dhcp_options(check, i);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < check->vmi->n_networks; i++) {
		int r = validate_network(check, i);

		if (r < 0)
			return r;
	}
	return 0;
}
