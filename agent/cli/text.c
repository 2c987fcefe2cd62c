/* SPDX-License-Identifier: Apache-2.0 */
/* Text for people; see text.h. */
#include "text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

#define ESC 0x1b
#define BEL 0x07

/* Decodes one code point of well-formed UTF-8 (RFC 3629); returns its bytes, 0 for broken ones. */
static size_t utf8_decode(const char *text, uint32_t *ret_point)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t len = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	uint32_t point = at[0];

	if (len == 0 || at[0] > 0xf4)
		return 0;
	if (len > 1)
		point &= 0x7fu >> len;
	for (size_t i = 1; i < len; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (at[i] & 0x3f);
	}
	if ((len == 3 && (point < 0x800 || (point >= 0xd800 && point < 0xe000))) ||
	    (len == 4 && (point < 0x10000 || point > 0x10ffff)))
		return 0;
	*ret_point = point;
	return len;
}

/* End of a control string (OSC, DCS, SOS, PM, APC): after BEL or ST, or of the text. */
static const char *skip_string(const char *at)
{
	for (; *at; at++) {
		if (*at == BEL)
			return at + 1;
		if (*at == ESC && at[1] == '\\')
			return at + 2;
		if ((unsigned char)*at == 0xc2 && (unsigned char)at[1] == 0x9c)
			return at + 2;
	}
	return at;
}

/* End of a control sequence's parameters, intermediates and final byte (ECMA-48 5.4). */
static const char *skip_csi(const char *at)
{
	while (*at >= 0x20 && *at <= 0x3f)
		at++;
	return *at >= 0x40 && *at <= 0x7e ? at + 1 : at;
}

/* at points behind ESC; the 8-bit forms stand for ESC and the byte minus 0x40. */
static const char *skip_escape(const char *at, char kind)
{
	if (kind == '[')
		return skip_csi(at);
	if (kind && strchr("]PX^_", kind))
		return skip_string(at);
	return at;
}

static const char *skip_esc(const char *at)
{
	if (*at && strchr("[]PX^_", *at))
		return skip_escape(at + 1, *at);
	while (*at >= 0x20 && *at <= 0x2f)
		at++;
	return *at >= 0x30 && *at <= 0x7e ? at + 1 : at;
}

/* Marks that reorder what is around them could make a name look like another one. */
static bool is_bidi_control(uint32_t point)
{
	return point == 0x200e || point == 0x200f || point == 0x061c ||
	       (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

static char *clean(const char *text, bool keep_lines)
{
	char *out = bl_alloc((text ? strlen(text) : 0) + 1);
	char *to = out;
	const char *at = text ? text : "";

	while (*at) {
		uint32_t point;
		size_t len = utf8_decode(at, &point);

		if (len == 0) {
			*to++ = '?';
			at++;
		} else if (point == ESC) {
			at = skip_esc(at + 1);
		} else if (point >= 0x80 && point < 0xa0) {
			at = skip_escape(at + len, (char)(point - 0x40));
		} else if (point == '\n' || point == '\t') {
			*to++ = keep_lines ? *at : ' ';
			at++;
		} else {
			if (point >= 0x20 && point != 0x7f && !is_bidi_control(point)) {
				memcpy(to, at, len);
				to += len;
			}
			at += len;
		}
	}
	return out;
}

char *text_clean(const char *text)
{
	return clean(text, false);
}

char *text_clean_block(const char *text)
{
	return clean(text, true);
}

size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

struct age_step {
	int64_t below_s; /* ages under this ... */
	int64_t unit_s;  /* ... are counted in this unit ... */
	const char *unit;
	int64_t rest_unit_s; /* ... with the rest in that one, left out when 0 */
	const char *rest;
};

#define MINUTE INT64_C(60)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define YEAR   (365 * DAY)

const char *text_age(int64_t seconds, char text[TEXT_AGE_MAX])
{
	static const struct age_step steps[] = {
		{2 * MINUTE, 1, "s", 0, ""},    {10 * MINUTE, MINUTE, "m", 1, "s"},
		{3 * HOUR, MINUTE, "m", 0, ""}, {8 * HOUR, HOUR, "h", MINUTE, "m"},
		{2 * DAY, HOUR, "h", 0, ""},    {8 * DAY, DAY, "d", HOUR, "h"},
		{2 * YEAR, DAY, "d", 0, ""},    {8 * YEAR, YEAR, "y", DAY, "d"},
		{INT64_MAX, YEAR, "y", 0, ""},
	};
	const struct age_step *step = steps;

	if (seconds < -1) {
		snprintf(text, TEXT_AGE_MAX, "<invalid>");
		return text;
	}
	if (seconds < 0)
		seconds = 0;
	while (seconds >= step->below_s)
		step++;

	int64_t rest = step->rest_unit_s ? seconds % step->unit_s / step->rest_unit_s : 0;

	if (rest)
		snprintf(text, TEXT_AGE_MAX, "%lld%s%lld%s", (long long)(seconds / step->unit_s),
			 step->unit, (long long)rest, step->rest);
	else
		snprintf(text, TEXT_AGE_MAX, "%lld%s", (long long)(seconds / step->unit_s),
			 step->unit);
	return text;
}

const char *text_bytes(uint64_t bytes, char text[TEXT_BYTES_MAX])
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(text, TEXT_BYTES_MAX, "%llu B", (unsigned long long)bytes);
		return text;
	}
	for (; value >= 1024; value /= 1024)
		unit++;
	snprintf(text, TEXT_BYTES_MAX, "%.1f %s", value, units[unit]);
	return text;
}

/* A word begins at an upper-case letter after a lower-case one, or at the last of several that a
 * lower-case one follows: "hostIPAddress" is "Host IP Address". */
static bool begins_word(const char *key, size_t i)
{
	if (i == 0 || !isupper((unsigned char)key[i]))
		return false;
	return islower((unsigned char)key[i - 1]) || isdigit((unsigned char)key[i - 1]) ||
	       (isupper((unsigned char)key[i - 1]) && islower((unsigned char)key[i + 1]));
}

char *text_title(const char *key)
{
	bl_autofree char *clean_key = text_clean(key);
	char *title = bl_alloc(2 * strlen(clean_key) + 1);
	char *to = title;

	for (size_t i = 0; clean_key[i]; i++) {
		if (begins_word(clean_key, i))
			*to++ = ' ';
		*to++ = i == 0 ? (char)toupper((unsigned char)clean_key[i]) : clean_key[i];
	}
	return title;
}
