// SPDX-License-Identifier: Apache-2.0
/*
 * Manual page and completion (bash, zsh) of a program, from the same rows as its help: what the package ships
 * cannot fall behind what the program takes.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>
#include <beeline/version.h>

#include "verb_manual.h"

static bool is_end(const struct bl_verb *verb)
{
	return !verb->name || !verb->summary;
}

/* ---- manual page ---- */

/* Text as man(7) takes it literally: a line must not begin like a request. */
static void put_text(FILE *out, const char *text)
{
	bool at_start = true;

	for (const char *c = text; *c; c++) {
		if (at_start && (*c == '.' || *c == '\''))
			fputs("\\&", out);
		if (*c == '\\')
			fputs("\\e", out);
		else if (*c == '-')
			fputs("\\-", out);
		else
			fputc(*c, out);
		at_start = *c == '\n';
	}
}

static void put_row(FILE *out, const struct bl_option *row)
{
	const char *argument = row->argument ? row->argument : row->choices;
	bool flag = row->type == BL_OPTION_FLAG;
	bool on = flag && row->default_value && strcmp(row->default_value, "true") == 0;

	fputs(".TP\n.B ", out);
	if (row->letter)
		fprintf(out, "\\-%c, ", row->letter);
	fputs(on ? "\\-\\-[no\\-]" : "\\-\\-", out);
	put_text(out, row->name);
	if (!flag)
		fprintf(out, " \\fI%s\\fR", argument ? argument : "VALUE");
	fputc('\n', out);
	put_text(out, row->help);
	if (row->choices && row->argument) {
		fputs(": ", out);
		put_text(out, row->choices);
	}
	if (!flag && row->default_value && *row->default_value) {
		fputs(". Default: ", out);
		put_text(out, row->default_value);
	}
	if (row->env)
		fprintf(out, ". Environment: %s", row->env);
	fputs(".\n", out);
}

static void put_rows(FILE *out, const struct bl_option *rows)
{
	for (const struct bl_option *row = rows; row && row->name; row++)
		put_row(out, row);
}

static void put_verb(FILE *out, const char *path, const struct bl_verb *verb)
{
	bl_autofree char *full = bl_format("%s%s%s", path, *path ? " " : "", verb->name);

	if (verb->hidden)
		return;
	if (verb->children) {
		for (const struct bl_verb *child = verb->children; !is_end(child); child++)
			put_verb(out, full, child);
		return;
	}
	fputs(".SS ", out);
	put_text(out, full);
	if (verb->arguments && *verb->arguments) {
		fputc(' ', out);
		put_text(out, verb->arguments);
	}
	fputc('\n', out);
	put_text(out, verb->summary);
	fputs(".\n", out);
	if (verb->help) {
		fputs(".PP\n.nf\n", out);
		put_text(out, verb->help);
		fputs("\n.fi\n", out);
	}
	put_rows(out, verb->options);
}

static void put_upper(FILE *out, const char *text)
{
	for (; *text; text++)
		fputc(toupper((unsigned char)*text), out);
}

void verb_put_manual(FILE *out, const char *program, const char *summary,
		     const struct bl_verb *verbs)
{
	bool single = verbs->name && !*verbs->name;

	fputs(".\\\" SPDX-License-Identifier: Apache-2.0\n.TH ", out);
	put_upper(out, program);
	fprintf(out, " %d \"\" \"Beeline %s\"\n.SH NAME\n", single ? 8 : 1, BL_VERSION);
	put_text(out, program);
	fputs(" \\- ", out);
	put_text(out, summary);
	fputs("\n.SH SYNOPSIS\n.B ", out);
	put_text(out, program);
	fputs(single ? "\n[OPTION]...\n.SH OPTIONS\n" : "\nVERB [OPTION]...\n.SH VERBS\n", out);
	if (single)
		put_rows(out, verbs->options);
	for (const struct bl_verb *verb = verbs; !single && !is_end(verb); verb++)
		put_verb(out, "", verb);
}

/* ---- completion ---- */

/* One line of the script's case for the verb and each below it. */
static void put_words(FILE *out, const char *path, const struct bl_verb *verb)
{
	bl_autofree char *full = bl_format("%s %s", path, verb->name);

	if (verb->hidden)
		return;
	fprintf(out, "\t'%s') said='", full);
	for (const struct bl_verb *child = verb->children; child && !is_end(child); child++)
		fprintf(out, "%s ", child->name);
	for (const struct bl_option *row = verb->options; row && row->name; row++)
		fprintf(out, "--%s ", row->name);
	fputs("--help' ;;\n", out);
	for (const struct bl_verb *child = verb->children; child && !is_end(child); child++)
		put_words(out, full, child);
}

/* A function of both shells: what may follow these verbs. */
static void put_all_words(FILE *out, const char *program, const struct bl_verb *verbs)
{
	fprintf(out, "_%s_words() {\n\tcase \"$1\" in\n\t'') said='", program);
	for (const struct bl_verb *verb = verbs; !is_end(verb); verb++)
		if (!verb->hidden)
			fprintf(out, "%s ", verb->name);
	fputs("--help --version' ;;\n", out);
	for (const struct bl_verb *verb = verbs; !is_end(verb); verb++)
		put_words(out, "", verb);
	fputs("\t*) return 1 ;;\n\tesac\n}\n", out);
}

/* A word that leads nowhere is an argument and leaves the path as it is. */
void verb_put_bash(FILE *out, const char *program, const struct bl_verb *verbs)
{
	fprintf(out, "# bash completion for %s; SPDX-License-Identifier: Apache-2.0\n", program);
	put_all_words(out, program, verbs);
	fprintf(out,
		"_%s() {\n"
		"\tlocal at= said= i\n"
		"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		"\t\t_%s_words \"$at ${COMP_WORDS[i]}\" && at=\"$at ${COMP_WORDS[i]}\"\n"
		"\tdone\n"
		"\t_%s_words \"$at\"\n"
		"\tmapfile -t COMPREPLY < <(compgen -W \"$said\" -- "
		"\"${COMP_WORDS[COMP_CWORD]}\")\n"
		"}\n"
		"complete -o default -F _%s %s\n",
		program, program, program, program, program);
}

/* Loaded by compinit as the function that it defines, or sourced. */
void verb_put_zsh(FILE *out, const char *program, const struct bl_verb *verbs)
{
	fprintf(out, "#compdef %s\n# SPDX-License-Identifier: Apache-2.0\n", program);
	put_all_words(out, program, verbs);
	fprintf(out,
		"_%s() {\n"
		"\tlocal at= said= i\n"
		"\tfor ((i = 2; i < CURRENT; i++)); do\n"
		"\t\t_%s_words \"$at ${words[i]}\" && at=\"$at ${words[i]}\"\n"
		"\tdone\n"
		"\t_%s_words \"$at\"\n"
		"\tcompadd -- ${=said} || _files\n"
		"}\n"
		"if [ \"$funcstack[1]\" = _%s ]; then\n\t_%s \"$@\"\nelse\n\tcompdef _%s %s\nfi\n",
		program, program, program, program, program, program, program);
}
