// SPDX-License-Identifier: Apache-2.0
/* Addresses, prefixes and MACs between text and the one 128-bit form. Pure. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/addr.h>

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct bl_addr bl_addr_from_bytes(const void *bytes, size_t len)
{
	struct bl_addr addr = {0};

	if (len == 4) {
		memcpy(addr.bytes, v4_mapped, sizeof(v4_mapped));
		memcpy(addr.bytes + 12, bytes, 4);
	} else if (len == 16) {
		memcpy(addr.bytes, bytes, 16);
	}
	return addr;
}

bool bl_addr_is_v4(const struct bl_addr *addr)
{
	return memcmp(addr->bytes, v4_mapped, sizeof(v4_mapped)) == 0;
}

bool bl_addr_is_set(const struct bl_addr *addr)
{
	return addr->halves[0] || addr->halves[1];
}

bool bl_addr_equal(const struct bl_addr *a, const struct bl_addr *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool bl_addr_is_among(const struct bl_addr *addr, const struct bl_addr *addrs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bl_addr_equal(&addrs[i], addr))
			return true;
	return false;
}

int bl_addr_parse(const char *text, struct bl_addr *ret_addr, struct bl_err *err)
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1)
		*ret_addr = bl_addr_from_bytes(bytes, 4);
	else if (inet_pton(AF_INET6, text, bytes) == 1)
		*ret_addr = bl_addr_from_bytes(bytes, 16);
	else
		return bl_fail(err, -EINVAL, "'%.64s' is not an IP address", text);
	return 0;
}

/* Whether the bits of addr from position bits (of 128) on are all zero. */
static bool host_bits_are_zero(const struct bl_addr *addr, unsigned int bits)
{
	for (unsigned int i = bits; i < 128; i++)
		if (addr->bytes[i / 8] & (0x80 >> i % 8))
			return false;
	return true;
}

static int parse_bits(const char *text, unsigned int max, uint8_t *ret_bits)
{
	unsigned int value = 0;
	size_t len = strlen(text);

	if (len < 1 || len > 3 || strspn(text, "0123456789") != len || (len > 1 && *text == '0'))
		return -EINVAL;
	for (const char *c = text; *c; c++)
		value = value * 10 + (unsigned int)(*c - '0');
	if (value > max)
		return -EINVAL;
	*ret_bits = (uint8_t)value;
	return 0;
}

int bl_prefix_parse(const char *text, bool allow_host_bits, struct bl_addr *ret_addr,
		    uint8_t *ret_bits, struct bl_err *err)
{
	const char *slash = strchr(text, '/');
	char head[BL_ADDR_TEXT_MAX];
	struct bl_addr addr;
	uint8_t bits;
	bool v4;

	if (!slash || (size_t)(slash - text) >= sizeof(head))
		return bl_fail(err, -EINVAL, "'%.64s' is not ADDRESS/BITS", text);
	memcpy(head, text, (size_t)(slash - text));
	head[slash - text] = '\0';
	if (bl_addr_parse(head, &addr, err) < 0)
		return -EINVAL;
	v4 = bl_addr_is_v4(&addr);
	if (parse_bits(slash + 1, v4 ? 32 : 128, &bits) < 0)
		return bl_fail(err, -EINVAL, "'%.64s' has no prefix length from 0 to %d", text,
			       v4 ? 32 : 128);
	if (!allow_host_bits && !host_bits_are_zero(&addr, bits + (v4 ? 96u : 0u)))
		return bl_fail(err, -EINVAL, "'%.64s' has bits set beyond its prefix length", text);
	*ret_addr = addr;
	*ret_bits = bits;
	return 0;
}

bool bl_addr_in_prefix(const struct bl_addr *addr, const struct bl_addr *prefix, uint8_t bits)
{
	struct bl_addr difference;

	if (bl_addr_is_v4(addr) != bl_addr_is_v4(prefix))
		return false;

	for (int i = 0; i < 16; i++)
		difference.bytes[i] = addr->bytes[i] ^ prefix->bytes[i];
	for (unsigned int i = 0, n = bits + (bl_addr_is_v4(prefix) ? 96u : 0u); i < n; i++)
		if (difference.bytes[i / 8] & (0x80 >> i % 8))
			return false;
	return true;
}

struct bl_addr bl_addr_nth(const struct bl_addr *prefix, uint32_t n)
{
	struct bl_addr addr = *prefix;
	int last = bl_addr_is_v4(prefix) ? 12 : 0;
	uint64_t carry = n;

	for (int i = 15; i >= last && carry; i--) {
		carry += addr.bytes[i];
		addr.bytes[i] = (uint8_t)carry;
		carry >>= 8;
	}
	return addr;
}

const char *bl_addr_format(const struct bl_addr *addr, char *text)
{
	if (bl_addr_is_v4(addr))
		inet_ntop(AF_INET, addr->bytes + 12, text, BL_ADDR_TEXT_MAX);
	else
		inet_ntop(AF_INET6, addr->bytes, text, BL_ADDR_TEXT_MAX);
	return text;
}

const char *bl_prefix_format(const struct bl_prefix *prefix, char *text)
{
	bool is_v4 = bl_addr_is_v4(&prefix->addr) && prefix->bits >= 96;
	size_t len = strlen(bl_addr_format(&prefix->addr, text));

	snprintf(text + len, BL_ADDR_TEXT_MAX - len, "/%u", prefix->bits - (is_v4 ? 96u : 0u));
	return text;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool scan_mac(const char *text, uint8_t mac[6])
{
	if (strlen(text) != 17 || (text[2] != ':' && text[2] != '-'))
		return false;
	for (int i = 0; i < 6; i++) {
		int high = hex_digit(text[i * 3]), low = hex_digit(text[i * 3 + 1]);

		if (high < 0 || low < 0 || (i < 5 && text[i * 3 + 2] != text[2]))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

int bl_mac_parse(const char *text, uint8_t ret_mac[6], struct bl_err *err)
{
	static const uint8_t zero[6];
	uint8_t mac[6];

	if (!scan_mac(text, mac))
		return bl_fail(err, -EINVAL, "'%.32s' is not a MAC address (aa:bb:cc:dd:ee:ff)",
			       text);
	if (mac[0] & 1 || memcmp(mac, zero, 6) == 0)
		return bl_fail(err, -EINVAL, "'%.32s' cannot be the MAC address of a NIC", text);
	memcpy(ret_mac, mac, 6);
	return 0;
}

const char *bl_mac_format(const uint8_t mac[6], char *text)
{
	snprintf(text, BL_MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return text;
}

struct bl_addr bl_addr_link_local(const uint8_t mac[6])
{
	struct bl_addr addr = {.bytes = {0xfe, 0x80}};

	memcpy(addr.bytes + 8, mac, 3);
	addr.bytes[8] ^= 0x02; /* universal/local bit */
	addr.bytes[11] = 0xff;
	addr.bytes[12] = 0xfe;
	memcpy(addr.bytes + 13, mac + 3, 3);
	return addr;
}
