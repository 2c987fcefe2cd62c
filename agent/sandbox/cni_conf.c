// SPDX-License-Identifier: Apache-2.0
/*
 * Configuration lists: the built-in one, those of the user, and the little that depends on this
 * agent (where leases are kept, which block of addresses is its own). Running them is cni.c.
 */
#include "cni.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

#define CNI_CONF_MAX    (256 * 1024)
#define CNI_PLUGINS_MAX 16

/* The file exists once: here it is as the linker found it. */
#define BUILTIN_PATH "deploy/cni/beeline.conflist"
__asm__(".pushsection .rodata\n"
	"cni_builtin:\n"
	".incbin \"" BUILTIN_PATH "\"\n"
	"cni_builtin_end:\n"
	".popsection\n");
extern const char cni_builtin[], cni_builtin_end[];

static int read_conf(const char *path, struct cJSON **ret_conf, struct bl_err *err)
{
	bl_autofree char *text = NULL;
	size_t len;
	int r;

	if (!path)
		return bl_json_parse(cni_builtin, (size_t)(cni_builtin_end - cni_builtin), ret_conf,
				     err);
	r = bl_file_read(path, CNI_CONF_MAX, &text, &len, err);
	return r < 0 ? r : bl_json_parse(text, len, ret_conf, err);
}

/* A type is the name of a file in the plugins' directory and must not lead out of it. */
static int check_plugin(const struct cJSON *plugin, struct bl_err *err)
{
	const char *type = bl_json_get_string(plugin, "type");

	if (!type || !type[0] || strchr(type, '/') || type[0] == '.')
		return bl_fail(err, -EINVAL, "plugins: each needs a type, the plugin's name");
	return 0;
}

static int check_conflist(const struct cJSON *conf, struct bl_err *err)
{
	const struct cJSON *plugins = bl_json_get(conf, "plugins");
	int r;

	if (!bl_json_get_string(conf, "name"))
		return bl_fail(err, -EINVAL, "name: expected the network's name");
	if (!bl_json_get_string(conf, "cniVersion"))
		return bl_fail(err, -EINVAL, "cniVersion: expected a version");
	if (!bl_json_is_array(plugins) || !bl_json_size(plugins) ||
	    bl_json_size(plugins) > CNI_PLUGINS_MAX)
		return bl_fail(err, -EINVAL, "plugins: expected a list of 1 to %d",
			       CNI_PLUGINS_MAX);
	bl_json_for_each (plugin, plugins) {
		r = check_plugin(plugin, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* One plugin's conf becomes a list that holds it alone. */
static struct cJSON *wrap_single(struct cJSON *conf)
{
	struct cJSON *list = bl_json_object(), *plugins = bl_json_array();

	bl_json_set_string(list, "cniVersion", bl_json_get_string(conf, "cniVersion"));
	bl_json_set_string(list, "name", bl_json_get_string(conf, "name"));
	bl_json_append(plugins, conf);
	bl_json_set(list, "plugins", plugins);
	return list;
}

static void set_lease_dir(struct cJSON *conflist, const char *state_dir)
{
	bl_autofree char *dir = bl_format("%s/cni", state_dir);

	bl_json_for_each (plugin, bl_json_get(conflist, "plugins")) {
		struct cJSON *ipam = bl_json_get(plugin, "ipam");
		const char *type = bl_json_get_string(ipam, "type");

		if (type && strcmp(type, "host-local") == 0 && !bl_json_get(ipam, "dataDir"))
			bl_json_set_string(ipam, "dataDir", dir);
	}
}

static void set_subnet(struct cJSON *range, char *subnet)
{
	bl_json_set_string(range, "subnet", subnet);
	free(subnet);
}

/* The built-in list's 10.22.0.0/16 holds 64 blocks of 1022 addresses. */
static void choose_block(struct cJSON *conflist, uint32_t block)
{
	set_subnet(bl_json_get(conflist, "plugins/0/ipam/ranges/0/0"),
		   bl_format("10.22.%u.0/22", 4 * block));
	set_subnet(bl_json_get(conflist, "plugins/0/ipam/ranges/1/0"),
		   bl_format("fd62:6565:6c69:%x::/64", block));
}

int cni_conf_load(const char *path, const char *state_dir, uint32_t block,
		  struct cJSON **ret_conflist, struct bl_err *err)
{
	bl_auto_json struct cJSON *conf = NULL;
	int r;

	r = read_conf(path, &conf, err);
	if (r < 0)
		return bl_wrap(err, "CNI configuration %s", path ? path : BUILTIN_PATH);
	if (bl_json_get_string(conf, "type"))
		conf = wrap_single(conf);
	r = check_conflist(conf, err);
	if (r < 0)
		return bl_wrap(err, "CNI configuration %s", path ? path : BUILTIN_PATH);
	if (!path && block)
		choose_block(conf, block);
	set_lease_dir(conf, state_dir);
	*ret_conflist = bl_take_ptr(conf);
	return 0;
}

static int check_program(const char *bin_dir, const char *type, struct bl_err *err)
{
	bl_autofree char *path = bl_format("%s/%s", bin_dir, type);

	if (access(path, X_OK) < 0)
		return bl_fail_errno(err, -errno, "CNI plugin '%s' in %s", type, bin_dir);
	return 0;
}

int cni_check_plugins(const struct cJSON *conflist, const char *bin_dir, struct bl_err *err)
{
	bl_json_for_each (plugin, bl_json_get(conflist, "plugins")) {
		const char *ipam = bl_json_get_string(plugin, "ipam/type");
		int r = check_program(bin_dir, bl_json_get_string(plugin, "type"), err);

		if (r == 0 && ipam && ipam[0])
			r = check_program(bin_dir, ipam, err);
		if (r < 0)
			return r;
	}
	return 0;
}
