/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 (RFC 3629), one code point at a time: what JSON, YAML, the log and the terminal agree on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length in bytes of the code point at text, 0 when its bytes are none (overlong, a surrogate,
 * beyond U+10FFFF, cut off by len). */
size_t bl_utf8_next(const char *text, size_t len, uint32_t *ret_code);
/* C0, DEL and C1: what steers a terminal instead of being shown. */
bool bl_utf8_is_control(uint32_t code);
/* Writes the code point into at most 4 bytes; returns how many. */
size_t bl_utf8_put(uint32_t code, char *text);
