/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects for people and for scripts: a table per kind, or -o json, yaml and name. Documents are
 * printed as they are to a file or pipe, and cleaned on a terminal.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <beeline/err.h>
#include <beeline/json.h>

#include "kind.h"
#include "table.h"

struct output {
	const char *format; /* one of the choices; NULL: a table */
	bool namespaces;    /* a NAMESPACE column first */
	bool resources;     /* names as virtualmachine.kubevirt.io/vm-01 */
	bool no_headers;
};

bool output_is_table(const struct output *output);
bool output_is(const struct output *output, const char *format);

/* The template of -o jsonpath=TEMPLATE, or NULL. */
const char *output_template(const struct output *output);
/* Whether that template, if there is one, can be read. */
int output_check(const struct output *output, struct bl_err *err);
/* One document in json or yaml, or what a template that has been checked says of it. */
void output_document(const struct output *output, const struct cJSON *document, FILE *file);
/* That there is none to print, on stderr; namespace NULL: in none. */
void output_nothing(const char *namespace);
/* "virtualmachine.kubevirt.io/vm-01" */
void output_name(const struct cJSON *object, FILE *file);

/* A table of one kind: its columns, then a row per object. */
void output_columns(const struct output *output, const struct kind *kind, struct table *table);
void output_row(const struct output *output, const struct kind *kind, const struct cJSON *object,
		int64_t now_s, struct table *table);
