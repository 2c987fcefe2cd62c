/* SPDX-License-Identifier: Apache-2.0 */
/* The engine as its own files see it: taking in (engine.c), computing (update.c), asking (ask.c). */
#pragma once

#include <beeline/engine.h>

#include "../identity/nodes.h"
#include "../identity/peers.h"
#include "program.h"

/* The policy of one edge. */
struct endpoint {
	char *name;
	struct peer *peer;
	struct program *program; /* NULL: none yet */
	struct shared_rows *rows;
	char *error; /* NULL: rows are the program's */
};

struct bl_engine {
	char *cluster;
	bool all_are_endpoints;
	uint64_t round; /* of the next update; begins at 1 */

	struct inventory inventory; /* all but pods and VMIs, which are peers */
	struct identities identities;
	struct ipcache ipcache;
	struct prefixes prefixes;
	struct selections selections;
	struct nodes nodes;
	struct peers peers;
	struct cookies cookies;
	struct rules rules;
	struct programs programs;
	struct program_defaults defaults;

	struct endpoint **endpoints;
	size_t n_endpoints;
	size_t n_unfit;      /* that had an error at the last update */
	bool by_node_labels; /* nodes are numbered so */
	bool has_waited;     /* policies that came or went waited for the last update */

	/* what the last update changed */
	const char **changed;
	size_t n_changed;
	struct bl_ipcache_row *changed_prefixes;
	size_t n_changed_prefixes;
};

static inline struct rules_context engine_rules_context(struct bl_engine *engine)
{
	return (struct rules_context){
		.inventory = &engine->inventory,
		.selections = &engine->selections,
		.cookies = &engine->cookies,
		.cluster = engine->cluster,
		.round = engine->round,
	};
}
