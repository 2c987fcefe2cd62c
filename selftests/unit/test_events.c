// SPDX-License-Identifier: Apache-2.0
/* Captured headers in words; cut off anywhere, or garbage, they end the description early. */
#include "unit.h"

#include <stdio.h>

#include <beeline/json.h>
#include <beeline/reason.h>

#include "../../agent/endpoint/events.h"

#define ETHERNET(type) "\x02\0\0\0\0\1\x02\0\0\0\0\2" type
#define IPV4(protocol, offset)                           \
	"\x45\0\0\x3c\0\0" offset "\x40" protocol "\0\0" \
	"\x0a\0\0\1"                                     \
	"\x0a\0\0\2"
#define IPV6(next)                           \
	"\x60\0\0\0\0\x20" next "\x40"       \
	"\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1" \
	"\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2"

static struct cJSON *decode_len(const void *bytes, size_t len, uint8_t reason)
{
	struct bl_event event = {.len = 1514,
				 .endpoint = 3,
				 .direction = BL_FROM_VM,
				 .reason = reason,
				 .captured = (uint16_t)len};

	memcpy(event.bytes, bytes, len > sizeof(event.bytes) ? sizeof(event.bytes) : len);
	return event_json(&event, "vm", 1767323045678901234);
}

#define DECODE(bytes) decode_len(bytes, sizeof(bytes) - 1, BL_REASON_FORWARDED)

static void assert_text(const struct cJSON *json, const char *key, const char *expected)
{
	const char *text = bl_json_get_string(json, key);

	if (!expected) {
		assert_null(text);
		return;
	}
	assert_non_null(text);
	assert_string_equal(text, expected);
}

static void test_tcp(void **state)
{
	bl_auto_json struct cJSON *json =
		DECODE(ETHERNET("\x08\0") IPV4("\x06", "\x40\0") "\x1f\x90\0\x50\0\0\0\0\0\0\0\0"
								 "\x50\x12");

	assert_text(json, "time", "2026-01-02T03:04:05.678901Z");
	assert_text(json, "endpoint", "vm");
	assert_text(json, "direction", "from-vm");
	assert_text(json, "verdict", "traced");
	assert_text(json, "reason", "Forwarded");
	assert_text(json, "protocol", "TCP");
	assert_text(json, "source", "10.0.0.1");
	assert_text(json, "destination", "10.0.0.2");
	assert_text(json, "detail", "SYN,ACK");
	assert_int_equal(bl_json_get_number(json, "sourcePort", 0), 8080);
	assert_int_equal(bl_json_get_number(json, "destinationPort", 0), 80);
	assert_int_equal(bl_json_get_number(json, "bytes", 0), 1514);
}

static void test_drop(void **state)
{
	bl_auto_json struct cJSON *json = decode_len("", 0, BL_REASON_SPOOFED_IP);

	assert_text(json, "verdict", "dropped");
	assert_text(json, "reason", "Invalid source ip");
	assert_int_equal(bl_json_get_number(json, "code", 0), 132);
	assert_string_equal(bl_reason_text(255), "unknown");
	assert_null(bl_json_get(json, "rule")); /* nobody asked a policy */
}

static void test_rule(void **state)
{
	const struct bl_event event = {.reason = BL_REASON_POLICY_DENY, .cookie = 4000000000u};
	bl_auto_json struct cJSON *json = event_json(&event, "vm", 0);

	assert_true(bl_json_get_number(json, "rule", 0) == 4000000000.0);
}

