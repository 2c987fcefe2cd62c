// SPDX-License-Identifier: Apache-2.0
/*
 * A program as a table of verbs: finding the one that is meant, its help, and its mistakes. All text
 * comes from the rows, so nothing can be an option without being in the help.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>
#include <beeline/option.h>
#include <beeline/version.h>

#include "verb_manual.h"

#define EXIT_USAGE 2
#define WIDTH      96
#define OPTION_PAD 30
#define VERB_PAD   16
#define ENDS(verb) (!(verb)->name || !(verb)->summary)

/* What is being run: "beeline image import". */
struct command {
	const char *program;
	char *path; /* program and verbs; owned */
	const struct bl_verb *verb;
};

/* ---- printing ---- */

/* Text in a column that begins at `indent`, where the cursor is; broken at spaces. */
static void put_wrapped(FILE *out, const char *text, size_t indent)
{
	size_t column = indent;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column > indent && column + len > WIDTH) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		}
		fprintf(out, "%s%.*s", column > indent ? " " : "", (int)len, text);
		column += len + (column > indent);
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static void put_entry(FILE *out, const char *left, const char *text, size_t pad)
{
	fprintf(out, "  %-*s", (int)pad - 2, left);
	if (strlen(left) + 3 > pad)
		fprintf(out, "\n%*s", (int)pad, "");
	put_wrapped(out, text, pad);
}

static void put_option(FILE *out, const struct bl_option *row)
{
	bl_autofree char *letter =
		row->letter ? bl_format("-%c, ", row->letter) : bl_strdup("    ");
	const char *argument = row->argument ? row->argument : row->choices;
	bool on = row->default_value && strcmp(row->default_value, "true") == 0;
	bool flag = row->type == BL_OPTION_FLAG;
	bool shown = row->default_value && *row->default_value && !flag;
	bl_autofree char *left = bl_format("%s--%s%s%s%s", letter, flag && on ? "[no-]" : "",
					   row->name, flag ? "" : " ",
					   flag       ? ""
					   : argument ? argument
						      : "VALUE");
	bl_autofree char *text = bl_format(
		"%s%s%s%s%s%s%s%s%s", row->help, row->choices && row->argument ? ": " : "",
		row->choices && row->argument ? row->choices : "", shown ? " (default: " : "",
		shown ? row->default_value : "", shown ? ")" : "", row->env ? " [$" : "",
		row->env ? row->env : "", row->env ? "]" : "");

	put_entry(out, left, text, OPTION_PAD);
}

static void put_options(FILE *out, const struct bl_option *rows)
{
	fputs("\nOptions:\n", out);
	for (const struct bl_option *row = rows; row && row->name; row++)
		put_option(out, row);
	put_entry(out, "-h, --help", "show this text", OPTION_PAD);
}

static void put_usage(FILE *out, const struct command *command)
{
	const struct bl_verb *verb = command->verb;

	if (!verb || verb->children) {
		fprintf(out, "Usage: %s VERB [OPTION]...\n", command->path);
		return;
	}
	fprintf(out, "Usage: %s%s%s%s\n", command->path,
		verb->arguments && *verb->arguments ? " " : "",
		verb->arguments ? verb->arguments : "",
		verb->options && verb->options->name ? " [OPTION]..." : "");
}

static void put_verbs(FILE *out, const struct bl_verb *verbs)
{
	fputs("\nVerbs:\n", out);
	for (const struct bl_verb *verb = verbs; !ENDS(verb); verb++)
		if (!verb->hidden)
			put_entry(out, verb->name, verb->summary, VERB_PAD);
}

static int help(const struct command *command, const char *summary, const struct bl_verb *verbs)
{
	const struct bl_verb *verb = command->verb;

	put_usage(stdout, command);
	fputc('\n', stdout);
	put_wrapped(stdout, verb ? verb->summary : summary, 0);
	if (verb && verb->help)
		printf("\n%s\n", verb->help);
	if (verbs)
		put_verbs(stdout, verbs);
	else
		put_options(stdout, verb->options);
	if (verbs)
		printf("\n'%s VERB --help' tells more about a verb.\n", command->path);
	return EXIT_SUCCESS;
}

