/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's options, and what follows from them about this machine before anything is started. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include <beeline/err.h>
#include <beeline/option.h>

struct config {
	const char *socket, *group;
	const char *state_dir, *run_dir, *bpffs;
	const char *cni_conf, *cni_bin_dir;
	const char *launcher; /* NULL: as config_launcher() finds it */
	const char *runtime;
	const char *host_disk_dir;
	long vm_user;                /* 0: chosen once and kept in the state directory */
	const char *policy;          /* see policy_mode() */
	const char *attach;          /* see datapath_mode_of() */
	const char *metrics_address; /* NULL: METRICS_ADDRESS if it is free */
	const char *log_level, *log_format;
};

extern const struct bl_option config_options[];

/* What can never work. */
int config_check(const struct config *config, struct bl_err *err);
/* What is not there, a sentence each, and may come later: endpoints of other VMMs need none of it. The
 * caller frees. Returns how many. */
#define CONFIG_MISSING_MAX 3
size_t config_missing(const struct config *config, char *ret_sentences[CONFIG_MISSING_MAX]);
/* The launcher's path: as given, else beside this program's own file, owned by the caller. */
int config_launcher(const struct config *config, char **ret_path, struct bl_err *err);
/* The uid that VMs run as: as given, else one that no account of the host has, kept so that VMs and
 * their files belong to the same user after a restart. */
int config_vm_uid(const struct config *config, uid_t *ret_uid, struct bl_err *err);
/* Makes the state and run directories and takes them for this agent as long as both descriptors are
 * open (-1: not taken); -EBUSY names the one that another agent has. */
int config_lock(const struct config *config, int ret_fds[2], struct bl_err *err);
