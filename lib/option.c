// SPDX-License-Identifier: Apache-2.0
/*
 * Options by their rows: defaults, then the environment, then the command line, each through the
 * same setter. What is printed about them is verb.c's.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>
#include <beeline/option.h>

/* ---- values ---- */

static unsigned long long unit_ns(const char *text, size_t *ret_len)
{
	static const struct {
		const char *text;
		unsigned long long ns;
	} units[] = {{"ns", 1},         {"us", 1000},       {"ms", 1000000},
		     {"s", 1000000000}, {"m", 60000000000}, {"h", 3600000000000}};

	*ret_len = strcspn(text, "0123456789");
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].text) == *ret_len &&
		    strncmp(text, units[i].text, *ret_len) == 0)
			return units[i].ns;
	return 0;
}

int bl_duration_parse(const char *text, unsigned long long *ret_ns, struct bl_err *err)
{
	unsigned long long total = 0;
	const char *c = text;

	if (strcmp(text, "0") == 0) {
		*ret_ns = 0;
		return 0;
	}
	do {
		unsigned long long number, unit;
		size_t len;
		char *end;

		errno = 0;
		number = strtoull(c, &end, 10);
		unit = unit_ns(end, &len);
		if (*c < '0' || *c > '9' || !unit)
			return bl_fail(err, -EINVAL, "'%.64s' is not a duration (as 90s, 1h30m)",
				       text);
		if (errno || __builtin_mul_overflow(number, unit, &number) ||
		    __builtin_add_overflow(total, number, &total))
			return bl_fail(err, -ERANGE, "duration '%.64s' is too long", text);
		c = end + len;
	} while (*c);
	*ret_ns = total;
	return 0;
}

static int set_flag(bool *flag, const char *text, struct bl_err *err)
{
	if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
		*flag = true;
	else if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
		*flag = false;
	else
		return bl_fail(err, -EINVAL, "'%.64s' is neither true nor false", text);
	return 0;
}

static int set_integer(long *integer, long min, const char *text, struct bl_err *err)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	if (!*text || *end || errno)
		return bl_fail(err, -EINVAL, "'%.64s' is not a whole number", text);
	if (number < min)
		return bl_fail(err, -EINVAL, "%ld is less than %ld", number, min);
	*integer = number;
	return 0;
}

static void append(struct bl_option_list *list, const char *text)
{
	list->items = bl_realloc(list->items, (list->n_items + 1) * sizeof(*list->items));
	list->items[list->n_items++] = text;
}

/* A choice that ends with '=' is the beginning of the text, any other all of it. */
static bool is_choice(const char *choices, const char *text)
{
	for (const char *c = choices; c; c = strchr(c, '|'), c = c ? c + 1 : NULL) {
		size_t len = strcspn(c, "|");

		if (len && strncmp(c, text, len) == 0 && (c[len - 1] == '=' || text[len] == '\0'))
			return true;
	}
	return false;
}

static int set_value(const struct bl_option *row, void *options, const char *text,
		     struct bl_err *err)
{
	void *slot = (char *)options + row->offset;
	unsigned long long ns;
	int r;

	if (row->choices && !is_choice(row->choices, text))
		return bl_fail(err, -EINVAL, "'%.64s' is none of %s", text, row->choices);
	switch (row->type) {
	case BL_OPTION_FLAG:
		return set_flag(slot, text, err);
	case BL_OPTION_STRING:
		*(const char **)slot = text;
		return 0;
	case BL_OPTION_INTEGER:
		return set_integer(slot, row->min, text, err);
	case BL_OPTION_DURATION:
		r = bl_duration_parse(text, &ns, err);
		if (r == 0)
			*(uint64_t *)slot = ns;
		return r;
	case BL_OPTION_LIST:
		append(slot, text);
		return 0;
	}
	return -EINVAL;
}

static int set_named(const struct bl_option *row, void *options, const char *text,
		     struct bl_err *err)
{
	return set_value(row, options, text, err) < 0 ? bl_wrap(err, "option --%s", row->name) : 0;
}

static int set_defaults(const struct bl_option *rows, void *options, struct bl_err *err)
{
	for (const struct bl_option *row = rows; row && row->name; row++) {
		const char *env = row->env ? getenv(row->env) : NULL;

		if (row->default_value && !(env && *env) &&
		    set_named(row, options, row->default_value, err) < 0)
			return -EINVAL;
		if (env && *env && set_value(row, options, env, err) < 0)
			return bl_wrap(err, "environment variable %s", row->env);
	}
	return 0;
}

