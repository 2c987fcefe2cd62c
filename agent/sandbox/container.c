// SPDX-License-Identifier: Apache-2.0
/*
 * The container of a sandbox. What it shall be is decided when it is asked for, from the VMI, and
 * kept in the operation; the steps then clear what an earlier attempt left, write the bundle, and let
 * the runtime start it.
 */
#include "oci.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <beeline/file.h>

#include "bundle.h"
#include "rootfs.h"

/* QEMU's and libvirt's threads, with room for those of block I/O. */
#define PIDS_BASE 512

#define VHOST_NET "/dev/vhost-net"

struct sandbox_container {
	char *hostname, *domain;
	char **dns, **searches;
	size_t n_dns, n_searches;
	struct bundle_limits limits;
	char *degraded; /* NULL: all limits could be given */
	struct sandbox_volume *volumes;
	size_t n_volumes;
};

static char **copy_strings(char *const *words, size_t n_words)
{
	char **copy = bl_alloc(n_words * sizeof(*copy));

	for (size_t i = 0; i < n_words; i++)
		copy[i] = bl_strdup(words[i]);
	return copy;
}

static void free_strings(char **words, size_t n_words)
{
	for (size_t i = 0; i < n_words; i++)
		free(words[i]);
	free(words);
}

static struct sandbox_volume *copy_volumes(const struct sandbox_volume *volumes, size_t n_volumes)
{
	struct sandbox_volume *copy = bl_alloc(n_volumes * sizeof(*copy));

	for (size_t i = 0; i < n_volumes; i++)
		copy[i] = (struct sandbox_volume){
			.name = bl_strdup(volumes[i].name),
			.host_path = bl_strdup(volumes[i].host_path),
			.guest_path = bl_strdup(volumes[i].guest_path),
			.readonly = volumes[i].readonly,
		};
	return copy;
}

/* A limit that is wanted but cannot be had is dropped and named. */
static void check_limit(struct sandbox_container *container, int64_t *limit, bool supported,
			const char *what)
{
	bl_autofree char *before = container->degraded;

	if (!*limit || supported) {
		bl_take_ptr(before);
		return;
	}
	*limit = 0;
	container->degraded = bl_format("%s%s%s", before ? before : "this host has no cgroup for: ",
					before ? ", " : "", what);
}

static void decide_limits(struct sandbox_container *container, const struct sandboxes *sandboxes,
			  const struct bl_vmi *vmi)
{
	const struct cgroup_support *cgroups = &sandboxes->cgroups;
	struct bundle_limits *limits = &container->limits;

	*limits = (struct bundle_limits){
		.memory_bytes =
			vmi->memory_bytes + bl_vmi_overhead_bytes(vmi, !sandboxes->config.kvm),
		.cpu_request_milli = vmi->cpu_request_milli,
		.cpu_limit_milli = vmi->cpu_limit_milli,
		.pids = PIDS_BASE + bl_vmi_vcpus(vmi),
	};
	check_limit(container, &limits->memory_bytes, cgroups->memory, "memory");
	check_limit(container, &limits->cpu_request_milli, cgroups->cpu_shares, "cpu requests");
	check_limit(container, &limits->cpu_limit_milli, cgroups->cpu_quota, "cpu limits");
	check_limit(container, &limits->pids, cgroups->pids, "pids");
}

struct sandbox_container *sandbox_container_new(const struct sandboxes *sandboxes,
						const struct bl_vmi *vmi,
						const struct sandbox_volume *volumes,
						size_t n_volumes)
{
	struct sandbox_container *container = bl_alloc(sizeof(*container));

	container->hostname = bl_strdup(vmi->hostname ? vmi->hostname : vmi->name);
	if (vmi->subdomain)
		container->domain = bl_format("%s.%s", vmi->subdomain, vmi->namespace);
	container->dns = copy_strings(vmi->dns_servers, vmi->n_dns_servers);
	container->n_dns = vmi->n_dns_servers;
	container->searches = copy_strings(vmi->dns_searches, vmi->n_dns_searches);
	container->n_searches = vmi->n_dns_searches;
	container->volumes = copy_volumes(volumes, n_volumes);
	container->n_volumes = n_volumes;
	decide_limits(container, sandboxes, vmi);
	return container;
}

void sandbox_container_free(struct sandbox_container *container)
{
	if (!container)
		return;
	for (size_t i = 0; i < container->n_volumes; i++) {
		free((char *)container->volumes[i].name);
		free((char *)container->volumes[i].host_path);
		free((char *)container->volumes[i].guest_path);
	}
	free(container->volumes);
	free_strings(container->dns, container->n_dns);
	free_strings(container->searches, container->n_searches);
	free(container->hostname);
	free(container->domain);
	free(container->degraded);
	free(container);
}

static bool is_incarnation(const struct sandbox_op *op)
{
	bl_autofree char *recorded = sandbox_record_uid(op->paths);

	return recorded && strcmp(recorded, op->uid) == 0;
}

static int step_container_runs(struct sandbox_op *op, struct bl_err *err)
{
	if (!sandbox_has_network(op->sandboxes, op->paths))
		return bl_fail(err, -ENETDOWN, "%s/%s has no network yet", op->namespace, op->name);
	if (sandbox_pid(op->sandboxes, op->paths) && is_incarnation(op))
		return SANDBOX_OP_DONE;
	return 0;
}

static void on_call_done(const struct bl_err *err, void *data)
{
	sandbox_op_resume(data, err);
}

static void on_end(struct bl_io *io, uint32_t events)
{
	struct sandbox_op *op = io->data;
	int fd = io->fd;

	bl_io_remove(io);
	close(fd);
	sandbox_op_resume(op, NULL);
}

