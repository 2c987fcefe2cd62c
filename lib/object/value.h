/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of a document that holds more than is read here, each with where it stands, so that one of the
 * wrong type is told by its path. Null counts as not there, as in decode tables (fields.h).
 */
#pragma once

#include <beeline/err.h>
#include <beeline/json.h>
#include <beeline/labels.h>

struct value {
	const struct cJSON *json;  /* NULL: not there */
	const struct value *outer; /* must live as long; NULL: this is the document */
	const char *path;          /* below outer, by slashes */
	const char *key;           /* else: of a map */
	size_t index;              /* else: of a list */
};

enum value_type { VALUE_OBJECT, VALUE_LIST, VALUE_TEXT, VALUE_NUMBER, VALUE_BOOL };

const struct value *value_document(const struct value *value);
/* The member at a path below outer, of that type or not there. What stands on the way is an object. */
int value_read(const struct value *outer, const char *path, enum value_type type,
	       struct value *ret_value, struct bl_err *err);
/* NULL: not there; borrowed from the document. */
int value_read_text(const struct value *outer, const char *path, const char **ret_text,
		    struct bl_err *err);
int value_read_bool(const struct value *outer, const char *path, bool fallback, bool *ret_value,
		    struct bl_err *err);
/* Each item of a list through read, until one fails; all must be of that type. */
int value_read_items(const struct value *outer, const char *path, enum value_type type,
		     int (*read)(const struct value *item, void *data, struct bl_err *err),
		     void *data, struct bl_err *err);
/* An object of strings, added under a source. */
int value_read_labels(const struct value *outer, const char *path, const char *source,
		      struct bl_labels *labels, struct bl_err *err);

/* "status.podIPs[0].ip: ..."; returns -EINVAL. */
int value_fail(const struct value *value, struct bl_err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
