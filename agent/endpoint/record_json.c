// SPDX-License-Identifier: Apache-2.0
/*
 * Records as JSON, as they stand in their files. The decoder makes a spec that borrows everything from the
 * document, of which record_new() then makes a copy like of any other. Pure; files are endpoints' business.
 */
#include "record.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/addr.h>
#include <beeline/file.h>

/* ---- to JSON --------------------------------------------------------------------------------- */

static struct cJSON *strings_json(const char *const *strings, size_t n)
{
	struct cJSON *array = bl_json_array();

	for (size_t i = 0; i < n; i++)
		bl_json_append(array, bl_json_string(strings[i]));
	return array;
}

static struct cJSON *addr_json(const struct bl_addr *addr)
{
	char text[BL_ADDR_TEXT_MAX];

	return bl_json_string(bl_addr_format(addr, text));
}

static void set_mac(struct cJSON *object, const char *key, const uint8_t mac[6])
{
	char text[BL_MAC_TEXT_MAX];

	bl_json_set_string(object, key, bl_mac_format(mac, text));
}

static struct cJSON *ports_json(const struct bl_interface *interface)
{
	struct cJSON *array = bl_json_array();

	for (size_t i = 0; i < interface->n_ports; i++) {
		const struct bl_port *port = &interface->ports[i];
		struct cJSON *object = bl_json_object();

		bl_json_set_string(object, "name", port->name);
		bl_json_set_number(object, "protocol", port->protocol);
		bl_json_set_number(object, "first", port->first);
		bl_json_set_number(object, "last", port->last);
		bl_json_append(array, object);
	}
	return array;
}

static struct cJSON *interface_json(const struct bl_interface *interface)
{
	struct cJSON *object = bl_json_object();
	struct cJSON *ntp = bl_json_array(), *options = bl_json_array();

	for (size_t i = 0; i < interface->n_ntp_servers; i++)
		bl_json_append(ntp, addr_json(&interface->ntp_servers[i]));
	for (size_t i = 0; i < interface->n_private_options; i++) {
		struct cJSON *option = bl_json_object();

		bl_json_set_number(option, "code", interface->private_options[i].code);
		bl_json_set_string(option, "value", interface->private_options[i].value);
		bl_json_append(options, option);
	}
	bl_json_set(object, "ports", ports_json(interface));
	bl_json_set(object, "ntpServers", ntp);
	bl_json_set(object, "privateOptions", options);
	bl_json_set_string(object, "tftpServerName", interface->tftp_server_name);
	bl_json_set_string(object, "bootFileName", interface->boot_file_name);
	return object;
}

static struct cJSON *network_json(const struct bl_network *network)
{
	struct cJSON *object = bl_json_object();

	bl_json_set(object, "cidr", addr_json(&network->vm_cidr));
	bl_json_set_number(object, "bits", network->vm_cidr_bits);
	bl_json_set(object, "cidr6", addr_json(&network->vm_cidr6));
	bl_json_set_number(object, "bits6", network->vm_cidr6_bits);
	return object;
}

static struct cJSON *labels_json(const struct bl_labels *labels)
{
	struct cJSON *object = bl_json_object();

	for (size_t i = 0; i < labels->n_items; i++)
		bl_json_set_string(object, labels->items[i]->key, labels->items[i]->value);
	return object;
}

static struct cJSON *spec_json(const struct endpoint_spec *spec)
{
	struct cJSON *object = bl_json_object();

