// SPDX-License-Identifier: Apache-2.0
/*
 * One endpoint and the kernel:
 *
 *   record + pod's network --entry--> map entries --datapath--> maps, then hooks
 *
 * The order matters for packets and for crashes. The entry is complete before a stub can lead to it,
 * the pod's kernel is silent before the guest is heard, and the record is on disk before the first
 * pin, so that whatever a crash leaves behind belongs to somebody.
 */
#include "room.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <beeline/addr.h>
#include <beeline/file.h>

#include "entry.h"
#include "loopback.h"
#include "../netns.h"
#include "podnet.h"

static char *record_path(const struct endpoint *endpoint)
{
	return bl_format("%s/%s.json", endpoint->set->records_dir, endpoint->record->spec.name);
}

static bool is_written(const char *path, const struct cJSON *json)
{
	bl_auto_json struct cJSON *before = NULL;
	bl_autofree char *text = NULL;
	size_t len;

	return bl_file_read(path, RECORD_BYTES_MAX, &text, &len, NULL) == 0 &&
	       bl_json_parse(text, len, &before, NULL) == 0 && bl_json_equal(before, json);
}

int endpoint_write_record(struct endpoint *endpoint, struct bl_err *err)
{
	bl_auto_json struct cJSON *json = record_json(endpoint->record);
	bl_autofree char *path = record_path(endpoint);
	bl_autofree char *text = NULL;

	/* An agent that comes back verifies all its endpoints, on a full disk too. */
	if (is_written(path, json))
		return 0;
	text = bl_json_print(json);
	return bl_file_write(path, text, strlen(text), 0600, err);
}

int endpoint_open_netns(const struct endpoint *endpoint, int *ret_fd, struct bl_err *err)
{
	const struct netns_id *id = &endpoint->record->place.netns;

	if (endpoint_is_named(endpoint) &&
	    netns_open(endpoint->record->spec.netns_path, ret_fd, NULL) == 0)
		return 0;
	return netns_find(id, ret_fd, err);
}

/* A name can be taken away (`umount`), or be given to another, under a namespace that lives on. */
bool endpoint_is_named(const struct endpoint *endpoint)
{
	return netns_is_at(endpoint->record->spec.netns_path, &endpoint->record->place.netns);
}

/* A tap that its owner deleted is made again as it was; a device of others is waited for. */
static int find_tap(struct endpoint *endpoint, int netns_fd, struct tap_state *ret_tap,
		    struct bl_err *err)
{
	const struct record *record = endpoint->record;
	const struct tap_state *was = &record->place.tap;
	struct tap_spec spec = {
		.netns_fd = netns_fd,
		.name = record->spec.tap,
		.uid = was->uid,
		.queues = was->multi_queue ? 2 : 1,
		.mtu = was->mtu,
	};
	int r = tap_read(netns_fd, spec.name, ret_tap, err);

	if (r != -ENODEV || !was->persistent)
		return r;
	memcpy(spec.mac, was->mac, sizeof(spec.mac));
	r = tap_make(&spec, err);
	return r == 0 ? tap_read(netns_fd, spec.name, ret_tap, err) : r;
}

/* A MAC that is not known now may have been learned by the programs: it is left to them, unless it
 * belonged to another gateway. */
static int write_nexthops(struct endpoint *endpoint, const struct podnet *podnet,
			  struct bl_err *err)
{
	int r = 0;

	for (int i = 0; r == 0 && i < BL_FAMILIES; i++) {
		const struct podnet_family *family = &podnet->family[i];
		bool moved = bl_addr_is_set(&endpoint->gateways[i]) &&
			     !bl_addr_equal(&endpoint->gateways[i], &family->gateway);

		if (family->gateway_known || moved)
			r = datapath_write_nexthop(
				endpoint->set->datapath, endpoint->record->place.index, i,
				family->gateway_known ? family->gateway_mac : NULL, err);
		endpoint->gateways[i] = family->gateway;
	}
	return r;
}

