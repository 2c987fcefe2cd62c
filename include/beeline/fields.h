/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decode tables: one row per field of a document, and from the rows come the decoder, its errors,
 * its warnings, the destructor and the documentation. A table describes one struct; a row's path is
 * relative to the object that the struct stands for ("domain.cpu.cores"), so a nested object needs
 * no struct of its own.
 *
 * Presence: a member that is null counts as absent. Absent leaves the struct's member as the caller
 * preset it; an empty object is present (that is what BL_FIELD_MARK rows are for). A refused field
 * that is false or [] asks for nothing and is let through.
 *
 * A name that no row knows is an error that suggests the nearest name; a JSON key is one segment and
 * never matches across dots. All refused and unknown fields of a document are named in one error;
 * any other error ends the walk at once. Nothing here knows what a field means: that is the tables' business.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <beeline/err.h>
#include <beeline/json.h>

#define BL_WARNINGS_MAX 64

/* What becomes of a field that no row knows. */
enum bl_unknown {
	BL_UNKNOWN_REFUSED,
	BL_UNKNOWN_NOTED,   /* refused, but where a table notes it (BL_FIELDS_NOTING) */
	BL_UNKNOWN_WARNED,  /* noted, or else told among the warnings */
	BL_UNKNOWN_IGNORED, /* noted, or else as if it were not there */
};

/* Sentences about fields that were accepted without effect; owned. */
struct bl_warnings {
	char **items;
	size_t n_items;
	enum bl_unknown unknown; /* set by who decodes; without warnings it is REFUSED */
};
void bl_warnings_clear(struct bl_warnings *warnings);

enum bl_field_type {
	BL_FIELD_REFUSE, /* known to KubeVirt, not supported: an error that ends with row->why */
	BL_FIELD_IGNORE, /* accepted without effect: a warning that ends with row->why */
	BL_FIELD_ANY,    /* known here and looked at by somebody else */
	BL_FIELD_JSON,   /* const struct cJSON *, borrowed from the document as it stands there */
	BL_FIELD_MARK,   /* an object whose presence stores row->value; its members are rows too */
	BL_FIELD_STRING, /* char *; with names: one of them */
	BL_FIELD_BOOL,
	BL_FIELD_UINT,     /* 1, 2 or 4 bytes, within min and max */
	BL_FIELD_ENUM,     /* index into names, 1 or 4 bytes */
	BL_FIELD_QUANTITY, /* int64_t, whole units */
	BL_FIELD_MILLI,    /* int64_t, thousandths */
	BL_FIELD_MAC,      /* uint8_t[6]; the second member is a bool: there is one */
	BL_FIELD_ADDR,     /* struct bl_addr */
	BL_FIELD_PREFIX,   /* struct bl_addr; the second member is a uint8_t: its bits */
	BL_FIELD_BLOB,     /* char * with a NUL; the second member is a size_t: its length */
	BL_FIELD_BASE64,   /* the same, from base64 */
	BL_FIELD_LIST,    /* array of row->items' struct; the second member is a size_t: how many */
	BL_FIELD_STRINGS, /* char ** of at most max; the second member is a size_t: how many */
	BL_FIELD_ADDRS,   /* struct bl_addr * of at most max, likewise */
};

enum bl_one_of { BL_ONE_OF_ANY, BL_ONE_OF_AT_MOST_ONE, BL_ONE_OF_EXACTLY_ONE };

struct bl_fields;

struct bl_field {
	const char *path;
	const char *why;          /* refused and ignored rows: the rest of the sentence */
	const char *group;        /* rows of a group exclude each other, as one_of says */
	const char *const *names; /* may have holes: NULL */
	const struct bl_fields *items;
	uint32_t n_names;
	/* of a number, a string's bytes (max alone) or a list's entries (min 0 or 1); max 0: whatever
	 * the type holds */
	uint32_t min, max;
	uint32_t value; /* BL_FIELD_MARK */
	uint16_t offset, size;
	uint16_t second; /* offset of the second member */
	enum bl_field_type type;
	enum bl_one_of one_of;
	bool required;     /* when its parent is there */
	bool checked_only; /* nothing is stored; of a list, neither by the rows of its items */
};

struct bl_fields {
	const struct bl_field *rows;
	size_t n_rows;
	size_t size; /* of the struct */
	/* offset of a char *: a sentence about the first unknown field below the object, lists included */
	uint16_t note;
	bool notes;
};

/* Row makers. Further members may follow: BL_FIELD(..., .required = true). */
#define BL_FIELD_AT(struct_, member_) \
	.offset = offsetof(struct_, member_), .size = sizeof(((struct_ *)0)->member_)
#define BL_FIELD(path_, type_, struct_, member_, ...)                                      \
	{                                                                                  \
		.path = path_, .type = type_, BL_FIELD_AT(struct_, member_), ##__VA_ARGS__ \
	}
#define BL_FIELD_PAIR(path_, type_, struct_, member_, second_, ...)          \
	{                                                                    \
		.path = path_, .type = type_, BL_FIELD_AT(struct_, member_), \
		.second = offsetof(struct_, second_), ##__VA_ARGS__          \
	}
/* A value that is checked and has no effect of its own, as there is but one that is supported. */
#define BL_FIELD_CHECK(path_, type_, ...)                                         \
	{                                                                         \
		.path = path_, .type = type_, .checked_only = true, ##__VA_ARGS__ \
	}
#define BL_FIELD_REFUSED(path_, why_, ...)                                         \
	{                                                                          \
		.path = path_, .type = BL_FIELD_REFUSE, .why = why_, ##__VA_ARGS__ \
	}
#define BL_FIELD_KNOWN(path_, ...)                                 \
	{                                                          \
		.path = path_, .type = BL_FIELD_ANY, ##__VA_ARGS__ \
	}
#define BL_FIELD_IGNORED(path_, why_)                               \
	{                                                           \
		.path = path_, .type = BL_FIELD_IGNORE, .why = why_ \
	}
#define BL_FIELD_NAMES(array_) .names = array_, .n_names = sizeof(array_) / sizeof((array_)[0])
#define BL_FIELDS(rows_, struct_)                                            \
	{                                                                    \
		.rows = rows_, .n_rows = sizeof(rows_) / sizeof((rows_)[0]), \
		.size = sizeof(struct_)                                      \
	}

#define BL_FIELDS_NOTING(rows_, struct_, note_)                                          \
	{                                                                                \
		.rows = rows_, .n_rows = sizeof(rows_) / sizeof((rows_)[0]),             \
		.size = sizeof(struct_), .note = offsetof(struct_, note_), .notes = true \
	}

/* Decodes object into ret_struct, which the caller has zeroed or preset. path is what errors and
 * warnings put before a row's path ("spec"). On failure ret_struct is half filled: clear it all the
 * same. warnings may be NULL. */
int bl_fields_decode(const struct bl_fields *fields, const struct cJSON *object, const char *path,
		     void *ret_struct, struct bl_warnings *warnings, struct bl_err *err);
/* Frees what the rows of the table own and zeroes those members. */
void bl_fields_clear(const struct bl_fields *fields, void *data);
