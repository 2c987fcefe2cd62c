// SPDX-License-Identifier: Apache-2.0
/* Names and places of one sandbox: text only, nothing here touches the disk. */
#include "paths.h"

#include <stdio.h>
#include <string.h>

#include <beeline/api.h>
#include <beeline/file.h>

/* A file name has 255 bytes at most; a namespace and a name may have 63 and 253. */
#define ID_MAX 200

/* FNV-1a: names are told apart, nobody is kept from choosing equal ones on purpose. */
static uint32_t hash_text(const char *text)
{
	uint32_t hash = 2166136261u;

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 16777619u;
	return hash;
}

uint32_t sandbox_instance(const char *state_dir)
{
	uint32_t hash = hash_text(state_dir);

	if (strcmp(state_dir, BL_AGENT_STATE_DIR) == 0)
		return 0;
	return hash ? hash : 1;
}

static char *make_id(uint32_t instance, const char *namespace, const char *name)
{
	bl_autofree char *flat = bl_strdup(namespace);
	bl_autofree char *full = NULL;
	char tag[16] = "";

	for (char *c = flat; *c; c++)
		if (*c == '-')
			*c = '_';
	/* No namespace holds a '.', so a tagged id is nobody else's. */
	if (instance)
		snprintf(tag, sizeof(tag), ".%08x", instance);
	full = bl_format("bl%s-%s-%s", tag, flat, name);
	if (strlen(full) <= ID_MAX)
		return bl_take_ptr(full);
	return bl_format("%.*s_%08x", ID_MAX - 9, full, hash_text(full));
}

struct sandbox_paths *sandbox_paths_new(const char *run_dir, const char *state_dir,
					uint32_t instance, const char *namespace, const char *name)
{
	struct sandbox_paths *paths = bl_alloc(sizeof(*paths));

	paths->id = make_id(instance, namespace, name);
	paths->netns = bl_format("/run/netns/%s", paths->id);
	paths->state = bl_format("%s/sandboxes/%s", state_dir, paths->id);
	paths->record = bl_format("%s/sandbox.json", paths->state);
	paths->network = bl_format("%s/network.json", paths->state);
	paths->disks = bl_format("%s/disks", paths->state);
	paths->run = bl_format("%s/sandboxes/%s", run_dir, paths->id);
	paths->record_twin = bl_format("%s/sandbox.json", paths->run);
	paths->network_twin = bl_format("%s/network.json", paths->run);
	paths->cni_lock = bl_format("%s/cni.lock", paths->run);
	paths->bundle = bl_format("%s/bundle", paths->run);
	paths->config = bl_format("%s/config.json", paths->bundle);
	paths->rootfs = bl_format("%s/rootfs", paths->bundle);
	paths->sockets = bl_format("%s/sockets", paths->run);
	paths->private = bl_format("%s/private", paths->run);
	paths->pid = bl_format("%s/pid", paths->run);
	paths->degraded = bl_format("%s/degraded", paths->run);
	return paths;
}

void sandbox_paths_free(struct sandbox_paths *paths)
{
	if (!paths)
		return;
	free(paths->id);
	free(paths->netns);
	free(paths->state);
	free(paths->record);
	free(paths->network);
	free(paths->disks);
	free(paths->run);
	free(paths->record_twin);
	free(paths->network_twin);
	free(paths->cni_lock);
	free(paths->bundle);
	free(paths->config);
	free(paths->rootfs);
	free(paths->sockets);
	free(paths->private);
	free(paths->pid);
	free(paths->degraded);
	free(paths);
}
