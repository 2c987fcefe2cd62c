// SPDX-License-Identifier: Apache-2.0
/*
 * From spec and pod network to map entries.
 *
 * Pod binding: the guest is the pod, its addresses and by default its MAC. Masquerade: the guest has
 * the second address of the networks that the manifest names, behind a gateway at the first, and is
 * translated one to one to the pod's. Guests of both see one router MAC, which belongs to no device.
 */
#include "entry.h"

#include <errno.h>
#include <string.h>

#include <beeline/addr.h>
#include <beeline/file.h>

#include "lease.h"
#include "resolvconf.h"

#define RESOLV_CONF "/etc/resolv.conf"

static const uint8_t router_mac[6] = {0x02, 0, 0, 0, 0, 0};
static const struct bl_addr router_link_local = {.bytes = {0xfe, 0x80, [15] = 1}};
/* KubeVirt's DHCP server address where the pod has no gateway. */
static const struct bl_addr dhcp_server = {.bytes = {[10] = 0xff, 0xff, 169, 254, 75, 10}};

/* Where the guest of a masqueraded endpoint lives when no network says otherwise. */
static const struct bl_network default_network = {
	.vm_cidr = {.bytes = {[10] = 0xff, 0xff, 10, 0, 2, 0}},
	.vm_cidr_bits = 24,
	.vm_cidr6 = {.bytes = {0xfd, 0x10, 0, 0, 0, 2}},
	.vm_cidr6_bits = 120,
};

static const struct bl_network *network_of(const struct endpoint_spec *spec)
{
	return spec->network ? spec->network : &default_network;
}

uint16_t entry_delta(const struct bl_addr *guest, const struct bl_addr *pod)
{
	size_t first = bl_addr_is_v4(guest) ? 12 : 0, len = sizeof(guest->bytes) - first;
	uint16_t sums[2] = {lease_sum(&guest->bytes[first], len),
			    (uint16_t)~lease_sum(&pod->bytes[first], len)};

	return lease_sum(sums, sizeof(sums));
}

/* ---- the entry ------------------------------------------------------------------------------- */

/* Stable for a name, locally administered, and never the router's. FNV-1a. */
static void mac_from_name(const char *name, uint8_t mac[6])
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 0x100000001b3;
	mac[0] = 0x02;
	for (int i = 1; i < 6; i++)
		mac[i] = (uint8_t)(hash >> (8 * i));
	mac[5] |= 1;
}

static void set_macs(const struct endpoint_spec *spec, const struct podnet *podnet,
		     struct bl_endpoint *entry)
{
	memcpy(entry->uplink_mac, podnet->mac, sizeof(entry->uplink_mac));
	memcpy(entry->router_mac, router_mac, sizeof(entry->router_mac));
	if (spec->has_mac)
		memcpy(entry->guest_mac, spec->guest_mac, sizeof(entry->guest_mac));
	else if (spec->binding == BL_BINDING_POD)
		memcpy(entry->guest_mac, podnet->mac, sizeof(entry->guest_mac));
	else
		mac_from_name(spec->name, entry->guest_mac);
	if (memcmp(entry->guest_mac, entry->uplink_mac, sizeof(entry->guest_mac)) != 0)
		entry->flags |= BL_EP_CUSTOM_MAC;
}

static int set_onlink(const struct podnet *podnet, struct bl_endpoint *entry, struct bl_err *err)
{
	for (size_t i = 0; i < podnet->n_routes; i++) {
		const struct podnet_route *route = &podnet->routes[i];

		/* Link-local IPv6 is on every link; BPF knows that by itself. */
		if (bl_addr_is_set(&route->gateway) ||
		    (route->to.bytes[0] == 0xfe && route->to.bytes[1] == 0x80))
			continue;
		if (entry->n_onlink == BL_ONLINK_MAX)
			return bl_fail(err, -E2BIG,
				       "the pod has more than %d routes without a gateway",
				       BL_ONLINK_MAX);
		entry->onlink[entry->n_onlink++] = (struct bl_prefix){
			.addr = route->to,
			.bits = (uint8_t)(route->bits + (bl_addr_is_v4(&route->to) ? 96 : 0)),
		};
	}
	return 0;
}

static int set_ports(const struct bl_interface *interface, struct bl_endpoint *entry,
		     struct bl_err *err)
{
	if (!interface || interface->n_ports == 0)
		return 0;
	if (interface->n_ports > BL_PORTS_MAX)
		return bl_fail(err, -E2BIG, "%zu ports declared, at most %d can be",
			       interface->n_ports, BL_PORTS_MAX);
	for (size_t i = 0; i < interface->n_ports; i++)
		entry->ports[i] = (struct bl_port_range){
			.protocol = interface->ports[i].protocol,
			.first = interface->ports[i].first,
			.last = interface->ports[i].last,
		};
	entry->n_ports = (__u16)interface->n_ports;
	entry->flags |= BL_EP_PORTS;
	return 0;
}

static void set_pod(struct bl_endpoint *entry)
{
	entry->guest4 = entry->pod4;
	entry->guest6 = entry->pod6;
	entry->dhcp_server4 = bl_addr_is_set(&entry->gateway4) ? entry->gateway4 : dhcp_server;
}

static int set_masquerade(const struct endpoint_spec *spec, struct bl_endpoint *entry,
			  struct bl_err *err)
{
	const struct bl_network *network = network_of(spec);

