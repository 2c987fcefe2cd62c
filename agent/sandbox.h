/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pod of one VMI: a network namespace with a CNI-made uplink, and the launcher's container in it.
 * Two implementations stand behind this header: sandbox/oci.c makes a pod on one machine (CNI plugins
 * and runc); later another finds the one that kubelet made. Which one is linked into use is
 * the agent's mode; the reconcile room does not know.
 *
 * Every verb is asynchronous and idempotent: it may be called again after a crash at any point and
 * goes on from what it finds. Its callback is called exactly once, from the loop. State lives in
 * files below the sandbox's folder, in the kernel and in runc, not in this process.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <beeline/err.h>
#include <beeline/json.h>
#include <beeline/loop.h>
#include <beeline/vmi.h>

struct sandboxes; /* the implementation with its configuration */

struct sandbox_config {
	const char *run_dir;       /* /run/beeline: gone after a reboot */
	const char *state_dir;     /* /var/lib/beeline */
	const char *cni_conf;      /* conflist file; NULL: the built-in one */
	const char *cni_bin_dir;   /* /usr/lib/cni */
	const char *launcher;      /* path of beeline-launcher on the host */
	const char *runtime;       /* "runc" */
	const char *host_disk_dir; /* hostDisk volumes only below this; NULL: refused */
	uid_t vm_uid;              /* with its gid; made known in the sandbox's own passwd */
	bool kvm;                  /* /dev/kvm goes into the sandbox; may be told later */
};

/* What the observer learns of one sandbox, without waiting. */
enum sandbox_phase {
	SANDBOX_ABSENT,  /* nothing is left of it */
	SANDBOX_PARTIAL, /* something is there, but not all: make or remove it */
	SANDBOX_NETWORK, /* namespace and uplink stand, no container */
	SANDBOX_RUNNING, /* container runs, whatever has become of the rest */
	SANDBOX_STOPPED, /* container has ended; network stands */
};

struct sandbox_state {
	enum sandbox_phase phase;
	pid_t pid;  /* of the container's PID 1 in the host; 0 */
	bool stale; /* left by an earlier boot: remove first */
	char *uid; /* owned: of the VMI that it was made for; "": nothing tells; NULL: unreadable */
	bool unnamed;   /* it runs, but its namespace is not at its path: sandbox_name_network() */
	char *degraded; /* owned: limits that this host could not give; NULL */
	const char
		*lost; /* what the host has lost of a running one, as a sentence; NULL: nothing */
};

typedef void sandbox_fn(const struct bl_err *err, void *data); /* err NULL: done */

/* Volumes as the container shall see them, in the order of the VMI's volumes. */
struct sandbox_volume {
	const char *name;
	const char *host_path;  /* file to bind */
	const char *guest_path; /* inside the sandbox */
	bool readonly;
};

int sandboxes_new(struct bl_loop *loop, const struct sandbox_config *config,
		  struct sandboxes **ret_sandboxes, struct bl_err *err);
void sandboxes_use_kvm(struct sandboxes *sandboxes, bool kvm);
void sandboxes_free(struct sandboxes *sandboxes); /* the pods go on */

int sandbox_observe(struct sandboxes *sandboxes, const char *namespace, const char *name,
		    struct sandbox_state *ret_state, struct bl_err *err);
void sandbox_state_clear(struct sandbox_state *state);

/* Network namespace bl-<namespace>-<name> (sandbox/paths.h: with '-' of the namespace as '_') and CNI
 * ADD of eth0. */
void sandbox_make_network(struct sandboxes *sandboxes, const struct bl_vmi *vmi, sandbox_fn *fn,
			  void *data);
/* Puts the namespace of a running container back to its path. At once. */
int sandbox_name_network(struct sandboxes *sandboxes, const char *namespace, const char *name,
			 struct bl_err *err);
/* OCI bundle and `runc run` of `beeline-launcher --monitor`. uid names this incarnation. */
void sandbox_run(struct sandboxes *sandboxes, const struct bl_vmi *vmi,
		 const struct sandbox_volume *volumes, size_t n_volumes, sandbox_fn *fn,
		 void *data);
/* Kills the container and removes it; the network stays. */
void sandbox_stop(struct sandboxes *sandboxes, const char *namespace, const char *name,
		  sandbox_fn *fn, void *data);
/* Takes all of it away: container, CNI DEL, namespace, cgroup, files. */
void sandbox_remove(struct sandboxes *sandboxes, const char *namespace, const char *name,
		    sandbox_fn *fn, void *data);
/* All sandboxes of which anything is left: calls fn for each (for clean-up after a crash). */
int sandboxes_for_each(struct sandboxes *sandboxes,
		       void (*fn)(const char *namespace, const char *name, void *data), void *data,
		       struct bl_err *err);

/* Directory of the sandbox's sockets on the host (bound at BL_LAUNCHER_SOCKET_DIR), opened as a
 * directory descriptor; the VM's user owns what is in it, so go on with *_beneath(). */
int sandbox_open_sockets(struct sandboxes *sandboxes, const char *namespace, const char *name,
			 int *ret_dir_fd, struct bl_err *err);
/* A log file of the sandbox, open for reading: "launcher", "console", "qemu". */
int sandbox_open_log(struct sandboxes *sandboxes, const char *namespace, const char *name,
		     const char *which, int *ret_fd, struct bl_err *err);
char *sandbox_netns_path(struct sandboxes *sandboxes, const char *namespace, const char *name);
/* Called from the loop when a container ends by itself. */
void sandboxes_on_exit(struct sandboxes *sandboxes,
		       void (*fn)(const char *namespace, const char *name, void *data), void *data);