	bl_json_set_string(object, "name", spec->name);
	bl_json_set_string(object, "netns", spec->netns_path);
	bl_json_set_string(object, "uplink", spec->uplink);
	bl_json_set_string(object, "tap", spec->tap);
	bl_json_set_bool(object, "masquerade", spec->binding == BL_BINDING_MASQUERADE);
	if (spec->has_mac)
		set_mac(object, "mac", spec->guest_mac);
	bl_json_set_bool(object, "spoofGuard", !spec->no_spoof_guard);
	if (spec->interface)
		bl_json_set(object, "interface", interface_json(spec->interface));
	if (spec->network)
		bl_json_set(object, "network", network_json(spec->network));
	if (spec->dns)
		bl_json_set(object, "dns", strings_json(spec->dns, spec->n_dns));
	if (spec->searches)
		bl_json_set(object, "searches", strings_json(spec->searches, spec->n_searches));
	bl_json_set_string(object, "hostname", spec->hostname);
	bl_json_set_string(object, "domain", spec->domain);
	bl_json_set_string(object, "namespace", spec->namespace);
	if (spec->labels && spec->labels->n_items)
		bl_json_set(object, "labels", labels_json(spec->labels));
	return object;
}

static struct cJSON *tap_json(const struct tap_state *tap)
{
	struct cJSON *object = bl_json_object();

	bl_json_set_bool(object, "persistent", tap->persistent);
	bl_json_set_bool(object, "multiQueue", tap->multi_queue);
	bl_json_set_number(object, "arpIgnore", tap->arp_ignore);
	bl_json_set_number(object, "disableIpv6", tap->disable_ipv6);
	bl_json_set_number(object, "uid", tap->uid);
	bl_json_set_number(object, "mtu", tap->mtu);
	set_mac(object, "mac", tap->mac);
	return object;
}

/* Inode numbers of namespaces have 32 bits, cookies count up from 1: both fit a JSON number. */
static struct cJSON *place_json(const struct record_place *place)
{
	struct cJSON *object = bl_json_object();

	bl_json_set_number(object, "index", place->index);
	bl_json_set_string(object, "bootId", place->boot_id);
	bl_json_set_number(object, "netnsInode", (double)place->netns.inode);
	bl_json_set_number(object, "netnsCookie", (double)place->netns.cookie);
	bl_json_set(object, "tap", tap_json(&place->tap));
	return object;
}

struct cJSON *record_json(const struct record *record)
{
	struct cJSON *object = spec_json(&record->spec);

	bl_json_set(object, "place", place_json(&record->place));
	return object;
}

/* ---- from JSON ------------------------------------------------------------------------------- */

/* A spec, and room for what it points to; texts are the document's. */
struct draft {
	struct endpoint_spec spec;
	struct bl_labels labels; /* owned */
	struct bl_interface interface;
	struct bl_network network;
	struct bl_port ports[BL_PORTS_MAX];
	struct bl_addr ntp_servers[RECORD_ADDRS_MAX];
	struct bl_dhcp_option private_options[RECORD_OPTIONS_MAX];
	const char *dns[RECORD_DNS_MAX];
	const char *searches[RECORD_SEARCHES_MAX];
};

static void draft_free(struct draft *draft)
{
	bl_labels_clear(&draft->labels);
	free(draft);
}
BL_DEFINE_AUTO(draft, struct draft *, draft_free)

static int need_string(const struct cJSON *object, const char *key, const char **ret_text,
		       struct bl_err *err)
{
	*ret_text = bl_json_get_string(object, key);
	return *ret_text ? 0 : bl_fail(err, -EINVAL, "%s: expected a string", key);
}

static int read_addr(const struct cJSON *object, const char *key, struct bl_addr *ret_addr,
		     struct bl_err *err)
{
	const char *text;
	int r = need_string(object, key, &text, err);

	return r < 0 ? r : bl_addr_parse(text, ret_addr, err);
}

static int read_strings(const struct cJSON *array, const char *what, const char **strings,
			size_t max, size_t *ret_n)
{
	size_t n = 0;

	bl_json_for_each (member, array) {
		if (n == max || !bl_json_text(member))
			return -EINVAL;
		strings[n++] = bl_json_text(member);
	}
	*ret_n = n;
	return 0;
}