	if (entry->flags & BL_EP_HAS_V4) {
		entry->guest4 = bl_addr_nth(&network->vm_cidr, 2);
		entry->dhcp_server4 = bl_addr_nth(&network->vm_cidr, 1);
		entry->delta4 = entry_delta(&entry->guest4, &entry->pod4);
	}
	if (entry->flags & BL_EP_HAS_V6) {
		entry->guest6 = bl_addr_nth(&network->vm_cidr6, 2);
		entry->delta6 = entry_delta(&entry->guest6, &entry->pod6);
	}
	return set_ports(spec->interface, entry, err);
}

int entry_build(const struct endpoint_spec *spec, const struct podnet *podnet,
		const struct tap_state *tap, struct bl_endpoint *ret_entry, struct bl_err *err)
{
	struct bl_endpoint entry = {
		.flags = BL_EP_LIVE,
		.uplink_ifindex = podnet->ifindex,
		.tap_ifindex = tap->ifindex,
		.mtu = podnet->mtu,
		.pod4 = podnet->family[BL_V4].addr,
		.pod6 = podnet->family[BL_V6].addr,
		.gateway4 = podnet->family[BL_V4].gateway,
		.gateway6 = podnet->family[BL_V6].gateway,
		.router6 = router_link_local,
	};
	int r;

	if (bl_addr_is_set(&entry.pod4))
		entry.flags |= BL_EP_HAS_V4;
	if (bl_addr_is_set(&entry.pod6))
		entry.flags |= BL_EP_HAS_V6;
	if (!(entry.flags & (BL_EP_HAS_V4 | BL_EP_HAS_V6)))
		return bl_fail(err, -EADDRNOTAVAIL, "device '%s' has no address", spec->uplink);
	if (podnet->has_peer)
		entry.flags |= BL_EP_PEER;
	if (tap->plain)
		entry.flags |= BL_EP_TAP_PLAIN;
	if (!spec->no_spoof_guard)
		entry.flags |= BL_EP_SPOOF_GUARD;
	set_macs(spec, podnet, &entry);
	r = set_onlink(podnet, &entry, err);
	if (r == 0 && spec->binding == BL_BINDING_MASQUERADE)
		r = set_masquerade(spec, &entry, err);
	else
		set_pod(&entry);
	if (r == 0)
		*ret_entry = entry;
	return r;
}

/* ---- what the guest is told ------------------------------------------------------------------ */

#define DNS_MAX 8

/* Name servers and search domains with what they are stored in. */
struct names {
	struct bl_addr dns[DNS_MAX];
	size_t n_dns;
	const char *searches[RESOLVCONF_SEARCHES_MAX];
	size_t n_searches;
	struct resolvconf host;
};

/* A host without a resolv.conf has no name servers to hand on. */
static void names_of_host(struct names *names)
{
	if (resolvconf_read(RESOLV_CONF, &names->host, NULL) < 0)
		return;
	names->n_dns = names->host.n_servers;
	memcpy(names->dns, names->host.servers, sizeof(names->host.servers));
	names->n_searches = names->host.n_searches;
	for (size_t i = 0; i < names->n_searches; i++)
		names->searches[i] = names->host.searches[i];
}

static int names_read(const struct endpoint_spec *spec, struct names *names, struct bl_err *err)
{
	*names = (struct names){0};
	if (!spec->dns)
		names_of_host(names);
	if (spec->n_dns > DNS_MAX)
		return bl_fail(err, -E2BIG, "%zu name servers, at most %d", spec->n_dns, DNS_MAX);
	for (size_t i = 0; spec->dns && i < spec->n_dns; i++) {
		int r = bl_addr_parse(spec->dns[i], &names->dns[i], err);

		if (r < 0)
			return bl_wrap(err, "name server");
		names->n_dns = i + 1;
	}
	return 0;
}

int entry_lease(const struct endpoint_spec *spec, const struct podnet *podnet,
		const struct bl_endpoint *entry, struct bl_lease *ret_lease, struct bl_err *err)
{
	const struct podnet_route masquerade_route = {
		.to = bl_addr_from_bytes((const uint8_t[4]){0}, 4),
		.gateway = entry->dhcp_server4,
	};
	bool masquerade = spec->binding == BL_BINDING_MASQUERADE;
	struct names names;
	int r = names_read(spec, &names, err);
	struct lease_spec lease = {
		.addr4 = entry->guest4,
		.bits4 = masquerade ? network_of(spec)->vm_cidr_bits : podnet->family[BL_V4].bits,
		.router4 = masquerade ? entry->dhcp_server4 : entry->gateway4,
		.mtu = entry->mtu,
		.routes = masquerade ? &masquerade_route : podnet->routes,
		.n_routes = masquerade ? (entry->flags & BL_EP_HAS_V4) != 0 : podnet->n_routes,
		.dns = names.dns,
		.n_dns = names.n_dns,
		.searches = spec->n_searches > 0 ? spec->searches : names.searches,
		.n_searches = spec->n_searches > 0 ? spec->n_searches : names.n_searches,
		.hostname = spec->hostname,
		.domain = spec->domain,
		.interface = spec->interface,
	};

	if (r < 0)
		return r;
	memcpy(lease.router_mac, entry->router_mac, sizeof(lease.router_mac));
	return lease_encode(&lease, ret_lease, err);
}

bool entry_is_tracked(const struct endpoint_spec *spec, const struct bl_endpoint *entry)
{
	return spec->binding == BL_BINDING_MASQUERADE || (entry->flags & BL_EP_POLICY);
}
