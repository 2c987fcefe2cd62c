/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds that people name: short names, the group that kubectl prints behind a name, and the
 * columns of `beeline get`. One table; pure functions over documents.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <beeline/err.h>
#include <beeline/json.h>

/* What stands in a cell: the text at a path, the status of a condition, or the object's age. */
struct column {
	const char *header;
	const char *path;
	const char *condition;
	bool is_age;
	bool wide; /* only with -o wide */
};
/* now_s: seconds since 1970. The caller frees. */
char *column_cell(const struct column *column, const struct cJSON *object, int64_t now_s);

struct kind {
	const char *kind;             /* "VirtualMachine" */
	const char *resource;         /* "virtualmachine.kubevirt.io" */
	const char *names;            /* what people may write, split by blanks */
	const struct column *columns; /* ended by one without header */
	bool is_machine;              /* it runs, and "all" means it */
};

#define KIND_VM  "VirtualMachine"
#define KIND_VMI "VirtualMachineInstance"

/* By any of its names, in any case; -EINVAL lists those there are. */
int kind_find(const char *name, const struct kind **ret_kind, struct bl_err *err);

/* "virtualmachine.kubevirt.io" of a manifest's kind; of an unknown one the kind in small letters.
 * The caller frees. */
char *kind_resource(const char *kind);

/* The machine that "a", "vm/a" or "vmi/a" means to a verb that is about machines; borrowed from arg. */
int kind_machine(const char *arg, const char **ret_name, struct bl_err *err);

/* Names of a resource as they stand on the command line: "vm a b", "vm/a vmi/b", "vm,vmi", "all", or,
 * with fallback, "a b". */
struct target {
	const struct kind *kind;
	const char *name; /* borrowed from the arguments; NULL: all of that kind */
};
struct targets {
	struct target *items;
	size_t n_items;
};
int targets_parse(char *const *args, size_t n_args, const struct kind *fallback,
		  struct targets *ret_targets, struct bl_err *err);
void targets_clear(struct targets *targets);
#define targets_auto bl_cleanup(targets_clear)
