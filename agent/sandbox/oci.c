// SPDX-License-Identifier: Apache-2.0
/*
 * The pods of one machine, made of CNI plugins and an OCI runtime. This file holds what an agent has
 * of them, and answers without waiting: from records on disk, from the kernel, never from memory.
 * What takes time is queued (sandbox/op.c).
 */
#include "oci.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <beeline/file.h>
#include <beeline/launcher.h>

#include "../bootid.h"

#define DEGRADED_MAX 1024

static void config_copy(struct sandbox_config *to, const struct sandbox_config *from)
{
	*to = *from;
	to->run_dir = bl_strdup(from->run_dir);
	to->state_dir = bl_strdup(from->state_dir);
	to->cni_conf = bl_strdup(from->cni_conf);
	to->cni_bin_dir = bl_strdup(from->cni_bin_dir);
	to->launcher = bl_strdup(from->launcher);
	to->runtime = bl_strdup(from->runtime);
	to->host_disk_dir = bl_strdup(from->host_disk_dir);
}

static void config_clear(struct sandbox_config *config)
{
	free((char *)config->run_dir);
	free((char *)config->state_dir);
	free((char *)config->cni_conf);
	free((char *)config->cni_bin_dir);
	free((char *)config->launcher);
	free((char *)config->runtime);
	free((char *)config->host_disk_dir);
}

void sandboxes_free(struct sandboxes *sandboxes)
{
	if (!sandboxes)
		return;
	sandbox_ops_free(sandboxes);
	sandbox_watches_free(sandboxes);
	bl_json_free(sandboxes->conflist);
	if (sandboxes->block_fd >= 0)
		close(sandboxes->block_fd);
	free(sandboxes->runtime_root);
	free(sandboxes->boot_id);
	config_clear(&sandboxes->config);
	free(sandboxes);
}

static void free_half_made(struct sandboxes **sandboxes)
{
	sandboxes_free(*sandboxes);
}

int sandboxes_new(struct bl_loop *loop, const struct sandbox_config *config,
		  struct sandboxes **ret_sandboxes, struct bl_err *err)
{
	bl_cleanup(free_half_made) struct sandboxes *sandboxes = bl_alloc(sizeof(*sandboxes));
	uint32_t block = 0;
	int r;

	sandboxes->block_fd = -1;
	sandboxes->loop = loop;
	config_copy(&sandboxes->config, config);
	sandboxes->instance = sandbox_instance(config->state_dir);
	sandboxes->runtime_root = bl_format("%s/runc", config->run_dir);
	cgroup_probe(&sandboxes->cgroups);
	sandboxes->runtime = (struct runtime){
		.loop = loop,
		.program = sandboxes->config.runtime,
		.root = sandboxes->runtime_root,
		.systemd_cgroup = sandboxes->cgroups.systemd,
	};
	r = boot_id(&sandboxes->boot_id, err);
	if (r == 0 && !config->cni_conf)
		r = block_claim(config->state_dir, sandboxes->instance % CNI_BLOCKS, &block,
				&sandboxes->block_fd, err);
	if (r == 0)
		r = cni_conf_load(config->cni_conf, config->state_dir, block, &sandboxes->conflist,
				  err);
	if (r == 0)
		r = bl_dir_make(sandboxes->runtime_root, 0700, err);
	if (r < 0)
		return r;
	*ret_sandboxes = bl_take_ptr(sandboxes);
	return 0;
}

void sandboxes_use_kvm(struct sandboxes *sandboxes, bool kvm)
{
	sandboxes->config.kvm = kvm;
}

struct sandbox_paths *sandbox_paths_of(const struct sandboxes *sandboxes, const char *namespace,
				       const char *name)
{
	return sandbox_paths_new(sandboxes->config.run_dir, sandboxes->config.state_dir,
				 sandboxes->instance, namespace, name);
}

/* ---- observing ---- */