/* A container that the runtime has forgotten, with its state in the run directory: its PID 1 takes all
 * of its pid namespace along. */
static int kill_forgotten(struct sandbox_op *op, struct bl_err *err)
{
	pid_t pid = sandbox_pid(op->sandboxes, op->paths);
	bl_autoclose int fd = pid ? pidfd_open(pid, 0) : -1;
	int r;

	/* First the handle, then the check: so the number cannot change hands in between. */
	if (fd < 0 || sandbox_pid(op->sandboxes, op->paths) != pid)
		return 0;
	r = bl_io_add(op->sandboxes->loop, &op->end, fd, EPOLLIN, on_end, op, err);
	if (r < 0)
		return r;
	pidfd_send_signal(bl_take_fd(&fd), SIGKILL, NULL, 0);
	return SANDBOX_OP_WAIT;
}

int sandbox_step_delete_container(struct sandbox_op *op, struct bl_err *err)
{
	int r;

	sandbox_watch_remove(op->sandboxes, op->namespace, op->name);
	if (!runtime_knows(&op->sandboxes->runtime, op->paths->id))
		return kill_forgotten(op, err);
	r = runtime_delete(&op->sandboxes->runtime, op->paths->id, on_call_done, op, &op->call,
			   err);
	return r < 0 ? r : SANDBOX_OP_WAIT;
}

/* A directory of the VM's user, which decides alone what is in it. */
static int make_owned_dir(const char *path, uid_t uid, struct bl_err *err)
{
	int r = bl_dir_make(path, 0700, err);

	if (r < 0)
		return r;
	if (chmod(path, 0700) < 0 || lchown(path, uid, uid) < 0)
		return bl_fail_errno(err, -errno, "giving %s to the VM's user", path);
	return 0;
}

static int step_make_dirs(struct sandbox_op *op, struct bl_err *err)
{
	uid_t uid = op->sandboxes->config.vm_uid;
	int r = bl_dir_remove(op->paths->bundle, err);

	if (r == 0)
		r = bl_dir_remove(op->paths->sockets, err);
	if (r == 0)
		r = bl_dir_make(op->paths->rootfs, 0755, err);
	if (r == 0)
		r = make_owned_dir(op->paths->sockets, uid, err);
	if (r == 0)
		r = make_owned_dir(op->paths->private, uid, err);
	return r < 0 ? r : make_owned_dir(op->paths->disks, uid, err);
}

static int step_make_rootfs(struct sandbox_op *op, struct bl_err *err)
{
	const struct sandbox_container *container = op->container;
	bl_autofree struct bl_addr *addrs = NULL;
	struct rootfs_spec spec = {
		.hostname = container->hostname,
		.domain = container->domain,
		.uid = op->sandboxes->config.vm_uid,
		.dns = container->dns,
		.n_dns = container->n_dns,
		.searches = container->searches,
		.n_searches = container->n_searches,
	};
	int r = sandbox_network_addrs(op->paths, &addrs, &spec.n_addrs, err);

	spec.addrs = addrs;
	return r < 0 ? r : rootfs_make(op->paths->rootfs, &spec, err);
}

static bool device_opens(const char *path)
{
	bl_autoclose int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd >= 0;
}

static int write_config(struct sandbox_op *op, struct bl_err *err)
{
	const struct sandbox_container *container = op->container;
	const struct sandbox_config *config = &op->sandboxes->config;
	bl_autofree char *cgroups_path = cgroup_path(&op->sandboxes->cgroups, op->paths->id);
	struct bundle_spec spec = {
		.namespace = op->namespace,
		.name = op->name,
		.vmi_uid = op->uid,
		.hostname = container->hostname,
		.launcher = config->launcher,
		.rootfs = op->paths->rootfs,
		.netns = op->paths->netns,
		.cgroups_path = cgroups_path,
		.sockets = op->paths->sockets,
		.private = op->paths->private,
		.disks = op->paths->disks,
		.uid = config->vm_uid,
		.kvm = config->kvm,
		.vhost_net = device_opens(VHOST_NET),
		.limits = container->limits,
		.volumes = container->volumes,
		.n_volumes = container->n_volumes,
	};
	bl_auto_json struct cJSON *bundle = bundle_make(&spec);

	return sandbox_file_write(op->paths->config, bundle, err);
}

static int step_make_bundle(struct sandbox_op *op, struct bl_err *err)
{
	const char *degraded = op->container->degraded;
	int r = write_config(op, err);

	if (r == 0)
		r = sandbox_record_write(op, err);
	if (r < 0)
		return r;
	unlink(op->paths->pid);
	if (degraded)
		return bl_file_write(op->paths->degraded, degraded, strlen(degraded), 0600, err);
	unlink(op->paths->degraded);
	return 0;
}

static int step_run(struct sandbox_op *op, struct bl_err *err)
{
	int r = runtime_run(&op->sandboxes->runtime, op->paths->id, op->paths->bundle,
			    op->paths->pid, on_call_done, op, &op->call, err);

	return r < 0 ? r : SANDBOX_OP_WAIT;
}

static int step_watch(struct sandbox_op *op, struct bl_err *err)
{
	return sandbox_watch_add(op->sandboxes, op->namespace, op->name, err);
}

sandbox_step *const sandbox_container_steps[] = {
	sandbox_step_await_runtime,
	step_container_runs,
	sandbox_step_delete_container,
	step_make_dirs,
	step_make_rootfs,
	step_make_bundle,
	step_run,
	step_watch,
	NULL,
};
