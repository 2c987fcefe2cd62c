// SPDX-License-Identifier: Apache-2.0
/*
 * config.json in the order of the specification: process, root, mounts, linux. Left out on purpose:
 * oomScoreAdj and rlimits above the agent's own, which need CAP_SYS_RESOURCE.
 */
#include "bundle.h"

#include <beeline/file.h>
#include <beeline/launcher.h>

#include "rootfs.h"

/* /usr is the host's and read-only, so the launcher gets a place of its own. */
#define LAUNCHER_PATH "/beeline-launcher"

#define CPU_PERIOD_US  100000
#define CPU_SHARES_MIN 2 /* of the kernel; 1024 are one core */

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* A character device by its number in the kernel's devices.txt. */
struct device {
	const char *path;
	int major, minor;
};
static const struct device tun_device = {"/dev/net/tun", 10, 200};
static const struct device kvm_device = {"/dev/kvm", 10, 232};
static const struct device vhost_device = {"/dev/vhost-net", 10, 238};
/* What the runtime makes by itself; here only allowed: null, zero, full, random, urandom, tty,
 * ptmx, and pseudo-terminals (-1: every minor). */
static const struct device basic_devices[] = {
	{NULL, 1, 3}, {NULL, 1, 5}, {NULL, 1, 7}, {NULL, 1, 8},
	{NULL, 1, 9}, {NULL, 5, 0}, {NULL, 5, 2}, {NULL, 136, -1},
};

static struct cJSON *strings(const char *const *words, size_t n_words)
{
	struct cJSON *list = bl_json_array();

	for (size_t i = 0; i < n_words; i++)
		bl_json_append(list, bl_json_string(words[i]));
	return list;
}

static struct cJSON *make_user(uid_t uid)
{
	struct cJSON *user = bl_json_object();

	bl_json_set_number(user, "uid", uid);
	bl_json_set_number(user, "gid", uid);
	return user;
}

/* No core files: they would hold the guest's memory. */
static struct cJSON *make_rlimits(void)
{
	struct cJSON *rlimits = bl_json_array(), *core = bl_json_object();

	bl_json_set_string(core, "type", "RLIMIT_CORE");
	bl_json_set_number(core, "soft", 0);
	bl_json_set_number(core, "hard", 0);
	bl_json_append(rlimits, core);
	return rlimits;
}

static struct cJSON *make_process(const struct bundle_spec *spec)
{
	const char *args[] = {LAUNCHER_PATH, "--monitor", "--namespace", spec->namespace,
			      "--name",      spec->name,  "--uid",       spec->vmi_uid};
	static const char *const env[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		("HOME=" BL_LAUNCHER_PRIVATE_DIR),
		"XDG_RUNTIME_DIR=/var/run",
		"LANG=C.UTF-8",
	};
	struct cJSON *process = bl_json_object();

	bl_json_set_bool(process, "terminal", false);
	bl_json_set(process, "user", make_user(spec->uid));
	bl_json_set(process, "args", strings(args, N(args)));
	bl_json_set(process, "env", strings(env, N(env)));
	bl_json_set_string(process, "cwd", "/");
	bl_json_set(process, "capabilities", bl_json_object());
	bl_json_set(process, "rlimits", make_rlimits());
	bl_json_set_bool(process, "noNewPrivileges", true);
	return process;
}

static struct cJSON *make_root(const char *path)
{
	struct cJSON *root = bl_json_object();

	bl_json_set_string(root, "path", path);
	bl_json_set_bool(root, "readonly", true);
	return root;
}

static struct cJSON *add_mount(struct cJSON *mounts, const char *destination, const char *type,
			       const char *source)
{
	struct cJSON *mount = bl_json_object(), *options = bl_json_array();

	bl_json_set_string(mount, "destination", destination);
	bl_json_set_string(mount, "type", type);
	bl_json_set_string(mount, "source", source);
	bl_json_append(options, bl_json_string("nosuid"));
	bl_json_set(mount, "options", options);
	bl_json_append(mounts, mount);
	return options;
}

static void add_options(struct cJSON *options, const char *const *words, size_t n_words)
{
	for (size_t i = 0; i < n_words; i++)
		bl_json_append(options, bl_json_string(words[i]));
}