static bool is_stale(const struct sandboxes *sandboxes, const struct sandbox_paths *paths)
{
	bl_auto_json struct cJSON *record = NULL;
	const char *boot_id;

	if (sandbox_record_read(paths, &record, NULL) < 0)
		return false;
	boot_id = bl_json_get_string(record, "bootId");
	return !boot_id || strcmp(boot_id, sandboxes->boot_id) != 0;
}

static enum sandbox_phase find_phase(const struct sandboxes *sandboxes,
				     const struct sandbox_paths *paths, pid_t pid)
{
	if (pid)
		return SANDBOX_RUNNING;
	if (!bl_file_exists(paths->state) && !bl_file_exists(paths->run) &&
	    !bl_file_exists(paths->netns))
		return SANDBOX_ABSENT;
	if (!sandbox_has_network(sandboxes, paths))
		return SANDBOX_PARTIAL;
	return runtime_knows(&sandboxes->runtime, paths->id) ? SANDBOX_STOPPED : SANDBOX_NETWORK;
}

/* A guest outlives the files that tell of it. */
static const char *find_loss(const struct sandboxes *sandboxes, const struct sandbox_paths *paths)
{
	if (!bl_file_exists(paths->sockets))
		return "the VM's files in the run directory are lost";
	if (!sandbox_has_record(sandboxes, paths))
		return "the record of the pod's network is lost";
	return NULL;
}

int sandbox_observe(struct sandboxes *sandboxes, const char *namespace, const char *name,
		    struct sandbox_state *ret_state, struct bl_err *err)
{
	bl_auto_sandbox_paths struct sandbox_paths *paths =
		sandbox_paths_of(sandboxes, namespace, name);
	struct sandbox_state state = {.stale = is_stale(sandboxes, paths)};

	state.pid = state.stale ? 0 : sandbox_pid(sandboxes, paths);
	/* It may end between the look and the watch; then it has ended. */
	if (state.pid && sandbox_watch_add(sandboxes, namespace, name, NULL) < 0)
		state.pid = 0;
	state.phase = find_phase(sandboxes, paths, state.pid);
	state.uid = sandbox_record_uid(paths);
	if (state.phase == SANDBOX_RUNNING) {
		state.unnamed = !sandbox_is_named(paths, state.pid);
		state.lost = find_loss(sandboxes, paths);
		bl_file_read(paths->degraded, DEGRADED_MAX, &state.degraded, NULL, NULL);
	}
	*ret_state = state;
	return 0;
}

void sandbox_state_clear(struct sandbox_state *state)
{
	free(state->degraded);
	free(state->uid);
	*state = (struct sandbox_state){0};
}

void sandboxes_on_exit(struct sandboxes *sandboxes,
		       void (*fn)(const char *namespace, const char *name, void *data), void *data)
{
	sandboxes->on_exit = fn;
	sandboxes->on_exit_data = data;
}

char *sandbox_netns_path(struct sandboxes *sandboxes, const char *namespace, const char *name)
{
	bl_auto_sandbox_paths struct sandbox_paths *paths =
		sandbox_paths_of(sandboxes, namespace, name);

	return bl_take_ptr(paths->netns);
}

/* ---- opening what the VM's user owns ---- */

static int open_dir(const char *path, int *ret_fd, struct bl_err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return bl_fail_errno(err, -errno, "opening %s", path);
	*ret_fd = fd;
	return 0;
}

int sandbox_open_sockets(struct sandboxes *sandboxes, const char *namespace, const char *name,
			 int *ret_dir_fd, struct bl_err *err)
{
	bl_auto_sandbox_paths struct sandbox_paths *paths =
		sandbox_paths_of(sandboxes, namespace, name);

	return open_dir(paths->sockets, ret_dir_fd, err);
}

