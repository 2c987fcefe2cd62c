/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Container Network Interface: reads a network's configuration list and runs its chain of plugins
 * (the CNI specification 1.0, section 4). Where results are kept is the caller's business.
 */
#pragma once

#include <stdint.h>

#include <beeline/err.h>
#include <beeline/json.h>
#include <beeline/loop.h>

/* Reads and checks a conflist (or a single plugin's conf, which becomes a list of one); path NULL is
 * the built-in one, deploy/cni/beeline.conflist. Leases of host-local go below state_dir unless the
 * file says otherwise. Agents with different state directories share the host's network: the
 * built-in list gives each block of addresses to one of them, and block chooses which (0: the
 * first, as in the file). The caller owns *ret_conflist. */
#define CNI_BLOCKS 64
int cni_conf_load(const char *path, const char *state_dir, uint32_t block,
		  struct cJSON **ret_conflist, struct bl_err *err);

/* Whether all plugins that the list names are there, -ENOENT with the first that is not. */
int cni_check_plugins(const struct cJSON *conflist, const char *bin_dir, struct bl_err *err);

/* What a chain is run for. All borrowed for the call. */
struct cni_attachment {
	const struct cJSON *conflist;
	const struct cJSON
		*result; /* DEL: what ADD has returned, or NULL when it never came so far */
	const char *bin_dir;
	const char *container_id;
	const char *netns;  /* path; DEL: "" when it is gone */
	const char *ifname; /* "eth0" */
	const char *args;   /* CNI_ARGS: "K=V;K=V" */
	/* A file that plugins read their input from and that is locked as long as one runs, even one
	 * that outlived its agent: two of them must not work on the same attachment. */
	const char *lock;
};

/* result is that of the last plugin, borrowed, NULL after DEL and on failure; err is NULL when the
 * whole chain succeeded. */
typedef void cni_fn(const struct cJSON *result, const struct bl_err *err, void *data);

struct cni_run;

/* Runs the chain forwards; stops at the first plugin that fails. The caller then deletes what the
 * others have made. -EBUSY when a plugin of an earlier run has not ended yet. */
int cni_add(struct bl_loop *loop, const struct cni_attachment *attachment, cni_fn *fn, void *data,
	    struct cni_run **ret_run, struct bl_err *err);
/* Runs the chain backwards; a plugin that fails does not keep the others from cleaning up, and the
 * first failure is reported. */
int cni_del(struct bl_loop *loop, const struct cni_attachment *attachment, cni_fn *fn, void *data,
	    struct cni_run **ret_run, struct bl_err *err);
/* Stops waiting: fn is not called any more. The plugin that runs goes on to its end, since one that
 * is killed half-way leaves what nobody can find again. */
void cni_abandon(struct cni_run *run);
