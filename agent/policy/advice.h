/* SPDX-License-Identifier: Apache-2.0 */
/* What is said to whoever changed the store: see advice.c. */
#pragma once

#include "room.h"

/* A policy among the documents. */
struct listed {
	struct object_key key;
	size_t nth;
};

struct advice {
	const struct policy *policy;
	const struct cJSON *const *documents;
	size_t n_documents;
	struct listed *listed; /* sorted by key */
	size_t n_listed;
	policy_advice_fn *fn;
	void *data;
};

/* Takes the sentence; nth as policy_advice_fn has it. */
void advice_say(const struct advice *advice, size_t nth, char *sentence);
/* Which document is this policy; n_documents: none. */
size_t advice_document(const struct advice *advice, const char *kind, const char *namespace,
		       const char *name);

/* subjects.c: of policies that select nobody. */
void advise_subjects(const struct advice *advice);
