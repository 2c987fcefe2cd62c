/* SPDX-License-Identifier: Apache-2.0 */
/* kubectl's JSONPath templates; see jsonpath.h. */
#include "jsonpath.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#define NAME_MAX_LEN 256

/* One step from a value to its members. */
struct step {
	bool all; /* [*] and .* */
	bool indexed;
	long index;
	char name[NAME_MAX_LEN]; /* when neither */
};

struct walk {
	FILE *out;
	bool follows; /* a value was printed in these braces: the next comes after a space */
	struct bl_err *err;
};

static int fail_at(const struct walk *walk, const char *at)
{
	return bl_fail(walk->err, -EINVAL,
		       "jsonpath: \"%.40s\": expected a path like {.status.phase}, "
		       "{.items[*].metadata.name} or {.metadata.labels['a/b']}",
		       at);
}

static int put_name(struct step *step, const char *from, size_t len)
{
	if (len == 0 || len >= sizeof(step->name))
		return -EINVAL;
	memcpy(step->name, from, len);
	step->name[len] = '\0';
	return 0;
}

/* ".name", where a dot of the name's own has a backslash ahead; returns what follows, or NULL. */
static const char *take_name(const char *at, struct step *ret_step)
{
	size_t n = 0;

	if (*at == '*') {
		ret_step->all = true;
		return at + 1;
	}
	for (; *at && !strchr(".[]{}()' \"?@,:", *at) && n + 1 < sizeof(ret_step->name); at++) {
		at += *at == '\\' && at[1];
		ret_step->name[n++] = *at;
	}
	ret_step->name[n] = '\0';
	return n ? at : NULL;
}

/* "[0]", "[-1]", "[*]", "['name']" from behind the bracket. */
static const char *take_bracket(const char *at, struct step *ret_step)
{
	const char *end = strchr(at, ']');
	char *rest;

	if (!end)
		return NULL;
	if (*at == '\'') {
		const char *quote = strchr(at + 1, '\'');

		if (!quote || quote[1] != ']' ||
		    put_name(ret_step, at + 1, (size_t)(quote - at - 1)) < 0)
			return NULL;
		return quote + 2;
	}
	ret_step->all = *at == '*' && at + 1 == end;
	ret_step->indexed = !ret_step->all;
	ret_step->index = strtol(at, &rest, 10);
	return ret_step->all || (rest == end && rest != at) ? end + 1 : NULL;
}

static const char *take_step(const char *at, struct step *ret_step)
{
	*ret_step = (struct step){0};
	if (*at == '.')
		return take_name(at + 1, ret_step);
	return *at == '[' ? take_bracket(at + 1, ret_step) : NULL;
}

static const struct cJSON *member(const struct cJSON *json, const struct step *step)
{
	long n = (long)bl_json_size(json), index = step->index < 0 ? n + step->index : step->index;
	const struct cJSON *each = NULL;

	if (!step->indexed)
		return bl_json_is_object(json) ? bl_json_member(json, step->name) : NULL;
	if (!bl_json_is_array(json) || index < 0)
		return NULL;
	for (each = bl_json_first(json); each && index; index--)
		each = bl_json_next(each);
	return each;
}

static void put_value(struct walk *walk, const struct cJSON *json)
{
	bl_autofree char *text =
		bl_json_is_string(json) ? bl_strdup(bl_json_text(json)) : bl_json_print(json);

	fprintf(walk->out, "%s%s", walk->follows ? " " : "", text);
	walk->follows = true;
}

/* The rest of a path, up to its brace. A NULL value goes on to the end: the path may still be wrong.
 * Deep only as the document is: paths may be as long as an argument. */
static int walk_path(struct walk *walk, const char *at, const struct cJSON *json)
{
	int r = 0;

	while (*at != '}') {
		struct step step;
		const char *next = take_step(at, &step);

		if (!next)
			return fail_at(walk, at);
		if (step.all && bl_json_size(json)) {
			bl_json_for_each (each, json)
				r = r < 0 ? r : walk_path(walk, next, each);
			return r;
		}
		json = step.all ? NULL : member(json, &step);
		at = next;
	}
	if (json)
		put_value(walk, json);
	return 0;
}

/* Quoted text, with the escapes that shells leave alone. */
static int put_quoted(struct walk *walk, const char *at)
{
	char quote = *at++;

	for (; *at && *at != quote; at++) {
		char c = *at;

		if (c == '\\' && at[1]) {
			c = *++at;
			c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
		}
		fputc(c, walk->out);
	}
	return at[0] == quote && at[1] == '}' ? 0 : fail_at(walk, at);
}

static int put_braces(struct walk *walk, const char *at, const struct cJSON *document)
{
	walk->follows = false;
	if (*at == '}')
		return fail_at(walk, "{}");
	if (*at == '"' || *at == '\'')
		return put_quoted(walk, at);
	at += *at == '$'; /* {$} and {.} are the whole */
	if (strncmp(at, ".}", 2) == 0)
		at++;
	return walk_path(walk, at, document);
}

/* The brace that ends what began ahead of it: one in quotes does not. */
static const char *find_end(const char *at)
{
	char quote = '\0';

	for (; *at && (quote || *at != '}'); at++) {
		if (quote && *at == '\\' && at[1])
			at++;
		else if (quote ? *at == quote : *at == '"' || *at == '\'')
			quote = quote ? '\0' : *at;
	}
	return *at ? at : NULL;
}

static int print(struct walk *walk, const char *template, const struct cJSON *document)
{
	for (const char *at = template; *at; at++) {
		const char *end;

		if (*at != '{') {
			fputc(*at, walk->out);
			continue;
		}
		end = find_end(at + 1);
		if (!end || put_braces(walk, at + 1, document) < 0)
			return end ? -EINVAL : fail_at(walk, at);
		at = end;
	}
	return 0;
}

int jsonpath_print(const char *template, const struct cJSON *document, char **ret_text,
		   struct bl_err *err)
{
	bl_autofree char *text = NULL;
	size_t len = 0;
	struct walk walk = {.out = open_memstream(&text, &len), .err = err};
	int r;

	if (!walk.out)
		abort();
	r = print(&walk, template, document);
	fclose(walk.out);
	if (r == 0)
		*ret_text = bl_take_ptr(text);
	return r;
}
