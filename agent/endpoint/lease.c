// SPDX-License-Identifier: Apache-2.0
/*
 * Encoders of DHCP options and of the router advertisement.
 *
 * A blob is written through a bounded cursor: running over its end marks the cursor, and the end of
 * each message looks at the mark once.
 */
#include "lease.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <beeline/addr.h>

enum {
	DHCP4_PAD = 0,
	DHCP4_MASK = 1,
	DHCP4_ROUTER = 3,
	DHCP4_DNS = 6,
	DHCP4_HOST_NAME = 12,
	DHCP4_DOMAIN = 15,
	DHCP4_MTU = 26,
	DHCP4_NTP = 42,
	DHCP4_TFTP_SERVER = 66,
	DHCP4_BOOT_FILE = 67,
	DHCP4_SEARCH = 119,
	DHCP4_ROUTES = 121,
	DHCP4_END = 255,
	DHCP6_DNS = 23,
	DHCP6_SEARCH = 24,
	RA_TYPE = 134,
	RA_MANAGED_AND_OTHER = 0xc0,
	RA_SOURCE_MAC = 1,
	RA_PREFIX = 3,
	RA_PREFIX_ON_LINK = 0x80,
	RA_MTU = 5,
	RA_RDNSS = 25,
	RA_DNSSL = 31,
};

#define DHCP4_OPTION_MAX 255
#define RA_HOP_LIMIT     64
#define RA_LIFETIME_S    65535u      /* all that 16 bits hold: 18 hours */
#define RA_FOREVER       0xffffffffu /* of what is valid as long as the endpoint is */
#define NAMES_MAX        1024

uint16_t lease_sum(const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)at[i] << 8 | at[i + 1];
	if (len % 2)
		sum += (uint32_t)at[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)sum);
}

/* ---- writing --------------------------------------------------------------------------------- */

struct cursor {
	uint8_t *bytes;
	size_t len, max;
	bool overrun;
};

static void put(struct cursor *cursor, const void *bytes, size_t len)
{
	if (cursor->overrun || len > cursor->max - cursor->len) {
		cursor->overrun = true;
		return;
	}
	memcpy(cursor->bytes + cursor->len, bytes, len);
	cursor->len += len;
}

static void put8(struct cursor *cursor, uint8_t value)
{
	put(cursor, &value, 1);
}

static void put16(struct cursor *cursor, uint16_t value)
{
	put(cursor, &(uint16_t){htons(value)}, 2);
}

static void put32(struct cursor *cursor, uint32_t value)
{
	put(cursor, &(uint32_t){htonl(value)}, 4);
}

static void put_addr4(struct cursor *cursor, const struct bl_addr *addr)
{
	put(cursor, &addr->bytes[12], 4);
}

/* Domain names as DNS writes them (RFC 1035 3.1), one after the other, uncompressed. */
static int put_name(struct cursor *cursor, const char *name, struct bl_err *err)
{
	for (const char *label = name; *label;) {
		size_t len = strcspn(label, ".");

		if (len == 0 || len > 63)
			return bl_fail(err, -EINVAL, "search domain '%s' is not a domain name",
				       name);
		put8(cursor, (uint8_t)len);
		put(cursor, label, len);
		label += len + (label[len] == '.');
	}
	put8(cursor, 0);
	return 0;
}

static int encode_names(const struct lease_spec *spec, struct cursor *names, struct bl_err *err)
{
	for (size_t i = 0; i < spec->n_searches; i++) {
		int r = put_name(names, spec->searches[i], err);

		if (r < 0)
			return r;
	}
	if (names->overrun)
		return bl_fail(err, -E2BIG, "the search domains are longer than %d bytes",
			       NAMES_MAX);
	return 0;
}

static int finish(const struct cursor *cursor, const char *what, struct bl_blob *blob,
		  struct bl_err *err)
{
	if (cursor->overrun)
		return bl_fail(err, -E2BIG, "the guest's %s options are longer than %d bytes", what,
			       BL_BLOB_MAX);
	blob->len = (uint16_t)cursor->len;
	blob->sum = lease_sum(blob->bytes, blob->len);
	return 0;
}

/* ---- DHCPv4 ---------------------------------------------------------------------------------- */

/* A body that one option cannot hold goes on in the next of the same code (RFC 3396). */
static void option(struct cursor *cursor, uint8_t code, const void *bytes, size_t len)
{
	for (size_t done = 0; done < len;) {
		size_t part = len - done > DHCP4_OPTION_MAX ? DHCP4_OPTION_MAX : len - done;

		put8(cursor, code);
		put8(cursor, (uint8_t)part);
		put(cursor, (const uint8_t *)bytes + done, part);
		done += part;
	}
}

