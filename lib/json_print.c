// SPDX-License-Identifier: Apache-2.0
/*
 * JSON values as text. Integers come out without an exponent, whatever their size, since Kubernetes
 * and people read them as integers; text keeps its UTF-8 but for control characters, which a terminal
 * would obey.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/json.h>

#define INDENT 4 /* kubectl -o json */

static void put_value(FILE *out, const struct cJSON *json, int depth);

/* U+0080 to U+009F in UTF-8; U+009B, for one, is ESC [ in short. */
static bool is_c1(const char *c)
{
	return (unsigned char)c[0] == 0xc2 && (unsigned char)c[1] >= 0x80 &&
	       (unsigned char)c[1] < 0xa0;
}

static void put_string(FILE *out, const char *text)
{
	static const char escapes[][2] = {{'"', '"'},  {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'},
					  {'\n', 'n'}, {'\r', 'r'},  {'\t', 't'}};

	putc_unlocked('"', out);
	for (const char *c = text; *c; c++) {
		char letter = 0;

		for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++)
			if (escapes[i][0] == *c)
				letter = escapes[i][1];
		if (letter)
			fprintf(out, "\\%c", letter);
		else if ((unsigned char)*c < 0x20 || *c == 0x7f)
			fprintf(out, "\\u%04x", (unsigned int)*c);
		else if (is_c1(c))
			fprintf(out, "\\u%04x", (unsigned char)*++c);
		else
			putc_unlocked(*c, out);
	}
	putc_unlocked('"', out);
}

/* The shortest text that reads back as the same number. */
static void put_number(FILE *out, double number)
{
	char text[40];

	if (number == trunc(number) && fabs(number) < 1e19) {
		fprintf(out, "%.0f", number == 0 ? 0.0 : number);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	fputs(text, out);
}

/* depth < 0: compact. */
static void put_break(FILE *out, int depth)
{
	if (depth >= 0)
		fprintf(out, "\n%*s", depth * INDENT, "");
}

static void put_members(FILE *out, const struct cJSON *json, int depth)
{
	bool object = bl_json_is_object(json);
	int inner = depth < 0 ? -1 : depth + 1;
	bool first = true;

	putc_unlocked(object ? '{' : '[', out);
	bl_json_for_each (member, json) {
		if (!first)
			putc_unlocked(',', out);
		first = false;
		put_break(out, inner);
		if (object) {
			put_string(out, bl_json_key(member));
			fputs(depth < 0 ? ":" : ": ", out);
		}
		put_value(out, member, inner);
	}
	if (!first)
		put_break(out, depth);
	putc_unlocked(object ? '}' : ']', out);
}

static void put_value(FILE *out, const struct cJSON *json, int depth)
{
	if (bl_json_is_object(json) || bl_json_is_array(json))
		put_members(out, json, depth);
	else if (bl_json_is_string(json))
		put_string(out, bl_json_text(json));
	else if (bl_json_is_number(json))
		put_number(out, bl_json_value(json));
	else if (bl_json_is_bool(json))
		fputs(bl_json_true(json) ? "true" : "false", out);
	else
		fputs("null", out);
}

static char *print(const struct cJSON *json, int depth)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		abort();
	put_value(out, json, depth);
	if (fclose(out) != 0)
		abort();
	return text;
}

char *bl_json_print(const struct cJSON *json)
{
	return print(json, -1);
}

char *bl_json_print_pretty(const struct cJSON *json)
{
	return print(json, 0);
}
