/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML at the edge: documents become JSON here and nowhere else (the command; never the agent).
 * Unquoted scalars mean what they mean to kubectl (so yes and on are true, 0644 is octal, 1e3 is a
 * number, dates are text), and '<<' merges. Anchors and aliases are expanded within a bound, so that
 * a "billion laughs" document is refused; duplicate keys, keys that cannot be names, and depth are
 * refused.
 */
#pragma once

#include <stddef.h>

#include <beeline/err.h>
#include <beeline/json.h>

/* In one stream after aliases are expanded. */
struct bl_yaml_limits {
	size_t n_nodes; /* values */
	size_t n_bytes; /* of text */
};
#define BL_YAML_NODES_MAX 200000
#define BL_YAML_BYTES_MAX (64u * 1024 * 1024)

/* Turns a stream of documents (YAML or JSON) into a JSON array with one value per document; empty
 * documents are left out. Errors name line and column. The caller owns *ret_documents. */
int bl_yaml_parse(const char *text, size_t len, struct cJSON **ret_documents, struct bl_err *err);
/* The same with other bounds than those above, for text that is its reader's own. */
int bl_yaml_parse_within(const char *text, size_t len, const struct bl_yaml_limits *limits,
			 struct cJSON **ret_documents, struct bl_err *err);

/* The value as one YAML document in kubectl's style; the caller frees. */
char *bl_yaml_print(const struct cJSON *json);
