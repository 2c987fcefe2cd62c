/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VirtualMachines of the standalone store: does what the pure plan (beeline/plan.h) says a VM wants of
 * its VirtualMachineInstance. In a cluster the controller does this.
 */
#pragma once

#include <beeline/loop.h>

struct vms;
struct objects;

struct vms *vms_new(struct bl_loop *loop, struct objects *objects);
void vms_free(struct vms *vms);