/* The policy is there before a packet can ask for it, and so is the share of connection tracking. */
static int admit(const struct endpoint *endpoint, struct bl_endpoint *entry, struct bl_err *err)
{
	const struct endpoint_gate *gate = &endpoint->set->gate;
	const struct endpoint_spec *spec = &endpoint->record->spec;
	struct bl_addr addrs[BL_FAMILIES];
	uint32_t index = endpoint->record->place.index, flags = 0;
	size_t n = 0;
	int r = 0;

	if (entry->flags & BL_EP_HAS_V4)
		addrs[n++] = entry->pod4;
	if (entry->flags & BL_EP_HAS_V6)
		addrs[n++] = entry->pod6;
	if (gate->admit)
		r = gate->admit(spec, index, addrs, n, &flags, gate->data, err);
	entry->flags |= flags;
	if (r < 0)
		return r;
	return datapath_make_conntrack(endpoint->set->datapath, index,
				       entry_is_tracked(spec, entry) ? BL_CT_SETS
								     : BL_CT_SETS_HANDSHAKES,
				       &entry->ct_sets, err);
}

static int write_entries(struct endpoint *endpoint, const struct podnet *podnet,
			 struct bl_endpoint *entry, struct bl_err *err)
{
	struct datapath *datapath = endpoint->set->datapath;
	uint32_t index = endpoint->record->place.index;
	struct bl_lease lease;
	int r = entry_lease(&endpoint->record->spec, podnet, entry, &lease, err);

	if (r == 0)
		r = datapath_write_lease(datapath, index, &lease, err);
	if (r == 0)
		r = write_nexthops(endpoint, podnet, err);
	if (r == 0)
		r = admit(endpoint, entry, err);
	if (endpoint->capture)
		entry->flags |= BL_EP_CAPTURE;
	if (r == 0)
		r = datapath_write_endpoint(datapath, index, entry, err);
	if (r == 0)
		endpoint->entry = *entry;
	return r;
}

static int attach_hooks(struct endpoint *endpoint, int netns_fd, struct bl_err *err)
{
	const struct record *record = endpoint->record;
	bool masquerade = record->spec.binding == BL_BINDING_MASQUERADE;
	struct hook hooks[HOOKS_MAX] = {
		[HOOK_TO_VM] = {.slot = masquerade ? BL_SLOT_MASQ_TO_VM : BL_SLOT_POD_TO_VM,
				.ifname = record->spec.uplink,
				.ifindex = endpoint->entry.uplink_ifindex},
		[HOOK_FROM_VM] = {.slot = masquerade ? BL_SLOT_MASQ_FROM_VM : BL_SLOT_POD_FROM_VM,
				  .ifname = record->spec.tap,
				  .ifindex = endpoint->entry.tap_ifindex},
		[HOOK_POD_OUT] = {.slot = BL_SLOT_MASQ_POD_OUT,
				  .ifname = record->spec.uplink,
				  .ifindex = endpoint->entry.uplink_ifindex},
		[HOOK_LOOP] = {.slot = BL_SLOT_MASQ_LOOP,
			       .ifname = LOOPBACK_NAME,
			       .ifindex = LOOPBACK_IFINDEX},
	};
	int n = masquerade ? HOOKS_MAX : HOOK_POD_OUT;
	int r = 0;

	for (int i = 0; r == 0 && i < n; i++) {
		hooks[i].endpoint = record->spec.name;
		hooks[i].index = record->place.index;
		hooks[i].place = (enum hook_place)i;
		hooks[i].netns_fd = netns_fd;
		r = hook_attach(endpoint->set->datapath, &hooks[i], NULL, err);
	}
	return r;
}

static int read_network(struct endpoint *endpoint, int netns_fd, struct podnet *podnet,
			struct bl_err *err)
{
	int r = podnet_read(netns_fd, endpoint->record->spec.uplink, podnet, err);

	return r == 0 ? podnet_resolve(netns_fd, podnet, err) : r;
}

