/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How one version of an object follows from the last: which parts are the user's, which are the
 * store's. Pure functions of documents; the results are owned by the caller.
 */
#pragma once

#include <stdint.h>

#include <beeline/json.h>

/* A new object of the user's document: uid, creation time. */
struct cJSON *object_version_first(const struct cJSON *document);
/* The document with the metadata of the store that old has, and its status unless it brings one. */
struct cJSON *object_version_after(const struct cJSON *old, const struct cJSON *document);
/* Counts: generation when the spec differs from old's (NULL: first), and resourceVersion. */
void object_version_stamp(struct cJSON *object, const struct cJSON *old, uint64_t revision);
/* Deletion has been asked for, with that grace (< 0: none was named). The time of the first request
 * stays; a grace only ever gets shorter. */
void object_version_delete(struct cJSON *object, int64_t grace_s);