/* ---- the command line ---- */

struct parse {
	const struct bl_option *rows;
	void *options;
	char **next, **end; /* words not looked at yet */
	char **args;        /* positional ones */
	int n_args;
	struct bl_err *err;
};

static const struct bl_option *find_long(const struct parse *parse, const char *name, size_t len)
{
	for (const struct bl_option *row = parse->rows; row && row->name; row++)
		if (strlen(row->name) == len && strncmp(row->name, name, len) == 0)
			return row;
	return NULL;
}

static const struct bl_option *find_letter(const struct parse *parse, char letter)
{
	for (const struct bl_option *row = parse->rows; row && row->name; row++)
		if (row->letter == letter)
			return row;
	return NULL;
}

/* value NULL: the next word is it. */
static int take_value(struct parse *parse, const struct bl_option *row, const char *value)
{
	if (!value && parse->next < parse->end)
		value = *parse->next++;
	if (!value)
		return bl_fail(parse->err, -EINVAL, "option --%s needs a value (%s)", row->name,
			       row->argument ? row->argument : "VALUE");
	return set_named(row, parse->options, value, parse->err);
}

static int take_long(struct parse *parse, const char *word)
{
	size_t len = strcspn(word, "=");
	const char *value = word[len] ? word + len + 1 : NULL;
	const struct bl_option *row = find_long(parse, word, len);
	const struct bl_option *negated = NULL;

	if (strcmp(word, "help") == 0)
		return BL_OPTION_HELP;
	if (!row && len > 3 && strncmp(word, "no-", 3) == 0 && !value)
		negated = find_long(parse, word + 3, len - 3);
	if (negated && negated->type == BL_OPTION_FLAG)
		return set_named(negated, parse->options, "false", parse->err);
	if (!row)
		return bl_fail(parse->err, -EINVAL, "unknown option '--%.*s'", (int)len, word);
	if (row->type == BL_OPTION_FLAG)
		return set_named(row, parse->options, value ? value : "true", parse->err);
	return take_value(parse, row, value);
}

/* "-w", "-wf FILE", "-ojson", "-o=json" */
static int take_letters(struct parse *parse, const char *letters)
{
	for (; *letters; letters++) {
		const struct bl_option *row = find_letter(parse, *letters);
		const char *rest = letters[1] == '=' ? letters + 2 : letters + 1;
		int r;

		if (!row && *letters == 'h')
			return BL_OPTION_HELP;
		if (!row)
			return bl_fail(parse->err, -EINVAL, "unknown option '-%c'", *letters);
		if (row->type != BL_OPTION_FLAG)
			return take_value(parse, row, *rest ? rest : NULL);
		r = set_named(row, parse->options, "true", parse->err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_words(struct parse *parse)
{
	while (parse->next < parse->end) {
		char *word = *parse->next++;
		int r = 0;

		if (strcmp(word, "--") == 0)
			break;
		if (strncmp(word, "--", 2) == 0)
			r = take_long(parse, word + 2);
		else if (word[0] == '-' && word[1])
			r = take_letters(parse, word + 1);
		else
			parse->args[parse->n_args++] = word;
		if (r != 0)
			return r;
	}
	while (parse->next < parse->end)
		parse->args[parse->n_args++] = *parse->next++;
	return 0;
}

int bl_options_parse(const struct bl_option *rows, void *options, size_t size, int argc,
		     char **argv, char ***ret_args, int *ret_n_args, struct bl_err *err)
{
	bl_autofree char **args = bl_alloc(((size_t)argc + 1) * sizeof(*args));
	struct parse parse = {.rows = rows,
			      .options = options,
			      .next = argc > 0 ? argv + 1 : argv,
			      .end = argv + argc,
			      .args = args,
			      .err = err};
	int r;

	if (size)
		memset(options, 0, size);
	r = set_defaults(rows, options, err);
	if (r == 0)
		r = take_words(&parse);
	if (r != 0) {
		bl_options_clear(rows, options);
		return r;
	}
	*ret_n_args = parse.n_args;
	*ret_args = bl_take_ptr(args);
	return 0;
}

void bl_options_clear(const struct bl_option *rows, void *options)
{
	for (const struct bl_option *row = rows; row && row->name; row++) {
		struct bl_option_list *list = (void *)((char *)options + row->offset);

		if (row->type != BL_OPTION_LIST)
			continue;
		free(bl_take_ptr(list->items));
		list->n_items = 0;
	}
}