/* Who answers for the pod's addresses, and that nobody answers on the guest's segment. */
static int settle_owner(struct endpoint *endpoint, int netns_fd, const struct tap_state *tap,
			const struct podnet *podnet, struct bl_err *err)
{
	bool spoken_for = podnet->family[BL_V4].spoken_for || podnet->family[BL_V6].spoken_for;
	int r = tap->silent ? 0 : tap_silence(netns_fd, endpoint->record->spec.tap, err);

	if (r == 0 && spoken_for && endpoint->record->spec.binding == BL_BINDING_POD)
		r = podnet_silence(netns_fd, podnet, err);
	if (r == 0 && endpoint->record->spec.binding == BL_BINDING_MASQUERADE)
		r = loopback_admit(netns_fd, true, err);
	return r;
}

int endpoint_sync(struct endpoint *endpoint, int netns_fd, struct bl_err *err)
{
	struct podnet podnet;
	struct tap_state tap = {0};
	struct bl_endpoint entry;
	int r = find_tap(endpoint, netns_fd, &tap, err);

	endpoint->carrier = tap.carrier;
	if (r == 0)
		r = read_network(endpoint, netns_fd, &podnet, err);
	if (r == 0)
		r = entry_build(&endpoint->record->spec, &podnet, &tap, &entry, err);
	if (r == 0)
		r = settle_owner(endpoint, netns_fd, &tap, &podnet, err);
	if (r == 0)
		r = write_entries(endpoint, &podnet, &entry, err);
	return r == 0 ? attach_hooks(endpoint, netns_fd, err) : r;
}

/* Events tell of a carrier a moment after it has come, so its lack is looked at twice. */
bool endpoint_has_carrier(const struct endpoint *endpoint)
{
	bl_autoclose int netns_fd = -1;
	struct tap_state tap;

	if (endpoint->carrier)
		return true;
	return endpoint_open_netns(endpoint, &netns_fd, NULL) == 0 &&
	       tap_read(netns_fd, endpoint->record->spec.tap, &tap, NULL) == 0 && tap.carrier;
}

/* What this endpoint changed in the pod, and nothing else. The device may be gone already, and its
 * addresses with it. */
static void unsettle_owner(const struct endpoint *endpoint, int netns_fd)
{
	const struct record *record = endpoint->record;
	struct podnet podnet;

	tap_unsilence(netns_fd, record->spec.tap, &record->place.tap, NULL);
	if (endpoint->record->spec.binding == BL_BINDING_MASQUERADE)
		loopback_admit(netns_fd, false, NULL);
	else if (podnet_read(netns_fd, endpoint->record->spec.uplink, &podnet, NULL) == 0)
		podnet_unsilence(netns_fd, &podnet, NULL);
}

int endpoint_destroy(struct endpoint *endpoint, struct bl_err *err)
{
	const struct endpoint_spec *spec = &endpoint->record->spec;
	struct datapath *datapath = endpoint->set->datapath;
	const char *const ifnames[HOOKS_MAX] = {
		[HOOK_TO_VM] = spec->uplink,
		[HOOK_FROM_VM] = spec->tap,
		[HOOK_POD_OUT] = spec->uplink,
		[HOOK_LOOP] = LOOPBACK_NAME,
	};
	bl_autofree char *path = record_path(endpoint);
	bl_autoclose int netns_fd = -1;
	int r;

	endpoint_capture_stop(endpoint);
	endpoint_open_netns(endpoint, &netns_fd, NULL);
	r = hooks_detach(datapath, spec->name, netns_fd, ifnames, err);
	if (r < 0)
		return r;
	if (netns_fd >= 0)
		unsettle_owner(endpoint, netns_fd);
	r = datapath_clear(datapath, endpoint->record->place.index, err);
	if (r < 0)
		return r;
	if (unlink(path) < 0 && errno != ENOENT)
		return bl_fail_errno(err, -errno, "removing '%s'", path);
	if (endpoint->set->gate.leave)
		endpoint->set->gate.leave(spec->name, endpoint->set->gate.data);
	endpoint_free(endpoint);
	return 0;
}