static int mistake(const struct command *command, const char *what)
{
	fprintf(stderr, "%s: %s\n", command->path, what);
	put_usage(stderr, command);
	fprintf(stderr, "'%s --help' tells more.\n", command->path);
	return EXIT_USAGE;
}

/* ---- running ---- */

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

static int run(const struct command *command, int argc, char **argv)
{
	const struct bl_verb *verb = command->verb;
	bl_autofree void *options = bl_alloc(verb->options_size);
	bl_autofree char **args = NULL;
	struct bl_err err = BL_ERR_INIT;
	int n_args, r;

	r = bl_options_parse(verb->options, options, verb->options_size, argc, argv, &args, &n_args,
			     &err);
	if (r == BL_OPTION_HELP)
		return help(command, NULL, NULL);
	if (r < 0)
		return mistake(command, err.message);
	if (n_args < verb->min_args)
		r = mistake(command, "too few arguments");
	else if (verb->max_args >= 0 && n_args > verb->max_args)
		r = mistake(command, "too many arguments");
	else
		r = verb->run(options, n_args, args);
	bl_options_clear(verb->options, options);
	return r;
}

/* The place of the verb's word: options may stand before it ("-n prod get vm"), and a word after an
 * option may be its value. argc when there is none. */
static int find_word(const struct bl_verb *verbs, int argc, char **argv,
		     const struct bl_verb **ret_verb)
{
	*ret_verb = NULL;
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (argv[i][0] == '-')
			continue;
		for (const struct bl_verb *verb = verbs; !ENDS(verb) && !*ret_verb; verb++)
			if (strcmp(verb->name, argv[i]) == 0)
				*ret_verb = verb;
		if (*ret_verb || i == 1 || argv[i - 1][0] != '-')
			return i;
	}
	return argc;
}

static int dispatch(struct command *command, const char *summary, const struct bl_verb *verbs,
		    int argc, char **argv)
{
	const struct bl_verb *verb;
	bl_autofree char *outer = NULL, *what = NULL;
	int at = find_word(verbs, argc, argv, &verb);

	if (!verb && argc > 1 && is_help(argv[1])) {
		/* "help get" is "get --help". */
		find_word(verbs, argc - 1, argv + 1, &verb);
		if (!verb || argc < 3)
			return help(command, summary, verbs);
		argv[1] = argv[2];
		argv[2] = (char *)"--help";
		at = 1;
	}
	if (!verb) {
		what = at < argc ? bl_format("unknown verb '%.64s'", argv[at])
				 : bl_strdup("a verb is missing");
		return mistake(command, what);
	}
	memmove(argv + at, argv + at + 1, (size_t)(argc - at) * sizeof(*argv));
	outer = command->path;
	command->path = bl_format("%s %s", outer, verb->name);
	command->verb = verb;
	if (verb->children)
		return dispatch(command, verb->summary, verb->children, argc - 1, argv);
	return run(command, argc - 1, argv);
}

/* The words that are no option of any verb: what a package is made from, and the version. */
static bool answered(const char *program, const char *summary, const struct bl_verb *verbs,
		     const char *word)
{
	if (strcmp(word, "--version") == 0)
		printf("%s %s\n", program, BL_VERSION);
	else if (strcmp(word, "--man-page") == 0)
		verb_put_manual(stdout, program, summary, verbs);
	else if (strcmp(word, "--bash-completion") == 0)
		verb_put_bash(stdout, program, verbs);
	else if (strcmp(word, "--zsh-completion") == 0)
		verb_put_zsh(stdout, program, verbs);
	else
		return false;
	return true;
}

int bl_verbs_main(const char *program, const char *summary, const struct bl_verb *verbs, int argc,
		  char **argv)
{
	struct command command = {.program = program};
	int r;

	if (argc > 1 && answered(program, summary, verbs, argv[1]))
		return EXIT_SUCCESS;
	command.path = bl_strdup(program);
	if (verbs->name && !*verbs->name) {
		command.verb = verbs;
		r = run(&command, argc, argv);
	} else {
		r = dispatch(&command, summary, verbs, argc, argv);
	}
	free(command.path);
	return r;
}
