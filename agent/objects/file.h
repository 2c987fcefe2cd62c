/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects as files: <dir>/<kind>/<namespace>/<name>.json, "_" for no namespace; "~" in the place of
 * ".json" where the name leaves no room for that. What an object means is nobody's business here; names
 * have been validated before they get here and are checked again, since they become paths.
 */
#pragma once

#include <beeline/err.h>
#include <beeline/json.h>

#include "../objects.h"

#define OBJECT_FILE_MAX (4u * 1024 * 1024)

/* Calls fn for each object below dir (made when missing); the document is fn's. */
int object_files_load(const char *dir, void (*fn)(struct cJSON *document, void *data), void *data,
		      struct bl_err *err);
/* The caller owns the document, which is what key says. */
int object_file_read(const char *dir, const struct object_key *key, struct cJSON **ret_document,
		     struct bl_err *err);
int object_file_write(const char *dir, const struct object_key *key, const struct cJSON *document,
		      struct bl_err *err);
int object_file_remove(const char *dir, const struct object_key *key, struct bl_err *err);
