/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's parts, as main.c put them together. For main.c and the API; the rooms behind them are
 * given what they need and do not know this. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "config.h"
#include "kvm.h"

struct agent {
	struct config config;
	struct bl_loop *loop;
	struct objects *objects;
	struct source *source;
	struct images *images;
	struct sandboxes *sandboxes;
	struct datapath *datapath;
	struct policy *policy;
	struct endpoints *endpoints;
	struct vmis *vmis;
	struct vms *vms;
	struct api *api;
	struct metrics *metrics; /* NULL: nobody wants them */
	char *launcher;          /* path on the host */
	char node_name[65];
	uid_t vm_uid;
	struct kvm_probe kvm_probe;
	bool kvm;
	const char *kvm_reason; /* why it is (not) used */
	bool ready;             /* VMs are looked after */
	bool vhost_net;
	int lock_fds[2]; /* -1: not taken */
};
