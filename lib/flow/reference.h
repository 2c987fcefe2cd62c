/* SPDX-License-Identifier: Apache-2.0 */
/* The reference as its two files see it: who is there, and what a rule says. */
#pragma once

#include <beeline/reference.h>

#include "../object/object.h"

struct bl_reference {
	char *node, *cluster;
	struct object *objects;
	size_t n_objects;
	struct bl_policy **policies;
	size_t n_policies;
};

/* The other end of a flow. */
struct party {
	const struct object *workload; /* a pod or VM; NULL: none */
	bool is_node;
	struct bl_addr addr; /* of the world, when it is neither of them */
	struct bl_labels labels;
	const struct bl_labels *node_labels; /* of a node that an object describes */
};

bool reference_find(const struct bl_reference *reference, const struct object *at, const char *who,
		    struct party *ret_party);
const struct object *reference_workload(const struct bl_reference *reference, const char *name);
/* As policies know a pod or VM; the caller clears. */
void reference_labels(const struct bl_reference *reference, const struct object *workload,
		      struct bl_labels *ret_labels);
/* Is the party one of the rule's peers? */
bool reference_is_peer(const struct bl_reference *reference, const struct bl_policy_rule *rule,
		       const struct party *party);
