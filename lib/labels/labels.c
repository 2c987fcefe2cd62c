// SPDX-License-Identifier: Apache-2.0
/* Sets of labels: sorted arrays of shared labels, and the filter that says which of them make an identity. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "label.h"

/* The position of a source and key, or where it belongs. */
static size_t position_of(const struct bl_labels *labels, const char *source, const char *key,
			  bool *ret_found)
{
	size_t low = 0, high = labels->n_items;

	*ret_found = false;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = label_compare(labels->items[middle], source, key);

		*ret_found |= order == 0;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void bl_labels_set(struct bl_labels *labels, const char *source, const char *key, const char *value)
{
	bool found;
	size_t at = position_of(labels, source, key, &found);
	const struct bl_label *label = label_get(source, key, value);

	if (found) {
		label_put(labels->items[at]);
	} else {
		labels->items =
			bl_realloc(labels->items, (labels->n_items + 1) * sizeof(*labels->items));
		memmove(labels->items + at + 1, labels->items + at,
			(labels->n_items++ - at) * sizeof(*labels->items));
	}
	labels->items[at] = label;
}

void bl_labels_set_all(struct bl_labels *labels, const char *source, const char *prefix,
		       const struct cJSON *object)
{
	bl_json_for_each (member, object) {
		bl_autofree char *key = NULL;

		if (!bl_json_is_string(member))
			continue;
		key = bl_format("%s%s", prefix, bl_json_key(member));
		bl_labels_set(labels, source, key, bl_json_text(member));
	}
}

void bl_labels_copy(const struct bl_labels *labels, struct bl_labels *ret_copy)
{
	struct bl_labels copy = {.n_items = labels->n_items};

	if (copy.n_items)
		copy.items = bl_alloc(copy.n_items * sizeof(*copy.items));
	for (size_t i = 0; i < copy.n_items; i++)
		copy.items[i] = label_share(labels->items[i]);
	*ret_copy = copy;
}

bool bl_labels_equal(const struct bl_labels *a, const struct bl_labels *b)
{
	return a->n_items == b->n_items &&
	       (a->n_items == 0 || memcmp(a->items, b->items, a->n_items * sizeof(*a->items)) == 0);
}

const char *bl_labels_value(const struct bl_labels *labels, const char *source, const char *key)
{
	bool found;
	size_t at = position_of(labels, source ? source : "", key, &found);

	/* Without a source the search ends before the first label of that key. */
	if (!source)
		found = at < labels->n_items && strcmp(labels->items[at]->key, key) == 0;
	return found ? labels->items[at]->value : NULL;
}

char *bl_labels_format(const struct bl_labels *labels)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		abort();
	for (size_t i = 0; i < labels->n_items; i++) {
		const struct bl_label *label = labels->items[i];

		fprintf(stream, "%s%s:%s%s%s", i ? "," : "", label->source, label->key,
			*label->value ? "=" : "", label->value);
	}
	if (fclose(stream) != 0)
		abort();
	return text;
}

void bl_labels_clear(struct bl_labels *labels)
{
	for (size_t i = 0; i < labels->n_items; i++)
		label_put(labels->items[i]);
	free(labels->items);
	*labels = (struct bl_labels){0};
}

/* ---- which labels make an identity -------------------------------------------------------------- */

/* Keys begin so. What stands in the first list stays whatever the second says. */
static const char *const kept[] = {
	BL_LABEL_NAMESPACE, BL_LABEL_NAMESPACE_LABELS, "app.kubernetes.io",
	BL_LABEL_CLUSTER,   BL_LABEL_SERVICE_ACCOUNT,
};
static const char *const dropped[] = {
	"io.kubernetes",
	"kubernetes.io",
	"statefulset.kubernetes.io/pod-name",
	"apps.kubernetes.io/pod-index",
	"batch.kubernetes.io/job-completion-index",
	"batch.kubernetes.io/controller-uid",
	"k8s.io",
	"pod-template-generation",
	"pod-template-hash",
	"controller-revision-hash",
	"controller-uid",
	"annotation",
	"etcd_node",
	"topology.kubernetes.io",
};

static bool begins_with_one_of(const char *key, const char *const *prefixes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strncmp(key, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

#define BEGINS_WITH_ONE_OF(key, list) \
	begins_with_one_of(key, list, sizeof(list) / sizeof((list)[0]))

static bool makes_identity(const struct bl_label *label)
{
	if (strcmp(label->source, "reserved") == 0 || BEGINS_WITH_ONE_OF(label->key, kept))
		return true;
	return !BEGINS_WITH_ONE_OF(label->key, dropped) &&
	       !strstr(label->key, "beta.kubernetes.io");
}

void bl_labels_filter(struct bl_labels *labels)
{
	size_t n = 0;

	for (size_t i = 0; i < labels->n_items; i++)
		if (makes_identity(labels->items[i]))
			labels->items[n++] = labels->items[i];
		else
			label_put(labels->items[i]);
	labels->n_items = n;
}
