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

/* Shared by all sets that hold it, so that the same three strings stand in memory once and equal labels
 * are the same pointer. Sets belong to one thread. */
struct bl_label {
	const char *source; /* never NULL */
	const char *key;
	const char *value; /* "" when it has none */
};

/* Sorted by key, then source; a key stands once per source. */
struct bl_labels {
	const struct bl_label **items;
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

/* Shared by all selectors that have it, as labels are by their sets: equal ones are the same pointer. */
struct bl_requirement {
	const char *source; /* NULL: any */
	const char *key;
	enum bl_label_op op;
	const char *const *values; /* sorted; IN and NOT_IN: at least one */
	size_t n_values;
};

/* Requirements are sorted, so that equal selectors have equal items. */
struct bl_selector {
	const struct bl_requirement **items;
	size_t n_items;
};

/* matchLabels and matchExpressions of an object, which must be one. source is what every key gets, as
 * Kubernetes has no sources in keys; NULL: a key may name its own before a colon as Cilium's do, and
 * without one it is of any. prefix (NULL: none) is put before each key. path is what errors begin with
 * ("spec.endpointSelector"). */
int bl_selector_decode(const struct cJSON *object, const char *source, const char *prefix,
		       const char *path, struct bl_selector *ret_selector, struct bl_err *err);
/* Adds a requirement; value NULL: the key exists. */
void bl_selector_require(struct bl_selector *selector, const char *source, const char *key,
			 const char *value);
bool bl_selector_matches(const struct bl_selector *selector, const struct bl_labels *labels);
/* Does a requirement speak of this key, or of keys that begin so when it ends with a dot? One of any
 * source speaks of every source. Key "": of whatever key of exactly this source. */
bool bl_selector_mentions(const struct bl_selector *selector, const char *source, const char *key);
/* "k8s:app in (db,web), any:role, !k8s:tier"; the caller frees. */
char *bl_selector_format(const struct bl_selector *selector);
void bl_selector_copy(const struct bl_selector *selector, struct bl_selector *ret_copy);
void bl_selector_clear(struct bl_selector *selector);
