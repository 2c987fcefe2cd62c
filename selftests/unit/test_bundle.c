// SPDX-License-Identifier: Apache-2.0
/* The OCI bundle: what a VM's container may and may not, read from its configuration. */
#include "unit.h"

#include <beeline/json.h>
#include <beeline/launcher.h>

#include "../../agent/sandbox/bundle.h"

static struct cJSON *make(bool kvm, struct bundle_limits limits)
{
	static const struct sandbox_volume volumes[] = {
		{"base", "/images/base", BL_LAUNCHER_CONTAINER_DISKS "/disk_0.img", true},
		{"data", "/disks/data", BL_LAUNCHER_CONTAINER_DISKS "/disk_1.img", false},
	};
	const struct bundle_spec spec = {
		.namespace = "default",
		.name = "vm-01",
		.vmi_uid = "uid-1",
		.hostname = "host-1",
		.launcher = "/opt/launcher",
		.rootfs = "/b/rootfs",
		.netns = "/run/netns/n",
		.cgroups_path = "/beeline/n",
		.sockets = "/b/sockets",
		.private = "/b/private",
		.disks = "/b/disks",
		.uid = 107,
		.kvm = kvm,
		.limits = limits,
		.volumes = volumes,
		.n_volumes = 2,
	};

	return bundle_make(&spec);
}

static bool has_string(const struct cJSON *list, const char *text)
{
	bl_json_for_each (item, list)
		if (strcmp(bl_json_text(item), text) == 0)
			return true;
	return false;
}

/* The mount at a destination, or NULL; *ret_index is its place in the order. */
static const struct cJSON *mount_at(const struct cJSON *config, const char *destination,
				    int *ret_index)
{
	int index = 0;

	bl_json_for_each (mount, bl_json_get(config, "mounts")) {
		if (strcmp(bl_json_get_string(mount, "destination"), destination) == 0) {
			if (ret_index)
				*ret_index = index;
			return mount;
		}
		index++;
	}
	return NULL;
}

static void test_process_has_no_privilege(void **state)
{
	bl_auto_json struct cJSON *config = make(false, (struct bundle_limits){0});
	const struct cJSON *process = bl_json_get(config, "process");

	assert_int_equal(bl_json_get_number(process, "user/uid", 0), 107);
	assert_int_equal(bl_json_get_number(process, "user/gid", 0), 107);
	assert_true(bl_json_get_bool(process, "noNewPrivileges", false));
	assert_int_equal(bl_json_size(bl_json_get(process, "capabilities")), 0);
	assert_true(bl_json_get_bool(config, "root/readonly", false));
	assert_string_equal(bl_json_get_string(process, "args/1"), "--monitor");
	assert_string_equal(bl_json_get_string(process, "args/7"), "uid-1");
	assert_string_equal(bl_json_get_string(config, "linux/cgroupsPath"), "/beeline/n");
	assert_string_equal(bl_json_get_string(config, "linux/namespaces/4/path"), "/run/netns/n");
}

static void test_mounts(void **state)
{
	bl_auto_json struct cJSON *config = make(false, (struct bundle_limits){0});
	const struct cJSON *base =
		mount_at(config, BL_LAUNCHER_CONTAINER_DISKS "/disk_0.img", NULL);
	const struct cJSON *data =
		mount_at(config, BL_LAUNCHER_CONTAINER_DISKS "/disk_1.img", NULL);
	int run, sockets;

	assert_true(has_string(bl_json_get(base, "options"), "ro"));
	assert_true(has_string(bl_json_get(data, "options"), "rw"));
	assert_true(has_string(bl_json_get(mount_at(config, "/usr", NULL), "options"), "ro"));
	/* A mount point must not be covered by a later mount above it. */
	assert_non_null(mount_at(config, BL_LAUNCHER_RUN_DIR, &run));
	assert_non_null(mount_at(config, BL_LAUNCHER_SOCKET_DIR, &sockets));
	assert_true(run < sockets);
	bl_json_for_each (mount, bl_json_get(config, "mounts"))
		assert_true(has_string(bl_json_get(mount, "options"), "nosuid"));
}

static bool has_device(const struct cJSON *config, const char *path)
{
	bl_json_for_each (device, bl_json_get(config, "linux/devices"))
		if (strcmp(bl_json_get_string(device, "path"), path) == 0)
			return true;
	return false;
}

static void test_devices(void **state)
{
	bl_auto_json struct cJSON *without = make(false, (struct bundle_limits){0});
	bl_auto_json struct cJSON *with = make(true, (struct bundle_limits){0});
	const struct cJSON *rule = bl_json_get(without, "linux/resources/devices/0");

	assert_true(has_device(without, "/dev/net/tun"));
	assert_false(has_device(without, "/dev/kvm"));
	assert_true(has_device(with, "/dev/kvm"));
	assert_false(has_device(with, "/dev/vhost-net"));
	/* Everything is refused before some are allowed. */
	assert_false(bl_json_get_bool(rule, "allow", true));
	assert_null(bl_json_get(rule, "major"));
}

static void test_limits(void **state)
{
	bl_auto_json struct cJSON *none = make(false, (struct bundle_limits){0});
	bl_auto_json struct cJSON *all = make(false, (struct bundle_limits){
							     .memory_bytes = 1ll << 40,
							     .cpu_request_milli = 1,
							     .cpu_limit_milli = 1500,
							     .pids = 100,
						     });
	const struct cJSON *resources = bl_json_get(all, "linux/resources");
	bl_autofree char *text = bl_json_print(resources);

	assert_null(bl_json_get(none, "linux/resources/memory"));
	assert_null(bl_json_get(none, "linux/resources/cpu"));
	assert_null(bl_json_get(none, "linux/resources/pids"));
	assert_non_null(strstr(text, "\"memory\":{\"limit\":1099511627776}"));
	assert_non_null(strstr(text, "\"shares\":2,\"period\":100000,\"quota\":150000"));
	assert_int_equal(bl_json_get_number(resources, "pids/limit", 0), 100);
}

static void test_seccomp_refuses(void **state)
{
	static const char *const names[] = {"mount", "bpf",    "unshare",
					    "setns", "ptrace", "init_module"};
	bl_auto_json struct cJSON *seccomp = bundle_seccomp();
	size_t n_clone = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_true(has_string(bl_json_get(seccomp, "syscalls/0/names"), names[i]));
	bl_json_for_each (rule, bl_json_get(seccomp, "syscalls"))
		n_clone += has_string(bl_json_get(rule, "names"), "clone");
	assert_int_equal(n_clone, 7);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_process_has_no_privilege),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_seccomp_refuses),
	};

	return cmocka_run_group_tests_name("bundle", tests, NULL, NULL);
}
