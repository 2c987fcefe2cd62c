/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One form for both families: 128 bits in network byte order, IPv4 as ::ffff:a.b.c.d (RFC 4291
 * 2.5.5.2). The same 16 bytes stand in the BPF maps (abi.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <beeline/abi.h>
#include <beeline/err.h>

#define BL_ADDR_TEXT_MAX 64 /* address or prefix as text with its NUL */
#define BL_MAC_TEXT_MAX  18

int bl_addr_parse(const char *text, struct bl_addr *ret_addr, struct bl_err *err);
/* "10.0.2.0/24"; host bits are refused unless allow_host_bits. ret_bits counts within the family. */
int bl_prefix_parse(const char *text, bool allow_host_bits, struct bl_addr *ret_addr,
		    uint8_t *ret_bits, struct bl_err *err);
bool bl_addr_is_v4(const struct bl_addr *addr);
bool bl_addr_is_set(const struct bl_addr *addr); /* not all zero */
bool bl_addr_equal(const struct bl_addr *a, const struct bl_addr *b);
bool bl_addr_is_among(const struct bl_addr *addr, const struct bl_addr *addrs, size_t n);
bool bl_addr_in_prefix(const struct bl_addr *addr, const struct bl_addr *prefix, uint8_t bits);
/* From 4 or 16 raw bytes in network order. */
struct bl_addr bl_addr_from_bytes(const void *bytes, size_t len);
/* The n-th address of a prefix (n = 1: first after the network address). */
struct bl_addr bl_addr_nth(const struct bl_addr *prefix, uint32_t n);
/* Canonical text (RFC 5952; IPv4 dotted) into a buffer of BL_ADDR_TEXT_MAX; returns it. */
const char *bl_addr_format(const struct bl_addr *addr, char *text);
/* "10.0.0.0/8"; its bits are counted within the family. */
const char *bl_prefix_format(const struct bl_prefix *prefix, char *text);

/* Six pairs of hex digits split by ':' or '-'; multicast and all-zero are refused. */
int bl_mac_parse(const char *text, uint8_t ret_mac[6], struct bl_err *err);
const char *bl_mac_format(const uint8_t mac[6], char *text);
/* EUI-64 link-local address of a MAC (RFC 4291 appendix A). */
struct bl_addr bl_addr_link_local(const uint8_t mac[6]);
