/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this node counts, for Prometheus: /metrics, /healthz (the loop turns) and /readyz (the datapath
 * answers and VMs are looked after). It only reads: whoever does something that takes time keeps a
 * struct histogram of its own.
 */
#pragma once

#include <stdbool.h>

#include <beeline/err.h>
#include <beeline/loop.h>

#define METRICS_ADDRESS "127.0.0.1:10962"

struct endpoints;
struct metrics;
struct policy;

struct metrics_config {
	struct bl_loop *loop;
	/* as bl_http_address() reads it; "": none. NULL is METRICS_ADDRESS, and none with a warning when
	 * that is taken: what nobody asked for must not keep the agent from its VMs. */
	const char *address;
	const char *node;
	const struct endpoints *endpoints;
	const struct policy *policy; /* NULL: there is none */
	const bool *ready;           /* are VMs looked after? */
};

/* *ret_metrics is NULL when there is to be no server. */
int metrics_new(const struct metrics_config *config, struct metrics **ret_metrics,
		struct bl_err *err);
void metrics_free(struct metrics *metrics);