static int read_ports(struct draft *draft, const struct cJSON *array, struct bl_err *err)
{
	bl_json_for_each (member, array) {
		struct bl_port *port = &draft->ports[draft->interface.n_ports];

		if (draft->interface.n_ports == BL_PORTS_MAX)
			return bl_fail(err, -E2BIG, "more than %d ports", BL_PORTS_MAX);
		port->name = (char *)bl_json_get_string(member, "name");
		port->protocol = (uint8_t)bl_json_get_number(member, "protocol", 0);
		port->first = (uint16_t)bl_json_get_number(member, "first", 0);
		port->last = (uint16_t)bl_json_get_number(member, "last", 0);
		draft->interface.n_ports++;
	}
	draft->interface.ports = draft->ports;
	return 0;
}

static int read_ntp_servers(struct draft *draft, const struct cJSON *array, struct bl_err *err)
{
	bl_json_for_each (member, array) {
		const char *text = bl_json_text(member);
		size_t n = draft->interface.n_ntp_servers;

		if (n == RECORD_ADDRS_MAX || !text)
			return bl_fail(err, -EINVAL, "ntpServers: at most %d addresses",
				       RECORD_ADDRS_MAX);
		if (bl_addr_parse(text, &draft->ntp_servers[n], err) < 0)
			return bl_wrap(err, "ntpServers");
		draft->interface.n_ntp_servers++;
	}
	draft->interface.ntp_servers = draft->ntp_servers;
	return 0;
}

static int read_private_options(struct draft *draft, const struct cJSON *array, struct bl_err *err)
{
	bl_json_for_each (member, array) {
		size_t n = draft->interface.n_private_options;
		const char *value = bl_json_get_string(member, "value");

		if (n == RECORD_OPTIONS_MAX || !value)
			return bl_fail(err, -EINVAL, "privateOptions: at most %d values",
				       RECORD_OPTIONS_MAX);
		draft->private_options[n].code = (uint8_t)bl_json_get_number(member, "code", 0);
		draft->private_options[n].value = (char *)value;
		draft->interface.n_private_options++;
	}
	draft->interface.private_options = draft->private_options;
	return 0;
}

static int read_interface(struct draft *draft, const struct cJSON *object, struct bl_err *err)
{
	int r;

	if (!object)
		return 0;
	draft->interface.tftp_server_name = (char *)bl_json_get_string(object, "tftpServerName");
	draft->interface.boot_file_name = (char *)bl_json_get_string(object, "bootFileName");
	r = read_ports(draft, bl_json_get(object, "ports"), err);
	if (r == 0)
		r = read_ntp_servers(draft, bl_json_get(object, "ntpServers"), err);
	if (r == 0)
		r = read_private_options(draft, bl_json_get(object, "privateOptions"), err);
	draft->spec.interface = &draft->interface;
	return r;
}

static int read_network(struct draft *draft, const struct cJSON *object, struct bl_err *err)
{
	int r;

	if (!object)
		return 0;
	r = read_addr(object, "cidr", &draft->network.vm_cidr, err);
	if (r == 0)
		r = read_addr(object, "cidr6", &draft->network.vm_cidr6, err);
	draft->network.vm_cidr_bits = (uint8_t)bl_json_get_number(object, "bits", 0);
	draft->network.vm_cidr6_bits = (uint8_t)bl_json_get_number(object, "bits6", 0);
	draft->spec.network = &draft->network;
	return r;
}

static int read_names(struct draft *draft, const struct cJSON *document, struct bl_err *err)
{
	const struct cJSON *dns = bl_json_get(document, "dns");
	const struct cJSON *searches = bl_json_get(document, "searches");

	if (read_strings(dns, "dns", draft->dns, RECORD_DNS_MAX, &draft->spec.n_dns) < 0)
		return bl_fail(err, -E2BIG, "dns: at most %d servers", RECORD_DNS_MAX);
	if (read_strings(searches, "searches", draft->searches, RECORD_SEARCHES_MAX,
			 &draft->spec.n_searches) < 0)
		return bl_fail(err, -E2BIG, "searches: at most %d domains", RECORD_SEARCHES_MAX);
	draft->spec.dns = dns ? draft->dns : NULL;
	draft->spec.searches = searches ? draft->searches : NULL;
	return 0;
}

