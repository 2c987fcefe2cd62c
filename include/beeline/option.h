/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command-line options from one table: a row gives the name, the type, where the value goes, the
 * default, the environment variable, and the help line. Parsing, defaults, checks, --help, manual pages
 * (--man-page) and completion (--bash-completion, --zsh-completion) all come from the rows, without any
 * privilege.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <beeline/err.h>

enum bl_option_type {
	BL_OPTION_FLAG,     /* bool: --name, --no-name */
	BL_OPTION_STRING,   /* const char * */
	BL_OPTION_INTEGER,  /* long, not below the row's min */
	BL_OPTION_DURATION, /* uint64_t nanoseconds: "90s", "5m", "1h30m", "250ms" */
	BL_OPTION_LIST,     /* struct bl_option_list: may be repeated */
};

struct bl_option_list {
	const char **items; /* grows; owned by the options struct, released by bl_options_clear() */
	size_t n_items;
};

struct bl_option {
	const char *name; /* "run-dir" */
	char letter;      /* 'n', or 0 */
	enum bl_option_type type;
	size_t offset;             /* into the options struct */
	const char *argument;      /* "DIR": how the value is called in the help */
	const char *default_value; /* as text; NULL: zero */
	const char *env;           /* environment variable, or NULL */
	const char *help;
	const char
		*choices; /* "text|json|path=": the only values, or what one begins with; or NULL */
	long min;         /* of an integer that is given */
};

/* A verb: a row in a program's table. A program without verbs has one row with name "". */
struct bl_verb {
	const char *name;
	const char *arguments;           /* "NAME [-f FILE]..." for the usage line */
	const char *summary;             /* one line for the list of verbs */
	const char *help;                /* further text and examples, or NULL */
	const struct bl_option *options; /* ended by a row without name */
	size_t options_size;             /* sizeof the options struct */
	int min_args, max_args;          /* positional; max -1: any */
	/* Runs it; returns the exit code. args has n_args entries and a NULL. */
	int (*run)(void *options, int n_args, char **args);
	bool hidden;
	const struct bl_verb
		*children; /* sub-verbs (beeline image import), ended by a row without name */
};

/* Parses argv[1..] by the rows into options (size bytes, zeroed first, then defaults, environment,
 * command line). Options and arguments may be mixed; "--" ends options. *ret_args points into a
 * fresh array that the caller frees. Returns BL_OPTION_HELP when --help was given. */
#define BL_OPTION_HELP 1
int bl_options_parse(const struct bl_option *rows, void *options, size_t size, int argc,
		     char **argv, char ***ret_args, int *ret_n_args, struct bl_err *err);
void bl_options_clear(const struct bl_option *rows, void *options);

/* A whole program: finds the verb (and sub-verb), parses, answers --help, --version and mistakes
 * with usage on stderr and exit code 2, else runs. verbs is ended by a row without summary. */
int bl_verbs_main(const char *program, const char *summary, const struct bl_verb *verbs, int argc,
		  char **argv);
/* "90s" and friends to nanoseconds. */
int bl_duration_parse(const char *text, unsigned long long *ret_ns, struct bl_err *err);