/* A tmpfs that belongs to the VM's user; its pages count towards the memory limit. */
static void add_tmpfs(struct cJSON *mounts, const char *destination, uid_t uid, const char *size)
{
	bl_autofree char *owner = bl_format("uid=%u", uid);
	bl_autofree char *group = bl_format("gid=%u", uid);
	bl_autofree char *limit = bl_format("size=%s", size);
	const char *words[] = {"nodev", "noexec", "mode=0755", owner, group, limit};

	add_options(add_mount(mounts, destination, "tmpfs", "tmpfs"), words, N(words));
}

static void add_bind(struct cJSON *mounts, const char *source, const char *destination,
		     bool readonly)
{
	const char *words[] = {"bind", "nodev", readonly ? "ro" : "rw"};

	add_options(add_mount(mounts, destination, "bind", source), words, N(words));
}

static void add_kernel_mounts(struct cJSON *mounts)
{
	static const char *const proc[] = {"nodev", "noexec"};
	static const char *const dev[] = {"strictatime", "mode=0755", "size=65536k"};
	static const char *const pts[] = {"noexec", "newinstance", "ptmxmode=0666", "mode=0620",
					  "gid=5"};
	static const char *const shm[] = {"nodev", "noexec", "mode=1777", "size=65536k"};
	static const char *const sys[] = {"nodev", "noexec", "ro"};

	add_options(add_mount(mounts, "/proc", "proc", "proc"), proc, N(proc));
	add_options(add_mount(mounts, "/dev", "tmpfs", "tmpfs"), dev, N(dev));
	add_options(add_mount(mounts, "/dev/pts", "devpts", "devpts"), pts, N(pts));
	add_options(add_mount(mounts, "/dev/shm", "tmpfs", "shm"), shm, N(shm));
	add_options(add_mount(mounts, "/sys", "sysfs", "sysfs"), sys, N(sys));
}

/* /var/run is a link to /run in the sandbox, so KubeVirt's paths below it land on these. */
static struct cJSON *make_mounts(const struct bundle_spec *spec)
{
	struct cJSON *mounts = bl_json_array();

	add_kernel_mounts(mounts);
	rootfs_mounts(mounts);
	add_bind(mounts, spec->launcher, LAUNCHER_PATH, true);
	add_tmpfs(mounts, "/tmp", spec->uid, "64m");
	add_tmpfs(mounts, "/var/tmp", spec->uid, "64m");
	add_tmpfs(mounts, "/run", spec->uid, "64m");
	add_tmpfs(mounts, BL_LAUNCHER_RUN_DIR, spec->uid, "64m");
	add_bind(mounts, spec->sockets, BL_LAUNCHER_SOCKET_DIR, false);
	add_bind(mounts, spec->private, BL_LAUNCHER_PRIVATE_DIR, false);
	add_bind(mounts, spec->disks, BL_LAUNCHER_EPHEMERAL_DIR, false);
	for (size_t i = 0; i < spec->n_volumes; i++)
		add_bind(mounts, spec->volumes[i].host_path, spec->volumes[i].guest_path,
			 spec->volumes[i].readonly);
	return mounts;
}

static void add_device(struct cJSON *devices, const struct device *device, uid_t uid)
{
	struct cJSON *entry = make_user(uid);

	bl_json_set_string(entry, "path", device->path);
	bl_json_set_string(entry, "type", "c");
	bl_json_set_number(entry, "major", device->major);
	bl_json_set_number(entry, "minor", device->minor);
	bl_json_set_number(entry, "fileMode", 0600);
	bl_json_append(devices, entry);
}

static struct cJSON *make_devices(const struct bundle_spec *spec)
{
	struct cJSON *devices = bl_json_array();

	add_device(devices, &tun_device, spec->uid);
	if (spec->kvm)
		add_device(devices, &kvm_device, spec->uid);
	if (spec->vhost_net)
		add_device(devices, &vhost_device, spec->uid);
	return devices;
}

static void allow_device(struct cJSON *rules, const struct device *device)
{
	struct cJSON *rule = bl_json_object();

	bl_json_set_bool(rule, "allow", true);
	bl_json_set_string(rule, "type", "c");
	bl_json_set_number(rule, "major", device->major);
	if (device->minor >= 0)
		bl_json_set_number(rule, "minor", device->minor);
	bl_json_set_string(rule, "access", "rw");
	bl_json_append(rules, rule);
}

