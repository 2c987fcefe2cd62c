/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All VMIs of this node: observe, plan, apply for one at a time, for ever. VMIs come from a source,
 * their pods from sandboxes; neither is known more closely here, so a cluster and a single machine
 * share all of it.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include <beeline/err.h>
#include <beeline/loop.h>

struct vmis;
struct launcher_link;

struct vmis_config {
	struct bl_loop *loop;
	struct source *source;
	struct sandboxes *sandboxes;
	struct endpoints *endpoints;
	struct images *images;
	uid_t vm_uid;
	bool kvm;               /* guests run under KVM here; from vmis_begin() on */
	const char *kvm_reason; /* why they do, or not */
	bool vhost_net;
	const char *host_disk_dir; /* hostDisk volumes only below this; NULL: refused */
	const char *node_name;
};

/* Strings of config are borrowed for the lifetime. Nothing is looked at before vmis_begin(). */
struct vmis *vmis_new(const struct vmis_config *config);
/* It is known how guests are run: begins with all VMIs and all that is left of former ones. */
int vmis_begin(struct vmis *vmis, bool kvm, const char *kvm_reason, struct bl_err *err);
void vmis_free(struct vmis *vmis); /* the VMs go on */

/* Something about it may have changed. */
void vmis_look(struct vmis *vmis, const char *namespace, const char *name);
void vmis_look_all(struct vmis *vmis);
/* An endpoint's kernel side changed: it is attached anew if it is a VMI's. */
void vmis_endpoint_changed(struct vmis *vmis, const char *endpoint);

/* The link to a VMI's launcher, or NULL while there is none. */
struct launcher_link *vmis_link(struct vmis *vmis, const char *namespace, const char *name);
/* Whether a VMI has this image pinned. */
bool vmis_use_image(struct vmis *vmis, const char *digest);
