// SPDX-License-Identifier: Apache-2.0
/* The labels by which policies know a pod or VM: what it says of itself, and what the cluster says of it. */
#include <string.h>

#include <beeline/file.h>

#include "../labels/label.h"
#include "object.h"

/* What a pod could else claim of itself. */
static bool is_for_the_cluster(const char *key)
{
	return strncmp(key, "io.cilium.k8s.", strlen("io.cilium.k8s.")) == 0 ||
	       strcmp(key, BL_LABEL_NAMESPACE) == 0;
}

void object_identity_labels(const struct bl_labels *own, const char *namespace, const char *cluster,
			    const char *service_account, struct bl_labels *ret_labels)
{
	struct bl_labels labels = {0};

	for (size_t i = 0; i < own->n_items; i++) {
		const struct bl_label *label = own->items[i];

		if (!is_for_the_cluster(label->key))
			bl_labels_set(&labels, "k8s", label->key, label->value);
	}
	bl_labels_set(&labels, "k8s", BL_LABEL_NAMESPACE, namespace);
	bl_labels_set(&labels, "k8s", BL_LABEL_CLUSTER, cluster);
	bl_labels_set(&labels, "k8s", BL_LABEL_SERVICE_ACCOUNT, service_account);
	bl_labels_filter(&labels);
	*ret_labels = labels;
}

void object_add_namespace(struct bl_labels *to, const char *namespace,
			  const struct bl_labels *labels)
{
	for (size_t i = 0; labels && i < labels->n_items; i++) {
		bl_autofree char *key =
			bl_format("%s%s", BL_LABEL_NAMESPACE_LABELS, labels->items[i]->key);

		bl_labels_set(to, "k8s", key, labels->items[i]->value);
	}
	bl_labels_set(to, "k8s", BL_LABEL_NAMESPACE_LABELS "kubernetes.io/metadata.name",
		      namespace);
}

void object_drop_namespace(struct bl_labels *labels)
{
	size_t n = 0;

	for (size_t i = 0; i < labels->n_items; i++)
		if (strncmp(labels->items[i]->key, BL_LABEL_NAMESPACE_LABELS,
			    strlen(BL_LABEL_NAMESPACE_LABELS)) == 0)
			label_put(labels->items[i]);
		else
			labels->items[n++] = labels->items[i];
	labels->n_items = n;
}
