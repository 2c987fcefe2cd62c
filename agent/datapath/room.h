/* SPDX-License-Identifier: Apache-2.0 */
/* What datapath.c, datapath/maps.c and hook.c share, and nobody else. */
#pragma once

#include "../datapath.h"

struct bl_datapath; /* the skeleton */

/* enum bpf_attach_type of kernel 6.6, which older headers lack. */
#define BL_TCX_INGRESS 46
#define BL_TCX_EGRESS  47

struct datapath {
	struct bl_datapath *skeleton;
	char *bpffs_dir;
	char *hurry;             /* marker of rcu.h */
	int lock_fd;             /* two agents on one set of maps would write over each other */
	enum datapath_mode mode; /* never AUTO */
	int n_cpus;
	int progs_fd; /* of bl_progs; the skeleton's */
};

/* Folder of an endpoint's pins; the caller frees. bpffs names hold no dot: '.' becomes "%2e" and
 * '%' "%25". */
char *datapath_endpoint_dir(const struct datapath *datapath, const char *endpoint);
