/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What shall run: the VMI and the agent's facts of the latest sync, the files behind its disks, and
 * from these the domain's XML. Knows nothing of what runs.
 */
#pragma once

#include <beeline/err.h>
#include <beeline/json.h>
#include <beeline/vmi.h>

#include "disk.h"
#include "prepared.h"

struct blueprint {
	struct bl_vmi *vmi;
	struct prepared *prepared;
	struct disk_plan plan;
	bool disks_ready;
};

/* From the members of a sync; the caller owns *ret_blueprint. */
int blueprint_new(const struct cJSON *vmi, const struct cJSON *prepared,
		  struct blueprint **ret_blueprint, struct bl_err *err);
void blueprint_free(struct blueprint *blueprint);
BL_DEFINE_AUTO(blueprint, struct blueprint *, blueprint_free)
#define bl_auto_blueprint bl_cleanup(bl_auto_blueprint_fn)

/* The domain's XML; the caller frees. Disks must be ready. */
int blueprint_format(const struct blueprint *blueprint, char **ret_xml, struct bl_err *err);
/* Adds what launcher.h's state says of it: emulation and interfaces. */
void blueprint_describe(const struct blueprint *blueprint, struct cJSON *state);
