/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels and the selectors over them, in Cilium's form: a label is source:key=value, where the source
 * says who gave it ("k8s", "reserved", "cidr", "cidrgroup", "node"). A selector is a list of
 * requirements that must all hold; an empty list holds for everybody.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <beeline/cleanup.h>
#include <beeline/err.h>
#include <beeline/json.h>

#define BL_LABEL_NAMESPACE        "io.kubernetes.pod.namespace"
#define BL_LABEL_NAMESPACE_LABELS "io.cilium.k8s.namespace.labels."
#define BL_LABEL_CLUSTER          "io.cilium.k8s.policy.cluster"
#define BL_LABEL_SERVICE_ACCOUNT  "io.cilium.k8s.policy.serviceaccount"

struct bl_label {
	char *source; /* never NULL */
	char *key;
	char *value; /* "" when it has none */
};

/* Sorted by key, then source; a key stands once per source. Owns its strings. */
struct bl_labels {
	struct bl_label *items;
	size_t n_items;
};

/* Adds a copy, or replaces the value of that source and key. */
void bl_labels_set(struct bl_labels *labels, const char *source, const char *key,
		   const char *value);
/* All members of a JSON object of strings, under one source, prefix put before each key. */
void bl_labels_set_all(struct bl_labels *labels, const char *source, const char *prefix,
		       const struct cJSON *object);
void bl_labels_copy(const struct bl_labels *labels, struct bl_labels *ret_copy);
bool bl_labels_equal(const struct bl_labels *a, const struct bl_labels *b);
/* source NULL: of any source. NULL: no such label. */
const char *bl_labels_value(const struct bl_labels *labels, const char *source, const char *key);
/* "k8s:app=web,reserved:host"; the caller frees. */
char *bl_labels_format(const struct bl_labels *labels);
void bl_labels_clear(struct bl_labels *labels);

/* Leaves only what makes an identity: Cilium's default label filter (pkg/labelsfilter). */
void bl_labels_filter(struct bl_labels *labels);

enum bl_label_op { BL_LABEL_IN, BL_LABEL_NOT_IN, BL_LABEL_EXISTS, BL_LABEL_DOES_NOT_EXIST };

struct bl_requirement {
	char *source; /* NULL: any */
	char *key;
	enum bl_label_op op;
	char **values; /* IN and NOT_IN: at least one */
	size_t n_values;
};

struct bl_selector {
	struct bl_requirement *items;
	size_t n_items;
};

/* matchLabels and matchExpressions. Keys of Cilium's policies name their source before a colon;
 * source is what keys without one get, NULL: any. prefix is put before each key. path is what errors
 * begin with ("spec.endpointSelector"). */
int bl_selector_decode(const struct cJSON *object, const char *source, const char *prefix,
		       const char *path, struct bl_selector *ret_selector, struct bl_err *err);
/* Adds a requirement; value NULL: the key exists. */
void bl_selector_require(struct bl_selector *selector, const char *source, const char *key,
			 const char *value);
bool bl_selector_matches(const struct bl_selector *selector, const struct bl_labels *labels);
/* Does a requirement speak of this key, or of keys that begin so when it ends with a dot? */
bool bl_selector_mentions(const struct bl_selector *selector, const char *source, const char *key);
void bl_selector_copy(const struct bl_selector *selector, struct bl_selector *ret_copy);
void bl_selector_clear(struct bl_selector *selector);
