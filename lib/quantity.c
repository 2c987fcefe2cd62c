// SPDX-License-Identifier: Apache-2.0
/*
 * Kubernetes quantities as whole numbers, by the grammar of resource.Quantity (apimachinery): a
 * decimal number, then a binary suffix, a decimal suffix, or an exponent. Exact up to the final
 * rounding, which goes up as Quantity.Value() does.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <beeline/quantity.h>

#define EXPONENT_MAX 100

typedef unsigned __int128 wide;

struct suffix {
	const char *text;
	int ten; /* power of ten */
	int two; /* power of two */
};

static const struct suffix suffixes[] = {
	{"", 0, 0},    {"n", -9, 0},  {"u", -6, 0},  {"m", -3, 0},  {"k", 3, 0},   {"M", 6, 0},
	{"G", 9, 0},   {"T", 12, 0},  {"P", 15, 0},  {"E", 18, 0},  {"Ki", 0, 10}, {"Mi", 0, 20},
	{"Gi", 0, 30}, {"Ti", 0, 40}, {"Pi", 0, 50}, {"Ei", 0, 60},
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits with at most one point; returns what follows them, NULL when they are no number. */
static const char *scan_number(const char *text, wide *ret_mantissa, int *ret_ten)
{
	bool point = false, digits = false;
	wide mantissa = 0;
	int ten = 0;

	for (; is_digit(*text) || (*text == '.' && !point); text++) {
		if (*text == '.') {
			point = true;
			continue;
		}
		digits = true;
		if (__builtin_mul_overflow(mantissa, (wide)10, &mantissa) ||
		    __builtin_add_overflow(mantissa, (wide)(*text - '0'), &mantissa))
			return NULL;
		ten -= point;
	}
	*ret_mantissa = mantissa;
	*ret_ten = ten;
	return digits ? text : NULL;
}

/* "e3", "E-2": the power of ten; false when text is none. */
static bool scan_exponent(const char *text, int *ret_ten)
{
	bool negative;
	int ten = 0;

	if (*text != 'e' && *text != 'E')
		return false;
	text++;
	negative = *text == '-';
	if (*text == '-' || *text == '+')
		text++;
	if (!is_digit(*text))
		return false;
	for (; is_digit(*text); text++)
		if (ten <= EXPONENT_MAX)
			ten = ten * 10 + (*text - '0');
	*ret_ten = negative ? -ten : ten;
	return *text == '\0';
}

static bool scan_suffix(const char *text, int *ten, int *two)
{
	int exponent;

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (strcmp(text, suffixes[i].text) != 0)
			continue;
		*ten += suffixes[i].ten;
		*two = suffixes[i].two;
		return true;
	}
	if (!scan_exponent(text, &exponent))
		return false;
	*ten += exponent;
	return true;
}

/* mantissa * 10^ten * 2^two, rounded up; false when it does not fit. */
static bool scale(wide value, int ten, int two, int64_t *ret_value)
{
	wide divisor = 1;

	if (value == 0)
		ten = two = 0;
	for (; two > 0; two--)
		if (__builtin_mul_overflow(value, (wide)2, &value))
			return false;
	for (; ten > 0; ten--)
		if (__builtin_mul_overflow(value, (wide)10, &value))
			return false;
	/* A divisor beyond the widest value leaves less than one, which rounds up to one. */
	for (; ten < 0 && divisor <= value; ten++)
		if (__builtin_mul_overflow(divisor, (wide)10, &divisor))
			break;
	value = ten < 0 ? 1 : value / divisor + (value % divisor != 0);
	if (value > INT64_MAX)
		return false;
	*ret_value = (int64_t)value;
	return true;
}

static int parse(const char *text, int extra_ten, int64_t *ret_value, struct bl_err *err)
{
	const char *number = *text == '+' ? text + 1 : text;
	int ten = 0, two = 0;
	wide mantissa = 0;
	const char *rest;

	if (*text == '-')
		return bl_fail(err, -ERANGE, "quantity '%.64s' is negative", text);
	rest = scan_number(number, &mantissa, &ten);
	if (!rest || !scan_suffix(rest, &ten, &two))
		return bl_fail(err, -EINVAL, "'%.64s' is not a quantity (as 64Mi, 1.5G, 100m, 2)",
			       text);
	if (!scale(mantissa, ten + extra_ten, two, ret_value))
		return bl_fail(err, -ERANGE, "quantity '%.64s' is too large", text);
	return 0;
}

int bl_quantity_parse(const char *text, int64_t *ret_value, struct bl_err *err)
{
	return parse(text, 0, ret_value, err);
}

int bl_quantity_parse_milli(const char *text, int64_t *ret_milli, struct bl_err *err)
{
	return parse(text, 3, ret_milli, err);
}

const char *bl_quantity_format_bytes(int64_t bytes, char text[32])
{
	static const char *const units[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
	size_t unit = 0;

	while (bytes && bytes % 1024 == 0 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, 32, "%lld%s", (long long)bytes, units[unit]);
	return text;
}