static void text_option(struct cursor *cursor, uint8_t code, const char *text)
{
	if (text)
		option(cursor, code, text, strlen(text));
}

static void addr4_option(struct cursor *cursor, uint8_t code, const struct bl_addr *addrs, size_t n)
{
	uint8_t bytes[BL_BLOB_MAX];
	struct cursor body = {.bytes = bytes, .max = sizeof(bytes)};

	for (size_t i = 0; i < n; i++)
		if (bl_addr_is_v4(&addrs[i]))
			put_addr4(&body, &addrs[i]);
	cursor->overrun |= body.overrun;
	option(cursor, code, bytes, body.len);
}

/* Clients that know option 121 ignore option 3 (RFC 3442), so it carries the default route too, and
 * before it the way to a gateway that the mask does not cover. What the mask covers is left out. */
static void routes_option(struct cursor *cursor, const struct lease_spec *spec)
{
	static const struct bl_addr on_link;
	uint8_t bytes[BL_BLOB_MAX];
	struct cursor body = {.bytes = bytes, .max = sizeof(bytes)};

	for (size_t i = 0; i < spec->n_routes; i++) {
		const struct podnet_route *route = &spec->routes[i];
		const struct bl_addr *via =
			bl_addr_is_set(&route->gateway) ? &route->gateway : &on_link;

		if (!bl_addr_is_v4(&route->to) ||
		    (route->bits >= spec->bits4 &&
		     bl_addr_in_prefix(&route->to, &spec->addr4, spec->bits4)))
			continue;
		put8(&body, route->bits);
		put(&body, &route->to.bytes[12], (route->bits + 7u) / 8);
		put_addr4(&body, via);
	}
	cursor->overrun |= body.overrun;
	option(cursor, DHCP4_ROUTES, bytes, body.len);
}

static void interface_options(struct cursor *cursor, const struct bl_interface *interface)
{
	addr4_option(cursor, DHCP4_NTP, interface->ntp_servers, interface->n_ntp_servers);
	text_option(cursor, DHCP4_TFTP_SERVER, interface->tftp_server_name);
	text_option(cursor, DHCP4_BOOT_FILE, interface->boot_file_name);
	for (size_t i = 0; i < interface->n_private_options; i++)
		text_option(cursor, interface->private_options[i].code,
			    interface->private_options[i].value);
}

static int encode_dhcp4(const struct lease_spec *spec, const struct cursor *names,
			struct bl_blob *blob, struct bl_err *err)
{
	struct cursor cursor = {.bytes = blob->bytes, .max = sizeof(blob->bytes)};
	uint32_t mask = htonl(spec->bits4 ? ~0u << (32 - spec->bits4) : 0);

	option(&cursor, DHCP4_MASK, &mask, sizeof(mask));
	addr4_option(&cursor, DHCP4_ROUTER, &spec->router4, bl_addr_is_set(&spec->router4));
	routes_option(&cursor, spec);
	addr4_option(&cursor, DHCP4_DNS, spec->dns, spec->n_dns);
	option(&cursor, DHCP4_MTU, &(uint16_t){htons(spec->mtu)}, sizeof(uint16_t));
	text_option(&cursor, DHCP4_HOST_NAME, spec->hostname);
	text_option(&cursor, DHCP4_DOMAIN, spec->domain);
	option(&cursor, DHCP4_SEARCH, names->bytes, names->len);
	if (spec->interface)
		interface_options(&cursor, spec->interface);
	if (cursor.len % 2 == 0)
		put8(&cursor, DHCP4_PAD);
	put8(&cursor, DHCP4_END);
	return finish(&cursor, "DHCPv4", blob, err);
}

/* ---- DHCPv6 and router advertisement --------------------------------------------------------- */

static size_t count_dns6(const struct lease_spec *spec)
{
	size_t n = 0;

	for (size_t i = 0; i < spec->n_dns; i++)
		n += !bl_addr_is_v4(&spec->dns[i]);
	return n;
}

static void put_dns6(struct cursor *cursor, const struct lease_spec *spec)
{
	for (size_t i = 0; i < spec->n_dns; i++)
		if (!bl_addr_is_v4(&spec->dns[i]))
			put(cursor, spec->dns[i].bytes, 16);
}

static int encode_dhcp6(const struct lease_spec *spec, const struct cursor *names,
			struct bl_blob *blob, struct bl_err *err)
{
	struct cursor cursor = {.bytes = blob->bytes, .max = sizeof(blob->bytes)};
	size_t n_dns = count_dns6(spec);

