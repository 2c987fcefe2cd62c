// SPDX-License-Identifier: Apache-2.0
/*
 * Makes the sandbox's tree. It is never entered by root's programs and mounted read-only for the
 * VM's; everything that is written at run time lies on mounts.
 */
#include "rootfs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>
#include <beeline/launcher.h>

#define RESOLV_CONF     "/etc/resolv.conf"
#define RESOLV_CONF_MAX (64 * 1024)

/* On most hosts links into /usr, on older ones directories: each is reproduced as it is. */
static const char *const system_dirs[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};

/* What is bound from the host's /etc when it is there: the linker's cache, and the links by which
 * some distributions find QEMU's programs and firmware. */
static const char *const bound_etc[] = {"/etc/ld.so.cache", "/etc/alternatives"};

static const char *const empty_dirs[] = {"usr", "etc", "proc", "sys", "dev",    "run",
					 "tmp", "var", "root", "mnt", "var/tmp"};

#define N(array) (sizeof(array) / sizeof((array)[0]))

static int write_file(const char *root, const char *name, const char *text, struct bl_err *err)
{
	bl_autofree char *path = bl_format("%s/%s", root, name);

	return bl_file_write(path, text, strlen(text), 0644, err);
}

static int make_dirs(const char *root, struct bl_err *err)
{
	for (size_t i = 0; i < N(empty_dirs); i++) {
		bl_autofree char *path = bl_format("%s/%s", root, empty_dirs[i]);
		int r = bl_dir_make(path, 0755, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int make_link(const char *root, const char *name, const char *target, struct bl_err *err)
{
	bl_autofree char *path = bl_format("%s/%s", root, name);

	if (symlink(target, path) < 0)
		return bl_fail_errno(err, -errno, "linking %s", path);
	return 0;
}

static int copy_system_dir(const char *root, const char *name, struct bl_err *err)
{
	bl_autofree char *host = bl_format("/%s", name);
	bl_autofree char *path = bl_format("%s/%s", root, name);
	char target[256];
	ssize_t len = readlink(host, target, sizeof(target) - 1);

	if (len < 0)
		return errno == EINVAL ? bl_dir_make(path, 0755, err) : 0;
	target[len] = '\0';
	return make_link(root, name, target, err);
}

static int write_users(const char *root, uid_t uid, struct bl_err *err)
{
	bl_autofree char *passwd = bl_format("root:x:0:0:root:/root:/usr/sbin/nologin\n"
					     "%s:x:%u:%u:virtual machine:%s:/usr/sbin/nologin\n",
					     ROOTFS_USER, uid, uid, BL_LAUNCHER_PRIVATE_DIR);
	bl_autofree char *group = bl_format("root:x:0:\ntty:x:5:\n%s:x:%u:\n", ROOTFS_USER, uid);
	int r = write_file(root, "etc/passwd", passwd, err);

	return r < 0 ? r : write_file(root, "etc/group", group, err);
}

static int write_hosts(const char *root, const struct rootfs_spec *spec, struct bl_err *err)
{
	bl_autofree char *text = bl_strdup("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n");

	for (size_t i = 0; i < spec->n_addrs; i++) {
		char addr[BL_ADDR_TEXT_MAX];
		const char *dot = spec->domain ? "." : "";
		const char *domain = spec->domain ? spec->domain : "";
		bl_autofree char *before = bl_take_ptr(text);

		bl_addr_format(&spec->addrs[i], addr);
		text = bl_format("%s%s\t%s%s%s%s%s\n", before, addr, spec->hostname, dot, domain,
				 spec->domain ? " " : "", spec->domain ? spec->hostname : "");
	}
	return write_file(root, "etc/hosts", text, err);
}

static char *join(const char *start, const char *separator, char *const *words, size_t n_words)
{
	char *text = bl_strdup(start);

	for (size_t i = 0; i < n_words; i++) {
		bl_autofree char *before = text;

		text = bl_format("%s%s%s", before, separator, words[i]);
	}
	return text;
}

static int write_resolv_conf(const char *root, const struct rootfs_spec *spec, struct bl_err *err)
{
	bl_autofree char *search = NULL, *servers = NULL, *text = NULL;
	int r;

	if (!spec->n_dns && !spec->n_searches) {
		r = bl_file_read(RESOLV_CONF, RESOLV_CONF_MAX, &text, NULL, NULL);
		return write_file(root, "etc/resolv.conf", r < 0 ? "" : text, err);
	}
	search = join(spec->n_searches ? "search" : "", " ", spec->searches, spec->n_searches);
	servers = join("", "\nnameserver ", spec->dns, spec->n_dns);
	text = bl_format("%s%s\n", search, servers);
	return write_file(root, "etc/resolv.conf", text, err);
}

static int make_bind_targets(const char *root, struct bl_err *err)
{
	for (size_t i = 0; i < N(bound_etc); i++) {
		bl_autofree char *path = bl_format("%s%s", root, bound_etc[i]);
		struct stat st;
		int r = 0;

		if (stat(bound_etc[i], &st) < 0)
			continue;
		r = S_ISDIR(st.st_mode) ? bl_dir_make(path, 0755, err)
					: write_file(root, bound_etc[i], "", err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int write_etc(const char *root, const struct rootfs_spec *spec, struct bl_err *err)
{
	bl_autofree char *hostname = bl_format("%s\n", spec->hostname);
	int r = write_users(root, spec->uid, err);

	if (r == 0)
		r = write_file(root, "etc/nsswitch.conf",
			       "passwd: files\ngroup: files\nhosts: files dns\n", err);
	if (r == 0)
		r = write_file(root, "etc/hostname", hostname, err);
	if (r == 0)
		r = write_hosts(root, spec, err);
	if (r == 0)
		r = write_resolv_conf(root, spec, err);
	return r < 0 ? r : make_bind_targets(root, err);
}

int rootfs_make(const char *path, const struct rootfs_spec *spec, struct bl_err *err)
{
	int r = make_dirs(path, err);

	for (size_t i = 0; r == 0 && i < N(system_dirs); i++)
		r = copy_system_dir(path, system_dirs[i], err);
	if (r == 0)
		r = make_link(path, "var/run", "/run", err);
	return r < 0 ? r : write_etc(path, spec, err);
}

static void append_bind(struct cJSON *mounts, const char *path)
{
	static const char *const options[] = {"rbind", "ro", "nosuid", "nodev"};
	struct cJSON *mount = bl_json_object(), *list = bl_json_array();

	for (size_t i = 0; i < N(options); i++)
		bl_json_append(list, bl_json_string(options[i]));
	bl_json_set_string(mount, "destination", path);
	bl_json_set_string(mount, "type", "bind");
	bl_json_set_string(mount, "source", path);
	bl_json_set(mount, "options", list);
	bl_json_append(mounts, mount);
}

void rootfs_mounts(struct cJSON *mounts)
{
	struct stat st;

	append_bind(mounts, "/usr");
	for (size_t i = 0; i < N(system_dirs); i++) {
		bl_autofree char *path = bl_format("/%s", system_dirs[i]);

		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			append_bind(mounts, path);
	}
	for (size_t i = 0; i < N(bound_etc); i++)
		if (bl_file_exists(bound_etc[i]))
			append_bind(mounts, bound_etc[i]);
}
