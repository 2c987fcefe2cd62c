/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML at the edge: documents become JSON here and nowhere else (the command; never the agent).
 * YAML 1.2 core schema with 1.1's habits where kubectl has them (yes/no/on/off stay strings unless
 * true/false); anchors and aliases are expanded within a bound, so that a "billion laughs" document
 * is refused; duplicate keys, non-string keys that cannot be names, and depth are refused.
 */
#pragma once

#include <stddef.h>

#include <beeline/err.h>
#include <beeline/json.h>

#define BL_YAML_NODES_MAX 200000 /* values in one stream after aliases are expanded */

/* Turns a stream of documents (YAML or JSON) into a JSON array with one value per document; empty
 * documents are left out. Errors name line and column. The caller owns *ret_documents. */
int bl_yaml_parse(const char *text, size_t len, struct cJSON **ret_documents, struct bl_err *err);

/* The value as one YAML document in kubectl's style; the caller frees. */
char *bl_yaml_print(const struct cJSON *json);