static void test_ipv6(void **state)
{
	bl_auto_json struct cJSON *udp = DECODE(ETHERNET("\x86\xdd") IPV6("\x11") "\0\x35\x10\0");
	bl_auto_json struct cJSON *nd = DECODE(ETHERNET("\x86\xdd") IPV6("\x3a") "\x87\0");
	/* hop-by-hop of 16 bytes, then a first fragment of TCP */
	bl_auto_json struct cJSON *walked =
		DECODE(ETHERNET("\x86\xdd") IPV6("\0") "\x2c\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
						       "\x06\0\0\1\0\0\0\7"
						       "\0\1\0\2\0\0\0\0\0\0\0\0\x50\x02");
	bl_auto_json struct cJSON *fragment =
		DECODE(ETHERNET("\x86\xdd") IPV6("\x2c") "\x11\0\0\x09\0\0\0\7\0\1\0\2");

	assert_text(udp, "protocol", "UDP");
	assert_text(udp, "source", "fd00::1");
	assert_int_equal(bl_json_get_number(udp, "sourcePort", 0), 53);
	assert_text(nd, "detail", "neighbour solicitation");
	assert_int_equal(bl_json_get_number(nd, "icmpType", -1), 135);
	assert_int_equal(bl_json_get_number(nd, "icmpCode", -1), 0);
	assert_text(walked, "protocol", "TCP");
	assert_text(walked, "detail", "SYN");
	assert_text(fragment, "detail", "fragment");
	assert_null(bl_json_get(fragment, "sourcePort"));
}

static void test_others(void **state)
{
	bl_auto_json struct cJSON *arp =
		DECODE(ETHERNET("\x08\x06") "\0\1\x08\0\x06\x04\0\1\2\2\2\2\2\2\x0a\0\0\1"
					    "\0\0\0\0\0\0\x0a\0\0\2");
	bl_auto_json struct cJSON *vlan =
		DECODE(ETHERNET("\x81\0") "\0\5\x08\0" IPV4("\1", "\0\0") "\x08\0");
	bl_auto_json struct cJSON *lldp = DECODE(ETHERNET("\x88\xcc"));
	bl_auto_json struct cJSON *fragment =
		DECODE(ETHERNET("\x08\0") IPV4("\x11", "\x20\x05") "\0\1\0\2");
	bl_auto_json struct cJSON *odd = DECODE(ETHERNET("\x08\0") IPV4("\xfd", "\0\0"));

	assert_text(arp, "protocol", "ARP");
	assert_text(arp, "detail", "request");
	assert_text(arp, "destination", "10.0.0.2");
	assert_text(vlan, "protocol", "ICMP");
	assert_text(vlan, "detail", "echo request");
	assert_text(lldp, "protocol", "0x88cc");
	assert_text(lldp, "source", "02:00:00:00:00:02");
	assert_text(fragment, "detail", "fragment");
	assert_null(bl_json_get(fragment, "sourcePort"));
	assert_text(odd, "protocol", "IP 253");
}

/* Each prefix of each packet, and lengths that lie; the sanitizers watch. */
static void test_cut_off(void **state)
{
	static const char packet[] = ETHERNET("\x86\xdd") IPV6("\0") "\x2c\1\0\0\0\0\0\0\0\0\0\0\0"
								     "\0\0\0\x06\0\0\1\0\0\0\7";
	uint8_t noise[BL_EVENT_BYTES_MAX];

	for (size_t len = 0; len < sizeof(packet); len++) {
		bl_auto_json struct cJSON *json = decode_len(packet, len, BL_REASON_FORWARDED);

		/* What was not captured is not told, though zeroes stand in its place. */
		assert_int_equal(bl_json_get(json, "source") != NULL, len >= 14 + 40);
		assert_int_equal(bl_json_get(json, "protocol") != NULL, len >= 14);
	}
	for (unsigned int seed = 0; seed < 2000; seed++) {
		srandom(seed);
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (uint8_t)random();
		memcpy(noise + 12, seed % 2 ? "\x86\xdd\x60" : "\x08\0\x4f", 3);
		noise[20] = seed % 4 == 1 ? 0 : noise[20];
		bl_json_free(decode_len(noise, 60000, (uint8_t)seed));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp),    cmocka_unit_test(test_drop),
		cmocka_unit_test(test_rule),   cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_others), cmocka_unit_test(test_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