/* Where a log lies below the private directory; NULL: there is no such log. The caller frees. */
static char *log_name(const struct sandbox_paths *paths, const char *namespace, const char *name,
		      const char *which)
{
	bl_autofree char *uid = sandbox_record_uid(paths);

	if (strcmp(which, "launcher") == 0)
		return bl_strdup(strrchr(BL_LAUNCHER_LOG, '/') + 1);
	if (strcmp(which, "console") == 0 && uid && *uid)
		return bl_format("%s/%s", uid, BL_LAUNCHER_SERIAL_LOG_NAME);
	if (strcmp(which, "qemu") == 0)
		return bl_format("%s/%s_%s.log",
				 &BL_LAUNCHER_QEMU_LOG_DIR[sizeof(BL_LAUNCHER_PRIVATE_DIR)],
				 namespace, name);
	return NULL;
}

int sandbox_open_log(struct sandboxes *sandboxes, const char *namespace, const char *name,
		     const char *which, int *ret_fd, struct bl_err *err)
{
	bl_auto_sandbox_paths struct sandbox_paths *paths =
		sandbox_paths_of(sandboxes, namespace, name);
	bl_autofree char *file = log_name(paths, namespace, name, which);
	bl_autoclose int dir_fd = -1, fd = -1;
	struct stat st;
	int r;

	r = file ? open_dir(paths->private, &dir_fd, err) : -ENOENT;
	if (r == -ENOENT)
		return bl_fail(err, -ENOENT, "%s/%s has no %s log: no such machine runs here",
			       namespace, name, which);
	/* Not blocking, since the VM's user may have put a pipe there. */
	if (r == 0)
		r = bl_file_open_beneath(dir_fd, file, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, &fd,
					 err);
	if (r < 0)
		return bl_wrap(err, "the %s log of %s/%s", which, namespace, name);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return bl_fail(err, -EINVAL, "the %s log of %s/%s is not a file", which, namespace,
			       name);
	*ret_fd = bl_take_fd(&fd);
	return 0;
}

/* ---- verbs ---- */

static void begin(struct sandbox_op *op, const char *uid, sandbox_fn *fn, void *data)
{
	op->uid = bl_strdup(uid);
	op->fn = fn;
	op->data = data;
}

void sandbox_make_network(struct sandboxes *sandboxes, const struct bl_vmi *vmi, sandbox_fn *fn,
			  void *data)
{
	begin(sandbox_op_add(sandboxes, vmi->namespace, vmi->name, sandbox_network_steps), vmi->uid,
	      fn, data);
}

void sandbox_run(struct sandboxes *sandboxes, const struct bl_vmi *vmi,
		 const struct sandbox_volume *volumes, size_t n_volumes, sandbox_fn *fn, void *data)
{
	struct sandbox_op *op =
		sandbox_op_add(sandboxes, vmi->namespace, vmi->name, sandbox_container_steps);

	op->container = sandbox_container_new(sandboxes, vmi, volumes, n_volumes);
	begin(op, vmi->uid, fn, data);
}

void sandbox_stop(struct sandboxes *sandboxes, const char *namespace, const char *name,
		  sandbox_fn *fn, void *data)
{
	static sandbox_step *const steps[] = {sandbox_step_await_runtime,
					      sandbox_step_delete_container, NULL};

	begin(sandbox_op_add(sandboxes, namespace, name, steps), NULL, fn, data);
}

static int step_remove_files(struct sandbox_op *op, struct bl_err *err)
{
	int r = bl_dir_remove(op->paths->run, err);

	cgroup_remove(op->paths->id);
	if (r == 0)
		r = bl_dir_remove(op->paths->disks, err);
	return r < 0 ? r : bl_dir_remove(op->paths->state, err);
}

void sandbox_remove(struct sandboxes *sandboxes, const char *namespace, const char *name,
		    sandbox_fn *fn, void *data)
{
	static sandbox_step *const steps[] = {
		sandbox_step_await_runtime, sandbox_step_delete_container,
		sandbox_step_detach,        sandbox_step_remove_netns,
		step_remove_files,          NULL};

	begin(sandbox_op_add(sandboxes, namespace, name, steps), NULL, fn, data);
}
