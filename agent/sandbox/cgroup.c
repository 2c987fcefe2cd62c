// SPDX-License-Identifier: Apache-2.0
/*
 * The host's cgroup hierarchies as /proc/self/mountinfo names them: one per controller (version 1),
 * one for all (version 2), or both side by side.
 */
#include "cgroup.h"

#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

#define CGROUP_PARENT   "beeline"
#define CONTROLLERS_MAX 4096
#define PROCESSES_MAX   (64 * 1024)
#define SYSTEMD_RUNS    "/run/systemd/system"
#define MOUNTS_PATH     "/proc/self/mounts"

static void close_mounts(FILE **mounts)
{
	if (*mounts)
		endmntent(*mounts);
}

static bool is_cgroup(const struct mntent *mount)
{
	return strcmp(mount->mnt_type, "cgroup") == 0 || strcmp(mount->mnt_type, "cgroup2") == 0;
}

static bool has_file(const char *dir, const char *name)
{
	bl_autofree char *path = bl_format("%s/%s", dir, name);

	return bl_file_exists(path);
}

/* Version 1 has all of a VM's processes in each hierarchy that has a controller. */
static void remember_root(const struct mntent *mount, struct cgroup_support *support)
{
	if (strlen(mount->mnt_dir) < sizeof(support->root))
		snprintf(support->root, sizeof(support->root), "%s", mount->mnt_dir);
}

static void look_at_v1(const struct mntent *mount, struct cgroup_support *support)
{
	if (hasmntopt(mount, "memory") || hasmntopt(mount, "pids") || hasmntopt(mount, "cpu"))
		remember_root(mount, support);
	support->memory |= hasmntopt(mount, "memory") != NULL;
	support->pids |= hasmntopt(mount, "pids") != NULL;
	if (hasmntopt(mount, "cpu")) {
		support->cpu_shares = true;
		support->cpu_quota = has_file(mount->mnt_dir, "cpu.cfs_quota_us");
	}
}

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at += len)
		if ((at == text || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
			return true;
	return false;
}

static void look_at_v2(const struct mntent *mount, struct cgroup_support *support)
{
	bl_autofree char *path = bl_format("%s/cgroup.controllers", mount->mnt_dir);
	bl_autofree char *text = NULL;

	if (bl_file_read(path, CONTROLLERS_MAX, &text, NULL, NULL) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	if (has_word(text, "memory") || has_word(text, "pids") || has_word(text, "cpu"))
		remember_root(mount, support);
	support->memory |= has_word(text, "memory");
	support->pids |= has_word(text, "pids");
	support->cpu_shares |= has_word(text, "cpu");
	support->cpu_quota |= has_word(text, "cpu");
}

void cgroup_probe(struct cgroup_support *ret_support)
{
	bl_cleanup(close_mounts) FILE *mounts = setmntent(MOUNTS_PATH, "re");
	struct mntent *mount;

	*ret_support = (struct cgroup_support){.systemd = bl_file_exists(SYSTEMD_RUNS)};
	while (mounts && (mount = getmntent(mounts))) {
		if (strcmp(mount->mnt_type, "cgroup") == 0)
			look_at_v1(mount, ret_support);
		else if (strcmp(mount->mnt_type, "cgroup2") == 0)
			look_at_v2(mount, ret_support);
	}
}

char *cgroup_path(const struct cgroup_support *support, const char *id)
{
	if (support->systemd)
		return bl_format("system.slice:%s:%s", CGROUP_PARENT, id);
	return bl_format("/%s/%s", CGROUP_PARENT, id);
}

char *cgroup_processes(const struct cgroup_support *support, const char *id)
{
	bl_autofree char *path =
		support->systemd
			? bl_format("%s/system.slice/" CGROUP_PARENT "-%s.scope/cgroup.procs",
				    support->root, id)
			: bl_format("%s/" CGROUP_PARENT "/%s/cgroup.procs", support->root, id);
	char *text = NULL;

	bl_file_read(path, PROCESSES_MAX, &text, NULL, NULL);
	return text;
}

void cgroup_remove(const char *id)
{
	bl_cleanup(close_mounts) FILE *mounts = setmntent(MOUNTS_PATH, "re");
	struct mntent *mount;

	while (mounts && (mount = getmntent(mounts))) {
		bl_autofree char *parent = bl_format("%s/" CGROUP_PARENT, mount->mnt_dir);
		bl_autofree char *group = bl_format("%s/%s", parent, id);

		if (!is_cgroup(mount))
			continue;
		/* Each fails while something is in it, as it should. */
		rmdir(group);
		rmdir(parent);
	}
}
