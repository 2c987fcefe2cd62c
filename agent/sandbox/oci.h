/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the one-machine sandbox: what its files share. A verb of sandbox.h is an operation: a list
 * of steps that run in order on the loop, some of which wait for a child (a CNI plugin, the container
 * runtime). Operations on one sandbox never overlap; those on different ones do.
 *
 *   sandbox/oci.c        the sandboxes of one agent; what can be answered without waiting
 *   sandbox/record.c     what is written down of a sandbox
 *   sandbox/list.c       which sandboxes there are
 *   sandbox/op.c         runs operations
 *   sandbox/network.c    steps: namespace and CNI
 *   sandbox/container.c  steps: bundle and runtime
 *   sandbox/block.c      whose addresses are whose, where several agents live
 *   sandbox/orphan.c     waits for the runtimes of an agent that was killed
 *   sandbox/watch.c      notices containers that end by themselves
 */
#pragma once

#include "block.h"
#include "cgroup.h"
#include "cni.h"
#include "runtime.h"
#include "../sandbox.h"
#include "paths.h"

struct sandbox_watch;
struct sandbox_op;

struct sandboxes {
	struct bl_loop *loop;
	struct sandbox_config config; /* its strings are copies */
	char *runtime_root;
	char *boot_id;
	uint32_t instance;
	struct cJSON *conflist;
	int block_fd; /* claims the agent's block of addresses; -1: it has none */
	struct cgroup_support cgroups;
	struct runtime runtime;
	struct sandbox_op *ops;        /* in the order of their arrival */
	struct sandbox_watch *watches; /* one per running container */
	void (*on_exit)(const char *namespace, const char *name, void *data);
	void *on_exit_data;
};

/* ---- sandbox/op.c ---- */

#define SANDBOX_OP_WAIT 1 /* a step's result: sandbox_op_resume() will be called */
#define SANDBOX_OP_DONE 2 /* a step's result: nothing is left to do, later steps are skipped */

typedef int sandbox_step(struct sandbox_op *op, struct bl_err *err);

struct sandbox_op {
	struct sandboxes *sandboxes;
	struct sandbox_op *next;
	char *namespace, *name;
	char *uid; /* of the VMI that it is done for; NULL: whoever it was */
	struct sandbox_paths *paths;
	sandbox_step *const *steps; /* ended by NULL */
	size_t n_done;
	bool started;
	struct bl_timer start;
	/* What the step that waits is waiting for; NULL otherwise. */
	struct cni_run *cni;
	struct runtime_call *call;
	struct bl_io end; /* of a container that was killed, or of an earlier agent's runtime */
	/* What the container shall be; sandbox_run only. */
	struct sandbox_container *container;
	sandbox_fn *fn;
	void *data;
};

/* Queues an operation; its first step runs from the loop. */
struct sandbox_op *sandbox_op_add(struct sandboxes *sandboxes, const char *namespace,
				  const char *name, sandbox_step *const *steps);
/* Tells an operation that waits how it went; err NULL: well. */
void sandbox_op_resume(struct sandbox_op *op, const struct bl_err *err);
/* Ends all without calling back. Their children go on to their end; the next agent goes on from
 * there. */
void sandbox_ops_free(struct sandboxes *sandboxes);

struct sandbox_paths *sandbox_paths_of(const struct sandboxes *sandboxes, const char *namespace,
				       const char *name); /* sandbox/oci.c */

/* ---- sandbox/record.c; callers own what is read, -ENOENT when there is none ---- */

/* Whose sandbox it is and of which boot. */
int sandbox_record_read(const struct sandbox_paths *paths, struct cJSON **ret_record,
			struct bl_err *err);
int sandbox_record_write(struct sandbox_op *op, struct bl_err *err);
/* The uid of the VMI that it was made for; "" when nothing tells, NULL when that cannot be read. The
 * caller frees. */
char *sandbox_record_uid(const struct sandbox_paths *paths);
/* The CNI attachment: what DEL needs, and the result of ADD when it came so far. */
int sandbox_network_read(const struct sandbox_paths *paths, struct cJSON **ret_network,
			 struct bl_err *err);
int sandbox_network_write(struct sandbox_op *op, const char *args, const struct cJSON *result,
			  struct bl_err *err);
void sandbox_network_forget(const struct sandbox_paths *paths);
/* One JSON file of ours. */
int sandbox_file_read(const char *path, struct cJSON **ret_json, struct bl_err *err);
int sandbox_file_write(const char *path, const struct cJSON *json, struct bl_err *err);

/* ---- sandbox/network.c ---- */

extern sandbox_step *const sandbox_network_steps[];
/* Undoes CNI ADD, or what there is of it. */
int sandbox_step_detach(struct sandbox_op *op, struct bl_err *err);
int sandbox_step_remove_netns(struct sandbox_op *op, struct bl_err *err);
/* Whether namespace and uplink stand, made in this boot. */
bool sandbox_has_network(const struct sandboxes *sandboxes, const struct sandbox_paths *paths);
/* Is it written down how this boot's network was made? */
bool sandbox_has_record(const struct sandboxes *sandboxes, const struct sandbox_paths *paths);
/* Does the path lead to the namespace that this process of the container is in? */
bool sandbox_is_named(const struct sandbox_paths *paths, pid_t pid);
/* The pod's addresses by the result of ADD; the caller frees. */
int sandbox_network_addrs(const struct sandbox_paths *paths, struct bl_addr **ret_addrs,
			  size_t *ret_n_addrs, struct bl_err *err);

/* ---- sandbox/orphan.c ---- */

/* Waits for runtimes of an earlier agent that still work on the container. */
int sandbox_step_await_runtime(struct sandbox_op *op, struct bl_err *err);

/* ---- sandbox/container.c ---- */

extern sandbox_step *const sandbox_container_steps[];
/* Kills and removes the container if there is one. */
int sandbox_step_delete_container(struct sandbox_op *op, struct bl_err *err);
struct sandbox_container *sandbox_container_new(const struct sandboxes *sandboxes,
						const struct bl_vmi *vmi,
						const struct sandbox_volume *volumes,
						size_t n_volumes);
void sandbox_container_free(struct sandbox_container *container);

/* ---- sandbox/watch.c ---- */

/* The pid of the sandbox's live PID 1, checked to be that and no later process of the same number;
 * 0 when there is none. Its cgroup tells when the runtime's file is lost. */
pid_t sandbox_pid(const struct sandboxes *sandboxes, const struct sandbox_paths *paths);
/* Watches a running container; fine when it is watched already. */
int sandbox_watch_add(struct sandboxes *sandboxes, const char *namespace, const char *name,
		      struct bl_err *err);
void sandbox_watch_remove(struct sandboxes *sandboxes, const char *namespace, const char *name);
void sandbox_watches_free(struct sandboxes *sandboxes);
