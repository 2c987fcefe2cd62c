// SPDX-License-Identifier: Apache-2.0
/*
 * Encoding and decoding of records. A copy of a spec is made by encoding and decoding it, so both
 * ways are walked at every attach. Pure; files are endpoints' business.
 */
#include "record.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
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
	if (spec->labels)
		bl_json_set(object, "labels", bl_json_copy(spec->labels));
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
const struct cJSON *record_json(struct record *record)
{
	struct cJSON *place = bl_json_object();

	bl_json_set_number(place, "index", record->place.index);
	bl_json_set_string(place, "bootId", record->place.boot_id);
	bl_json_set_number(place, "netnsInode", (double)record->place.netns.inode);
	bl_json_set_number(place, "netnsCookie", (double)record->place.netns.cookie);
	bl_json_set(place, "tap", tap_json(&record->place.tap));
	bl_json_set(record->document, "place", place);
	return record->document;
}

/* ---- from JSON ------------------------------------------------------------------------------- */

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

static int read_ports(struct record *record, const struct cJSON *array, struct bl_err *err)
{
	bl_json_for_each (member, array) {
		struct bl_port *port = &record->ports[record->interface.n_ports];

		if (record->interface.n_ports == BL_PORTS_MAX)
			return bl_fail(err, -E2BIG, "more than %d ports", BL_PORTS_MAX);
		port->name = (char *)bl_json_get_string(member, "name");
		port->protocol = (uint8_t)bl_json_get_number(member, "protocol", 0);
		port->first = (uint16_t)bl_json_get_number(member, "first", 0);
		port->last = (uint16_t)bl_json_get_number(member, "last", 0);
		record->interface.n_ports++;
	}
	record->interface.ports = record->ports;
	return 0;
}

static int read_ntp_servers(struct record *record, const struct cJSON *array, struct bl_err *err)
{
	bl_json_for_each (member, array) {
		const char *text = bl_json_text(member);
		size_t n = record->interface.n_ntp_servers;

		if (n == RECORD_ADDRS_MAX || !text)
			return bl_fail(err, -EINVAL, "ntpServers: at most %d addresses",
				       RECORD_ADDRS_MAX);
		if (bl_addr_parse(text, &record->ntp_servers[n], err) < 0)
			return bl_wrap(err, "ntpServers");
		record->interface.n_ntp_servers++;
	}
	record->interface.ntp_servers = record->ntp_servers;
	return 0;
}

static int read_private_options(struct record *record, const struct cJSON *array,
				struct bl_err *err)
{
	bl_json_for_each (member, array) {
		size_t n = record->interface.n_private_options;
		const char *value = bl_json_get_string(member, "value");

		if (n == RECORD_OPTIONS_MAX || !value)
			return bl_fail(err, -EINVAL, "privateOptions: at most %d values",
				       RECORD_OPTIONS_MAX);
		record->private_options[n].code = (uint8_t)bl_json_get_number(member, "code", 0);
		record->private_options[n].value = (char *)value;
		record->interface.n_private_options++;
	}
	record->interface.private_options = record->private_options;
	return 0;
}

static int read_interface(struct record *record, const struct cJSON *object, struct bl_err *err)
{
	int r;

	if (!object)
		return 0;
	record->interface.tftp_server_name = (char *)bl_json_get_string(object, "tftpServerName");
	record->interface.boot_file_name = (char *)bl_json_get_string(object, "bootFileName");
	r = read_ports(record, bl_json_get(object, "ports"), err);
	if (r == 0)
		r = read_ntp_servers(record, bl_json_get(object, "ntpServers"), err);
	if (r == 0)
		r = read_private_options(record, bl_json_get(object, "privateOptions"), err);
	record->spec.interface = &record->interface;
	return r;
}

static int read_network(struct record *record, const struct cJSON *object, struct bl_err *err)
{
	int r;

	if (!object)
		return 0;
	r = read_addr(object, "cidr", &record->network.vm_cidr, err);
	if (r == 0)
		r = read_addr(object, "cidr6", &record->network.vm_cidr6, err);
	record->network.vm_cidr_bits = (uint8_t)bl_json_get_number(object, "bits", 0);
	record->network.vm_cidr6_bits = (uint8_t)bl_json_get_number(object, "bits6", 0);
	record->spec.network = &record->network;
	return r;
}

static int read_names(struct record *record, const struct cJSON *document, struct bl_err *err)
{
	const struct cJSON *dns = bl_json_get(document, "dns");
	const struct cJSON *searches = bl_json_get(document, "searches");

	if (read_strings(dns, "dns", record->dns, RECORD_DNS_MAX, &record->spec.n_dns) < 0)
		return bl_fail(err, -E2BIG, "dns: at most %d servers", RECORD_DNS_MAX);
	if (read_strings(searches, "searches", record->searches, RECORD_SEARCHES_MAX,
			 &record->spec.n_searches) < 0)
		return bl_fail(err, -E2BIG, "searches: at most %d domains", RECORD_SEARCHES_MAX);
	record->spec.dns = dns ? record->dns : NULL;
	record->spec.searches = searches ? record->searches : NULL;
	return 0;
}

static int read_spec(struct record *record, const struct cJSON *document, struct bl_err *err)
{
	struct endpoint_spec *spec = &record->spec;
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
	spec->labels = bl_json_get(document, "labels");
	if (r == 0)
		r = read_interface(record, bl_json_get(document, "interface"), err);
	if (r == 0)
		r = read_network(record, bl_json_get(document, "network"), err);
	return r == 0 ? read_names(record, document, err) : r;
}

static int read_place(struct record *record, const struct cJSON *object, struct bl_err *err)
{
	struct record_place *place = &record->place;
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

int record_from_json(struct cJSON *document, struct record **ret_record, struct bl_err *err)
{
	bl_auto_record struct record *record = bl_alloc(sizeof(*record));
	int r = read_spec(record, document, err);

	if (r == 0)
		r = read_place(record, bl_json_get(document, "place"), err);
	if (r < 0)
		return bl_wrap(err, "record of an endpoint");
	record->document = document;
	*ret_record = bl_take_ptr(record);
	return 0;
}

int record_new(const struct endpoint_spec *spec, struct record **ret_record, struct bl_err *err)
{
	bl_auto_json struct cJSON *document = spec_json(spec);
	int r = record_from_json(document, ret_record, err);

	if (r == 0)
		bl_take_ptr(document);
	return r;
}

void record_free(struct record *record)
{
	if (!record)
		return;
	bl_json_free(record->document);
	free(record);
}
