/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the datapath room share, and nobody else. */
#pragma once

#include "../datapath.h"

struct bl_datapath; /* the skeleton */
struct bpf_program;

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
	uint32_t looks;                         /* at the shares of conntrack so far; totals.c */
	int progs_fd;                           /* of bl_progs; the skeleton's */
	uint32_t policy_rows[BL_ENDPOINTS_MAX]; /* of the policies in place; policies.c */
	uint64_t rules[BL_RULES_MAX / 64]; /* a bit for each counter of bl_rules in use; rules.c */
};

/* The endpoint's share of connection tracking, made anew with so many sets. */
int datapath_make_share(struct datapath *datapath, uint32_t index, uint32_t sets,
			struct bl_err *err);

/* Now, in the unit of struct bl_ct_entry. */
uint32_t datapath_ct_now(const struct datapath *datapath);
/* Has one of the programs that take orders carry one out, and try again while another CPU writes. */
int datapath_order(struct datapath *datapath, const struct bpf_program *program,
		   const struct bl_ct_order *order, enum bl_ct_outcome *ret_outcome,
		   struct bl_err *err);

/* Of one counter per CPU. */
struct bl_counter datapath_sum(const struct bl_counter *counters, int n_cpus);

/* Marks the counters that the pinned policies use. */
int datapath_adopt_policies(struct datapath *datapath, struct bl_err *err);
/* Takes the policy of an index away; it lets nothing through then. */
int datapath_remove_policy(struct datapath *datapath, uint32_t index, struct bl_err *err);

/* Folder of an endpoint's pins; the caller frees. bpffs names hold no dot: '.' becomes "%2e" and
 * '%' "%25". */
char *datapath_endpoint_dir(const struct datapath *datapath, const char *endpoint);