	if (n_dns > 0) {
		put16(&cursor, DHCP6_DNS);
		put16(&cursor, (uint16_t)(16 * n_dns));
		put_dns6(&cursor, spec);
	}
	if (names->len > 0) {
		put16(&cursor, DHCP6_SEARCH);
		put16(&cursor, (uint16_t)names->len);
		put(&cursor, names->bytes, names->len);
	}
	return finish(&cursor, "DHCPv6", blob, err);
}

/* On the link, but never a reason to make up an address: those come by DHCPv6. A prefix of a single
 * address is left out: dhcpcd takes it for its own, and what it names is reached by the router too. */
static void put_prefixes(struct cursor *cursor, const struct lease_spec *spec)
{
	for (size_t i = 0; i < spec->n_routes; i++) {
		const struct podnet_route *route = &spec->routes[i];

		if (bl_addr_is_v4(&route->to) || bl_addr_is_set(&route->gateway) ||
		    route->bits == 0 || route->bits == 128 || route->to.bytes[0] == 0xfe)
			continue;
		put8(cursor, RA_PREFIX);
		put8(cursor, 4);
		put8(cursor, route->bits);
		put8(cursor, RA_PREFIX_ON_LINK);
		put32(cursor, RA_FOREVER);
		put32(cursor, RA_FOREVER);
		put32(cursor, 0);
		put(cursor, route->to.bytes, 16);
	}
}

/* RFC 8106: lengths in units of eight bytes, the search list padded with zeroes. */
static void put_ra_dns(struct cursor *cursor, const struct lease_spec *spec,
		       const struct cursor *names)
{
	static const uint8_t zeroes[8];
	size_t n_dns = count_dns6(spec), padded = (names->len + 7) / 8 * 8;

	if (n_dns > 0) {
		put8(cursor, RA_RDNSS);
		put8(cursor, (uint8_t)(1 + 2 * n_dns));
		put16(cursor, 0);
		put32(cursor, RA_FOREVER);
		put_dns6(cursor, spec);
	}
	if (names->len > 0) {
		put8(cursor, RA_DNSSL);
		put8(cursor, (uint8_t)(1 + padded / 8));
		put16(cursor, 0);
		put32(cursor, RA_FOREVER);
		put(cursor, names->bytes, names->len);
		put(cursor, zeroes, padded - names->len);
	}
}

static int encode_ra(const struct lease_spec *spec, const struct cursor *names,
		     struct bl_blob *blob, struct bl_err *err)
{
	struct cursor cursor = {.bytes = blob->bytes, .max = sizeof(blob->bytes)};

	put8(&cursor, RA_TYPE);
	put8(&cursor, 0);
	put16(&cursor, 0); /* checksum: BPF's, since it covers the addresses */
	put8(&cursor, RA_HOP_LIMIT);
	put8(&cursor, RA_MANAGED_AND_OTHER);
	put16(&cursor, RA_LIFETIME_S);
	put32(&cursor, 0);
	put32(&cursor, 0);
	put8(&cursor, RA_SOURCE_MAC);
	put8(&cursor, 1);
	put(&cursor, spec->router_mac, sizeof(spec->router_mac));
	put8(&cursor, RA_MTU);
	put8(&cursor, 1);
	put16(&cursor, 0);
	put32(&cursor, spec->mtu);
	put_prefixes(&cursor, spec);
	put_ra_dns(&cursor, spec, names);
	return finish(&cursor, "router advertisement", blob, err);
}

int lease_encode(const struct lease_spec *spec, struct bl_lease *ret_lease, struct bl_err *err)
{
	static const uint8_t duid_ll_ethernet[] = {0, 3, 0, 1};
	uint8_t name_bytes[NAMES_MAX];
	struct cursor names = {.bytes = name_bytes, .max = sizeof(name_bytes)};
	struct bl_lease lease = {.lease_s = LEASE_SECONDS};
	int r = encode_names(spec, &names, err);

	memcpy(lease.server_duid, duid_ll_ethernet, sizeof(duid_ll_ethernet));
	memcpy(lease.server_duid + sizeof(duid_ll_ethernet), spec->router_mac,
	       sizeof(spec->router_mac));
	if (r == 0)
		r = encode_dhcp4(spec, &names, &lease.dhcp4, err);
	if (r == 0)
		r = encode_dhcp6(spec, &names, &lease.dhcp6, err);
	if (r == 0)
		r = encode_ra(spec, &names, &lease.ra, err);
	if (r == 0)
		*ret_lease = lease;
	return r;
}
