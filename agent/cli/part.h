/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unfinished file of a download, in the user's cache folder, locked while it is open. Beside it
 * stands what the server said of the version that it is a part of: its validator, an entity tag or
 * a date (RFC 9110, section 8.8).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <beeline/cleanup.h>
#include <beeline/err.h>

struct part {
	int fd; /* open for reading and writing */
	char *path;
	char *validator; /* NULL: none */
};

#define PART_INIT ((struct part){.fd = -1})

/* The part for that URL, empty when there was none. -EBUSY: somebody is downloading it. */
int part_open(const char *url, struct part *ret_part, struct bl_err *err);
/* How much is there that a server may be asked to go on with: all of it, if it has a validator, or if a
 * digest of the whole will be checked; else nothing, and it is forgotten. */
int part_resume(struct part *part, bool checked, int64_t *ret_bytes, struct bl_err *err);
/* Begins anew. */
int part_empty(struct part *part, struct bl_err *err);
/* What comes from now on belongs to this version. */
int part_remember(struct part *part, const char *validator, struct bl_err *err);
/* Removes it from the cache; the descriptor stays. */
void part_remove(struct part *part);
/* Closes; what has arrived stays in the cache, an empty part does not. */
void part_close(struct part *part);
#define part_auto bl_cleanup(part_close)
