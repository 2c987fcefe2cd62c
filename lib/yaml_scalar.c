// SPDX-License-Identifier: Apache-2.0
/*
 * The meaning of unquoted YAML scalars. kubectl's reading is the measure, not one YAML version: a
 * manifest must not change its meaning between `kubectl apply` and `beeline apply`. Pure.
 */
#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "yaml_scalar.h"

#define NUMBER_MAX \
	400 /* digits beyond this are text: a double has no more than 309 before the point */

static const struct word {
	const char *text;
	enum yaml_scalar kind;
	double number;
} words[] = {
	{"", YAML_SCALAR_NULL},
	{"~", YAML_SCALAR_NULL},
	{"null", YAML_SCALAR_NULL},
	{"Null", YAML_SCALAR_NULL},
	{"NULL", YAML_SCALAR_NULL},
	{"y", YAML_SCALAR_BOOL, 1},
	{"Y", YAML_SCALAR_BOOL, 1},
	{"yes", YAML_SCALAR_BOOL, 1},
	{"Yes", YAML_SCALAR_BOOL, 1},
	{"YES", YAML_SCALAR_BOOL, 1},
	{"true", YAML_SCALAR_BOOL, 1},
	{"True", YAML_SCALAR_BOOL, 1},
	{"TRUE", YAML_SCALAR_BOOL, 1},
	{"on", YAML_SCALAR_BOOL, 1},
	{"On", YAML_SCALAR_BOOL, 1},
	{"ON", YAML_SCALAR_BOOL, 1},
	{"n", YAML_SCALAR_BOOL},
	{"N", YAML_SCALAR_BOOL},
	{"no", YAML_SCALAR_BOOL},
	{"No", YAML_SCALAR_BOOL},
	{"NO", YAML_SCALAR_BOOL},
	{"false", YAML_SCALAR_BOOL},
	{"False", YAML_SCALAR_BOOL},
	{"FALSE", YAML_SCALAR_BOOL},
	{"off", YAML_SCALAR_BOOL},
	{"Off", YAML_SCALAR_BOOL},
	{"OFF", YAML_SCALAR_BOOL},
	{".nan", YAML_SCALAR_NOT_FINITE},
	{".NaN", YAML_SCALAR_NOT_FINITE},
	{".NAN", YAML_SCALAR_NOT_FINITE},
	{".inf", YAML_SCALAR_NOT_FINITE},
	{".Inf", YAML_SCALAR_NOT_FINITE},
	{".INF", YAML_SCALAR_NOT_FINITE},
	{"+.inf", YAML_SCALAR_NOT_FINITE},
	{"+.Inf", YAML_SCALAR_NOT_FINITE},
	{"+.INF", YAML_SCALAR_NOT_FINITE},
	{"-.inf", YAML_SCALAR_NOT_FINITE},
	{"-.Inf", YAML_SCALAR_NOT_FINITE},
	{"-.INF", YAML_SCALAR_NOT_FINITE},
};

/* The number without its underscores; false when it is too long or does not begin like one. */
static bool strip(const char *text, char plain[NUMBER_MAX])
{
	bool point = *text == '.';
	size_t len = 0;

	if (!isdigit((unsigned char)*text) && !strchr("+-.", *text))
		return false;
	for (; *text; text++) {
		/* After a leading point an underscore is no part of a number. */
		if (*text == '_' && !point)
			continue;
		if (len + 1 == NUMBER_MAX)
			return false;
		plain[len++] = *text;
	}
	plain[len] = '\0';
	return true;
}

static int digit_value(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isalpha((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : 99;
}

/* The base that the prefix announces (a leading 0: octal); moves past the prefix. */
static int take_base(const char **text)
{
	const char *c = *text;
	int letter = c[0] == '0' ? tolower((unsigned char)c[1]) : 0;
	int base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;

	if (base)
		*text += 2;
	else if (c[0] == '0' && c[1])
		return *text += 1, 8;
	return base ? base : 10;
}

static bool scan_integer(const char *text, double *ret_number)
{
	bool negative = *text == '-';
	double number = 0;
	int base;

	if (*text == '-' || *text == '+')
		text++;
	base = take_base(&text);
	if (!*text)
		return false;
	for (const char *c = text; *c; c++) {
		if (digit_value(*c) >= base)
			return false;
		number = number * base + digit_value(*c);
	}
	/* Decimal digits are left to strtod, which rounds once instead of at each digit. */
	if (base == 10)
		number = strtod(text, NULL);
	*ret_number = negative ? -number : number;
	return true;
}

static const char *skip_digits(const char *text)
{
	return text + strspn(text, "0123456789");
}

/* [+-] digits [.digits] or .digits, then an exponent. */
static bool scan_float(const char *text, double *ret_number)
{
	const char *whole = *text == '-' || *text == '+' ? text + 1 : text;
	const char *c = skip_digits(whole);
	bool digits = c > whole;

	if (*c == '.') {
		const char *fraction = c + 1;

		c = skip_digits(fraction);
		digits = digits || c > fraction;
	}
	if (!digits)
		return false;
	if (*c == 'e' || *c == 'E') {
		const char *exponent = c + 1 + (c[1] == '-' || c[1] == '+');

		c = skip_digits(exponent);
		if (c == exponent)
			return false;
	}
	*ret_number = strtod(text, NULL);
	return *c == '\0';
}

enum yaml_scalar yaml_scalar_resolve(const char *text, double *ret_number)
{
	char plain[NUMBER_MAX];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i].text) != 0)
			continue;
		*ret_number = words[i].number;
		return words[i].kind;
	}
	if (!strip(text, plain))
		return YAML_SCALAR_STRING;
	if (!scan_integer(plain, ret_number) && !scan_float(plain, ret_number))
		return YAML_SCALAR_STRING;
	return isfinite(*ret_number) ? YAML_SCALAR_NUMBER : YAML_SCALAR_STRING;
}

/* Wider than any reader's numbers: bases 2, 8 and 16, base 60 (1:30), underscores anywhere, too large for
 * a double. Quotes that are not needed do no harm. */
static bool is_like_number(const char *text)
{
	const char *c = text + (*text == '-' || *text == '+');

	if (*c == '0' && c[1] && strchr("xXoObB", c[1]))
		return c[2 + strspn(c + 2, "0123456789abcdefABCDEF_")] == '\0';
	if (!isdigit((unsigned char)c[*c == '.']))
		return false;
	c += strspn(c, "0123456789_:");
	if (*c == '.')
		c += 1 + strspn(c + 1, "0123456789_");
	if (*c == 'e' || *c == 'E')
		c = skip_digits(c + 1 + (c[1] == '-' || c[1] == '+'));
	return *c == '\0';
}

/* 2001-1-2, alone or with a time behind it. */
static bool is_like_time(const char *text)
{
	size_t year = strspn(text, "0123456789"), month, day;
	const char *c = text + year;

	if (year != 4 || *c != '-')
		return false;
	month = strspn(c + 1, "0123456789");
	c += 1 + month;
	if (*c != '-')
		return false;
	day = strspn(c + 1, "0123456789");
	c += 1 + day;
	return month && day && strchr("Tt \t", *c); /* the end is one of them */
}

bool yaml_scalar_is_text(const char *text)
{
	double number;

	return yaml_scalar_resolve(text, &number) == YAML_SCALAR_STRING && !is_like_number(text) &&
	       !is_like_time(text) && strcmp(text, "<<") != 0 && strcmp(text, "=") != 0;
}
