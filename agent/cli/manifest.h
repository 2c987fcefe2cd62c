/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests: files, folders and standard input become one array of Kubernetes documents in JSON.
 * This is the only place where YAML is read; what leaves here is bounded and has a kind and a name.
 */
#pragma once

#include <stddef.h>

#include <beeline/err.h>
#include <beeline/json.h>

/* What one manifest may weigh: to be sent, it must fit into one message to the agent; to be read by this
 * command alone, a cluster's pods have to fit. */
enum manifest_use { MANIFEST_SENT, MANIFEST_KEPT };

struct manifests {
	struct cJSON *objects; /* an array */
	struct cJSON *sources; /* for each of them, the file that it stands in */
};
void manifests_clear(struct manifests *manifests);
#define manifests_auto bl_cleanup(manifests_clear)

/* Reads every path ("-" is standard input; of a folder its .yaml, .yml and .json files in the order
 * of their names) and unfolds documents of kind List. An object without a namespace gets that one
 * (NULL: "default") unless its kind stands in none; one that names another is refused when namespace is
 * not NULL, and one that names any and stands in none always. The caller clears *ret_manifests. */
int manifests_read(const char *const *paths, size_t n_paths, const char *namespace,
		   enum manifest_use use, struct manifests *ret_manifests, struct bl_err *err);
