// SPDX-License-Identifier: Apache-2.0
/*
 * Is this text one JSON value, by RFC 8259 and nothing more? cJSON accepts raw control characters,
 * bytes that are no UTF-8, numbers like 01, ends a string at an escaped NUL, and says little about
 * where it stopped; so what it gets to see has passed here. Knows the grammar, keeps no values.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <beeline/json.h>
#include <beeline/utf8.h>

#include "json_check.h"

struct scan {
	const char *at, *end;
	size_t n_values, max_values;
	unsigned int depth;
	const char *wrong; /* what should have stood at `at`; NULL while all is well */
};

static bool refuse(struct scan *scan, const char *wrong)
{
	if (!scan->wrong)
		scan->wrong = wrong;
	return false;
}

/* The next byte, 0 at the end (a NUL byte in the text fails wherever it stands). */
static char peek(const struct scan *scan)
{
	return scan->at < scan->end ? *scan->at : '\0';
}

static void skip_space(struct scan *scan)
{
	while (scan->at < scan->end && strchr(" \t\r\n", *scan->at) && *scan->at)
		scan->at++;
}

static bool take(struct scan *scan, char c)
{
	if (peek(scan) != c)
		return false;
	scan->at++;
	return true;
}

static size_t take_digits(struct scan *scan)
{
	size_t n = 0;

	while (peek(scan) >= '0' && peek(scan) <= '9') {
		scan->at++;
		n++;
	}
	return n;
}

static bool scan_number(struct scan *scan)
{
	take(scan, '-');
	if (!take(scan, '0') && !take_digits(scan))
		return refuse(scan, "expected a digit");
	if (take(scan, '.') && !take_digits(scan))
		return refuse(scan, "expected a digit after '.'");
	if (take(scan, 'e') || take(scan, 'E')) {
		if (!take(scan, '+'))
			take(scan, '-');
		if (!take_digits(scan))
			return refuse(scan, "expected a digit in the exponent");
	}
	return true;
}

/* Four hex digits after \u; 0x110000 when they are none. */
static unsigned int take_hex(struct scan *scan)
{
	unsigned int code = 0;

	for (int i = 0; i < 4; i++) {
		char c = peek(scan);
		const char *digits = "0123456789abcdef";
		const char *digit = strchr(digits, c | (c >= 'A' && c <= 'F' ? 0x20 : 0));

		if (!c || !digit)
			return 0x110000;
		code = code << 4 | (unsigned int)(digit - digits);
		scan->at++;
	}
	return code;
}

static bool scan_escape(struct scan *scan)
{
	unsigned int code;

	if (peek(scan) && strchr("\"\\/bfnrt", peek(scan))) {
		scan->at++;
		return true;
	}
	if (!take(scan, 'u'))
		return refuse(scan, "unknown escape in a string");
	code = take_hex(scan);
	if (code == 0 || code > 0xffff)
		return refuse(scan, code ? "expected four hex digits" : "\\u0000 is not allowed");
	if (code >= 0xd800 && code < 0xdc00) {
		if (!take(scan, '\\') || !take(scan, 'u'))
			return refuse(scan, "half a surrogate pair");
		code = take_hex(scan);
		code = code >= 0xdc00 && code < 0xe000 ? 0 : 0xdc00;
	}
	return code >= 0xdc00 && code < 0xe000 ? refuse(scan, "half a surrogate pair") : true;
}

static bool scan_string(struct scan *scan)
{
	if (!take(scan, '"'))
		return refuse(scan, "expected a string");
	while (!take(scan, '"')) {
		uint32_t code;
		size_t n;

		if (scan->at == scan->end)
			return refuse(scan, "string without end");
		if (take(scan, '\\')) {
			if (!scan_escape(scan))
				return false;
			continue;
		}
		n = bl_utf8_next(scan->at, (size_t)(scan->end - scan->at), &code);
		if (!n)
			return refuse(scan, "not UTF-8");
		if (code < 0x20)
			return refuse(scan, "control character in a string");
		scan->at += n;
	}
	return true;
}

static bool scan_word(struct scan *scan, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, word, len) != 0)
		return refuse(scan, "expected a value");
	scan->at += len;
	return true;
}

static bool scan_value(struct scan *scan);

static bool scan_member(struct scan *scan, bool in_object)
{
	if (in_object) {
		skip_space(scan);
		if (!scan_string(scan))
			return false;
		skip_space(scan);
		if (!take(scan, ':'))
			return refuse(scan, "expected ':'");
	}
	return scan_value(scan);
}

static bool scan_members(struct scan *scan, char close)
{
	if (++scan->depth > BL_JSON_DEPTH_MAX)
		return refuse(scan, "nested too deep");
	scan->at++;
	skip_space(scan);
	if (!take(scan, close)) {
		do {
			if (!scan_member(scan, close == '}'))
				return false;
			skip_space(scan);
		} while (take(scan, ','));
		if (!take(scan, close))
			return refuse(scan,
				      close == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
	}
	scan->depth--;
	return true;
}

static bool scan_value(struct scan *scan)
{
	if (++scan->n_values > scan->max_values)
		return refuse(scan, "too many values");
	skip_space(scan);
	switch (peek(scan)) {
	case '{':
		return scan_members(scan, '}');
	case '[':
		return scan_members(scan, ']');
	case '"':
		return scan_string(scan);
	case 't':
		return scan_word(scan, "true");
	case 'f':
		return scan_word(scan, "false");
	case 'n':
		return scan_word(scan, "null");
	case '-':
	case '0' ... '9':
		return scan_number(scan);
	default:
		return refuse(scan, "expected a value");
	}
}

int bl_json_check(const char *text, size_t len, size_t max_values, struct bl_err *err)
{
	struct scan scan = {.at = text, .end = text + len, .max_values = max_values};
	size_t line = 1, column = 1;

	if (scan_value(&scan)) {
		skip_space(&scan);
		if (scan.at == scan.end)
			return 0;
		refuse(&scan, "more text after the value");
	}
	for (const char *c = text; c < scan.at; c++) {
		column = *c == '\n' ? 1 : column + 1;
		line += *c == '\n';
	}
	return bl_fail(err, -EINVAL, "JSON line %zu column %zu: %s", line, column, scan.wrong);
}