static struct cJSON *make_device_rules(const struct bundle_spec *spec)
{
	struct cJSON *rules = bl_json_array(), *deny_all = bl_json_object();

	bl_json_set_bool(deny_all, "allow", false);
	bl_json_set_string(deny_all, "access", "rwm");
	bl_json_append(rules, deny_all);
	for (size_t i = 0; i < N(basic_devices); i++)
		allow_device(rules, &basic_devices[i]);
	allow_device(rules, &tun_device);
	if (spec->kvm)
		allow_device(rules, &kvm_device);
	if (spec->vhost_net)
		allow_device(rules, &vhost_device);
	return rules;
}

static struct cJSON *make_cpu(const struct bundle_limits *limits)
{
	struct cJSON *cpu = bl_json_object();
	int64_t shares = limits->cpu_request_milli * 1024 / 1000;

	if (limits->cpu_request_milli)
		bl_json_set_number(cpu, "shares",
				   shares < CPU_SHARES_MIN ? CPU_SHARES_MIN : shares);
	if (limits->cpu_limit_milli) {
		bl_json_set_number(cpu, "period", CPU_PERIOD_US);
		bl_json_set_number(cpu, "quota", limits->cpu_limit_milli * (CPU_PERIOD_US / 1000));
	}
	return cpu;
}

static struct cJSON *make_resources(const struct bundle_spec *spec)
{
	const struct bundle_limits *limits = &spec->limits;
	struct cJSON *resources = bl_json_object();

	bl_json_set(resources, "devices", make_device_rules(spec));
	if (limits->memory_bytes)
		bl_json_set_number(bl_json_ensure(resources, "memory"), "limit",
				   limits->memory_bytes);
	if (limits->cpu_request_milli || limits->cpu_limit_milli)
		bl_json_set(resources, "cpu", make_cpu(limits));
	if (limits->pids)
		bl_json_set_number(bl_json_ensure(resources, "pids"), "limit", limits->pids);
	return resources;
}

static struct cJSON *make_namespaces(const char *netns)
{
	static const char *const private[] = {"pid", "ipc", "uts", "mount"};
	struct cJSON *namespaces = bl_json_array(), *network = bl_json_object();

	for (size_t i = 0; i < N(private); i++) {
		struct cJSON *entry = bl_json_object();

		bl_json_set_string(entry, "type", private[i]);
		bl_json_append(namespaces, entry);
	}
	bl_json_set_string(network, "type", "network");
	bl_json_set_string(network, "path", netns);
	bl_json_append(namespaces, network);
	return namespaces;
}

static struct cJSON *make_linux(const struct bundle_spec *spec)
{
	static const char *const masked[] = {"/proc/kcore",       "/proc/keys", "/proc/timer_list",
					     "/proc/sched_debug", "/proc/acpi", "/sys/firmware"};
	static const char *const readonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
					       "/proc/sysrq-trigger"};
	struct cJSON *linux_part = bl_json_object();

	bl_json_set(linux_part, "namespaces", make_namespaces(spec->netns));
	bl_json_set(linux_part, "devices", make_devices(spec));
	bl_json_set_string(linux_part, "cgroupsPath", spec->cgroups_path);
	bl_json_set(linux_part, "resources", make_resources(spec));
	bl_json_set(linux_part, "seccomp", bundle_seccomp());
	bl_json_set(linux_part, "maskedPaths", strings(masked, N(masked)));
	bl_json_set(linux_part, "readonlyPaths", strings(readonly, N(readonly)));
	return linux_part;
}

struct cJSON *bundle_make(const struct bundle_spec *spec)
{
	struct cJSON *config = bl_json_object();

	bl_json_set_string(config, "ociVersion", "1.0.2");
	bl_json_set(config, "process", make_process(spec));
	bl_json_set(config, "root", make_root(spec->rootfs));
	bl_json_set_string(config, "hostname", spec->hostname);
	bl_json_set(config, "mounts", make_mounts(spec));
	bl_json_set(config, "linux", make_linux(spec));
	return config;
}
