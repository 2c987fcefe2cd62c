/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where desired state comes from: the VMIs of this node in, their status out. One implementation
 * per place (source_files: the standalone store; a cluster's API server is another); who reads from
 * here cannot tell which.
 */
#pragma once

#include <beeline/err.h>
#include <beeline/json.h>

struct source;

struct source_ops {
	/* The VMI as it is now, borrowed until the source next changes; NULL when there is none. */
	const struct cJSON *(*vmi)(struct source *source, const char *namespace, const char *name);
	void (*for_each_vmi)(struct source *source, void (*fn)(const struct cJSON *vmi, void *data),
			     void *data);
	/* Writes the status (taken) of the VMI with that uid. Fails with -EAGAIN when the write
	 * could not be made now. A VMI that is gone is no failure. */
	int (*put_status)(struct source *source, const struct cJSON *vmi, struct cJSON *status,
			  struct bl_err *err);
	/* Nothing is left of a VMI that was to be deleted: lets its object go. */
	int (*finish)(struct source *source, const struct cJSON *vmi, struct bl_err *err);
	/* From now on fn is called when a VMI appears, changes or goes. One listener. */
	void (*listen)(struct source *source,
		       void (*fn)(const char *namespace, const char *name, void *data), void *data);
	void (*free)(struct source *source);
};

/* The head of each implementation's own struct. */
struct source {
	const struct source_ops *ops;
};

struct objects;
/* VMIs of the standalone store, which must outlive the source. */
struct source *source_files_new(struct objects *objects);

static inline void source_free(struct source *source)
{
	if (source)
		source->ops->free(source);
}