static void read_labels(struct draft *draft, const struct cJSON *object)
{
	if (!bl_json_is_object(object))
		return;
	bl_labels_set_all(&draft->labels, "k8s", "", object);
	draft->spec.labels = &draft->labels;
}

static int read_spec(struct draft *draft, const struct cJSON *document, struct bl_err *err)
{
	struct endpoint_spec *spec = &draft->spec;
	const char *mac = bl_json_get_string(document, "mac");
	int r = need_string(document, "name", &spec->name, err);

	if (r == 0)
		r = need_string(document, "netns", &spec->netns_path, err);
	if (r == 0)
		r = need_string(document, "uplink", &spec->uplink, err);
	if (r == 0)
		r = need_string(document, "tap", &spec->tap, err);
	if (r == 0 && mac)
		r = bl_mac_parse(mac, spec->guest_mac, err);
	spec->netns_fd = -1;
	spec->has_mac = mac != NULL;
	spec->binding = bl_json_get_bool(document, "masquerade", false) ? BL_BINDING_MASQUERADE
									: BL_BINDING_POD;
	spec->no_spoof_guard = !bl_json_get_bool(document, "spoofGuard", true);
	spec->hostname = bl_json_get_string(document, "hostname");
	spec->domain = bl_json_get_string(document, "domain");
	spec->namespace = bl_json_get_string(document, "namespace");
	read_labels(draft, bl_json_get(document, "labels"));
	if (r == 0)
		r = read_interface(draft, bl_json_get(document, "interface"), err);
	if (r == 0)
		r = read_network(draft, bl_json_get(document, "network"), err);
	return r == 0 ? read_names(draft, document, err) : r;
}

static int read_place(const struct cJSON *object, struct record_place *place, struct bl_err *err)
{
	const char *boot_id = bl_json_get_string(object, "bootId");
	const char *mac = bl_json_get_string(object, "tap/mac");
	double index = bl_json_get_number(object, "index", -1);

	if (!object)
		return 0;
	if (index < 0 || index >= BL_ENDPOINTS_MAX || !boot_id)
		return bl_fail(err, -EINVAL, "place: no sound index or boot id");
	place->index = (uint32_t)index;
	snprintf(place->boot_id, sizeof(place->boot_id), "%s", boot_id);
	place->netns.inode = (uint64_t)bl_json_get_number(object, "netnsInode", 0);
	place->netns.cookie = (uint64_t)bl_json_get_number(object, "netnsCookie", 0);
	place->tap.persistent = bl_json_get_bool(object, "tap/persistent", false);
	place->tap.multi_queue = bl_json_get_bool(object, "tap/multiQueue", false);
	/* A record of before these were kept asks for nothing to be taken back. */
	place->tap.arp_ignore =
		(uint32_t)bl_json_get_number(object, "tap/arpIgnore", TAP_ARP_IGNORE_ALL);
	place->tap.disable_ipv6 = (uint32_t)bl_json_get_number(object, "tap/disableIpv6", 1);
	place->tap.uid = (uid_t)bl_json_get_number(object, "tap/uid", 0);
	place->tap.mtu = (uint16_t)bl_json_get_number(object, "tap/mtu", 0);
	if (mac)
		bl_mac_parse(mac, place->tap.mac, NULL);
	return 0;
}

int record_from_json(const struct cJSON *document, struct record **ret_record, struct bl_err *err)
{
	bl_cleanup(bl_auto_draft_fn) struct draft *draft = bl_alloc(sizeof(*draft));
	bl_auto_record struct record *record = NULL;
	int r = read_spec(draft, document, err);

	if (r == 0)
		r = record_new(&draft->spec, &record, err);
	if (r == 0)
		r = read_place(bl_json_get(document, "place"), &record->place, err);
	if (r < 0)
		return bl_wrap(err, "record of an endpoint");
	*ret_record = bl_take_ptr(record);
	return 0;
}
