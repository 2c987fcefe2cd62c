/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds that the agent acts on, as manifests name them, and what it asks of their documents. */
#pragma once

#include <stdbool.h>

#include <beeline/err.h>
#include <beeline/fields.h>
#include <beeline/json.h>

#define KIND_VM  "VirtualMachine"
#define KIND_VMI "VirtualMachineInstance"

struct kind {
	const char *name;
	/* Whether the document makes sense; warnings (an array) gets sentences about what it asks for
	 * in vain. */
	int (*check)(const struct cJSON *document, enum bl_unknown unknown, struct cJSON *warnings,
		     struct bl_err *err);
	bool fixed_spec;    /* what it asks for is decided when it is created */
	bool of_cluster;    /* it is in no namespace */
	bool brings_status; /* nobody writes its status but who applies it */
	bool inert;         /* nothing runs for it: deleted is gone */
	bool rests;         /* there may be very many, and seldom somebody asks; see objects.h */
};

/* NULL for a kind that is not supported. */
const struct kind *kinds_find(const char *name);
/* For objects_new(). */
bool kinds_rests(const char *name);
/* Makes a user's document what may be stored: an object of the whole cluster has no namespace, whatever it
 * says, any other has one; and a status is not the user's where somebody else writes it. */
void kinds_place(struct cJSON *document);
