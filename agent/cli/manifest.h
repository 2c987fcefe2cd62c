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

/* Reads every path ("-" is standard input; of a folder its .yaml, .yml and .json files in the order
 * of their names) and unfolds documents of kind List. An object without a namespace gets that one
 * (NULL: "default") unless its kind stands in none; one that names another is refused when namespace is
 * not NULL. The caller owns *ret_objects. */
int manifests_read(const char *const *paths, size_t n_paths, const char *namespace,
		   enum manifest_use use, struct cJSON **ret_objects, struct bl_err *err);
