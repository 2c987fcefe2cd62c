/* SPDX-License-Identifier: Apache-2.0 */
/* From the agent's counters to a page: one function per shape of family, pure but for process.c. */
#pragma once

#include "../endpoint.h"
#include "../histogram.h"
#include "../policy.h"
#include "page.h"

struct scene {
	const struct endpoints_figures *figures;
	const struct histogram *attach_times;
	const struct histogram *policy_times;   /* NULL: there is no policy */
	const struct policy_troubles *troubles; /* NULL: there is no policy */
	size_t n_prefixes;                      /* in bl_ipcache */
	const char *node;
};

/* All families, each once. */
void collect(const struct scene *scene, struct page *page);
/* Those of the node, for collect(). */
void collect_node(const struct scene *scene, struct page *page);

/* What the kernel says about this process. */
double process_cpu_s(void);
double process_resident_bytes(void);
