// SPDX-License-Identifier: Apache-2.0
/* Desired state from the standalone store: a view of its VirtualMachineInstances. */
#include "source.h"

#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>

#include "kinds.h"
#include "objects.h"

struct source_files {
	struct source source;
	struct objects *objects;
	struct object_watch *watch;
	void (*changed)(const char *namespace, const char *name, void *data);
	void *data;
};

static struct source_files *of(struct source *source)
{
	return (struct source_files *)source;
}

static const struct cJSON *files_vmi(struct source *source, const char *namespace, const char *name)
{
	const struct object_key key = {KIND_VMI, namespace, name};

	return objects_get(of(source)->objects, &key);
}

static void files_for_each(struct source *source, void (*fn)(const struct cJSON *vmi, void *data),
			   void *data)
{
	objects_for_each(of(source)->objects, KIND_VMI, NULL, fn, data);
}

/* Whether what the store has under that name is still the VMI that the caller knows. */
static bool is_current(struct source *source, const struct cJSON *vmi)
{
	struct object_key key = object_key(vmi);
	const struct cJSON *now = objects_get(of(source)->objects, &key);
	const char *uid = bl_json_get_string(vmi, "metadata/uid");
	const char *uid_now = bl_json_get_string(now, "metadata/uid");

	return uid && uid_now && strcmp(uid, uid_now) == 0;
}

static int files_put_status(struct source *source, const struct cJSON *vmi, struct cJSON *status,
			    struct bl_err *err)
{
	struct object_key key = object_key(vmi);

	if (!is_current(source, vmi)) {
		bl_json_free(status);
		return 0;
	}
	return objects_put_status(of(source)->objects, &key, status, err);
}

static int files_finish(struct source *source, const struct cJSON *vmi, struct bl_err *err)
{
	struct object_key key = object_key(vmi);

	return is_current(source, vmi) ? objects_remove(of(source)->objects, &key, err) : 0;
}

static void object_changed(enum object_event event, const struct cJSON *object, void *data)
{
	struct source_files *files = data;
	struct object_key key = object_key(object);

	files->changed(key.namespace, key.name, files->data);
}

static void files_listen(struct source *source,
			 void (*fn)(const char *namespace, const char *name, void *data),
			 void *data)
{
	struct source_files *files = of(source);

	files->changed = fn;
	files->data = data;
	files->watch = objects_watch(files->objects, KIND_VMI, object_changed, files);
}

static void files_free(struct source *source)
{
	objects_unwatch(of(source)->objects, of(source)->watch);
	free(of(source));
}

struct source *source_files_new(struct objects *objects)
{
	static const struct source_ops ops = {
		.vmi = files_vmi,
		.for_each_vmi = files_for_each,
		.put_status = files_put_status,
		.finish = files_finish,
		.listen = files_listen,
		.free = files_free,
	};
	struct source_files *files = bl_alloc(sizeof(*files));

	*files = (struct source_files){.source = {&ops}, .objects = objects};
	return &files->source;
}
