/* SPDX-License-Identifier: Apache-2.0 */
/* What else is made of a program's rows beside its help: private to verb. */
#pragma once

#include <stdio.h>

#include <beeline/option.h>

/* A manual page in man(7)'s language: section 1 for a program of verbs, 8 for one without. */
void verb_put_manual(FILE *out, const char *program, const char *summary,
		     const struct bl_verb *verbs);
/* A script that teaches the shell the verbs and their options. */
void verb_put_bash(FILE *out, const char *program, const struct bl_verb *verbs);
void verb_put_zsh(FILE *out, const char *program, const struct bl_verb *verbs);
