/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this folder share about one VMI. A record holds only what can be lost: the link to
 * the launcher, the last failure, and that a verb is under way. An observation is made afresh for each
 * look and lives as long as that look.
 *
 *   observe.c --observation--> plan.c --action--> apply.c      status.c: observation -> status
 */
#pragma once

#include <beeline/json.h>
#include <beeline/vmi.h>

#include "../endpoint.h"
#include "../image.h"
#include "../launcher_link.h"
#include "../sandbox.h"
#include "../vmis.h"
#include "plan.h"

/* The first pod interface's device; further pod networks do not exist. */
#define VMI_UPLINK "eth0"

/* Why something is not as it should be: a condition's reason and message. */
struct vmi_trouble {
	const char *reason; /* CamelCase, constant; NULL: none */
	struct bl_err err;
};

struct vmi_record {
	struct vmis *vmis;
	struct vmi_record *next;
	char *key, *namespace, *name;
	struct launcher_link *link; /* while there is a container */
	struct vmi_trouble trouble; /* of the last action */
	enum vmi_action doing;      /* an asynchronous action under way; VMI_NOTHING: none */
	bool again;                 /* the action under way repairs a failure */
	uint64_t look_after_ns;     /* how soon after the action to look again */
	bool sweeping;              /* what nobody owns any more is being taken down */
	bool attached;              /* endpoints were attached or verified by this process */
	const char *told;           /* reason of the trouble that the log tells of; NULL: none */
};

struct vmi_observation {
	const struct cJSON *document; /* borrowed; NULL: the source does not know it */
	struct bl_vmi *vmi;           /* NULL: the manifest makes no sense */
	struct sandbox_state sandbox;
	struct image *images; /* per volume of vmi; cleared ones for volumes of other kinds */
	const struct endpoint *endpoints[BL_VMI_INTERFACES_MAX]; /* per interface of vmi */
	const struct cJSON *launcher; /* its last state, borrowed, or NULL */
	struct vmi_trouble trouble;   /* what observing found */
	struct vmi_trouble cut;       /* a running guest that the network does not reach */
	struct vmi_facts facts;
};

const struct vmis_config *vmis_config(const struct vmis *vmis);

/* key is "<namespace>/<name>". */
struct vmi_record *vmi_record_new(struct vmis *vmis, const char *key);
void vmi_record_free(struct vmi_record *record);
/* A link is wanted for exactly as long as there is a container. */
void vmi_record_link(struct vmi_record *record, bool wanted);

void vmi_observe(const struct vmi_record *record, struct vmi_observation *ret_observation);
void vmi_observation_clear(struct vmi_observation *observation);

/* Takes the action. 0: done; VMI_UNDER_WAY: vmi_applied() will be called from the loop. */
#define VMI_UNDER_WAY 1
int vmi_apply(struct vmi_record *record, const struct vmi_observation *observation,
	      enum vmi_action action, struct bl_err *err);
/* An action that was under way has ended; err NULL: well. */
void vmi_applied(struct vmi_record *record, const struct bl_err *err);

/* The whole new status, owned by the caller. */
struct cJSON *vmi_status(const struct vmi_record *record, const struct vmi_observation *observation,
			 const struct vmi_plan *plan);

/* "<namespace>_<vmi>_<interface>", owned; without interface the prefix of all the VMI's endpoints.
 * No name of Kubernetes holds '_', so no two VMIs share one. */
char *vmi_endpoint_name(const char *namespace, const char *name, const char *interface);
/* What the sandbox shall show of the VMI's volumes; *ret_volumes owns its strings. */
int vmi_volumes(const struct vmis_config *config, const struct vmi_observation *observation,
		struct sandbox_volume **ret_volumes, size_t *ret_n, struct bl_err *err);
void vmi_volumes_free(struct sandbox_volume *volumes, size_t n);
/* Of one volume: whether it is a file of the host that the sandbox shows, where (owned), and how. */
bool vmi_volume_is_shown(const struct bl_volume *volume);
char *vmi_volume_guest_path(const struct bl_vmi *vmi, const struct bl_volume *volume);
bool vmi_volume_is_readonly(const struct bl_vmi *vmi, const struct bl_volume *volume);
/* Whether a hostDisk may be shown: below the node's directory, a file that the VM's user can open. One
 * that is still to be made is fine. */
int vmi_host_disk_check(const struct vmis_config *config, const struct bl_volume *volume,
			bool readonly, struct bl_err *err);
/* Makes the file of a hostDisk of type DiskOrCreate unless it is there; whole, or not at all. */
int vmi_host_disk_make(const struct vmis_config *config, const struct bl_volume *volume,
		       struct bl_err *err);
/* The same for all of a VMI. */
int vmi_make_host_disks(const struct vmis_config *config, const struct bl_vmi *vmi,
			struct bl_err *err);
/* The tap of the VMI's n-th interface, owned. */
char *vmi_tap_name(size_t n);
/* The digest that the VMI's status has pinned for this volume, or NULL. */
const char *vmi_pinned_digest(const struct cJSON *document, const char *volume);
/* Parameters of the launcher's sync, owned by the caller. */
struct cJSON *vmi_prepared(const struct vmis_config *config,
			   const struct vmi_observation *observation);
