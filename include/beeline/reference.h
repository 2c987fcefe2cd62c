/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second opinion on the policy engine: the same objects, judged flow by flow straight from what the
 * policies say. It knows no identities, entries or caches and keeps nothing between two questions, so it
 * is slow, and right when one can read it. Tests hold the engine against it, and so may people.
 *
 * Every Pod and VMI is an endpoint here, as with bl_engine_options.all_are_endpoints.
 */
#pragma once

#include <beeline/engine.h>

struct bl_reference;

struct bl_reference *bl_reference_new(const struct bl_engine_options *options);
void bl_reference_free(struct bl_reference *reference);
BL_DEFINE_AUTO(reference, struct bl_reference *, bl_reference_free)
#define bl_auto_reference bl_cleanup(bl_auto_reference_fn)

/* What bl_engine_put() takes. An object stands once: there is no replacing. */
int bl_reference_put(struct bl_reference *reference, const struct cJSON *document,
		     struct bl_err *err);
/* Takes the policy over. */
void bl_reference_put_policy(struct bl_reference *reference, struct bl_policy *policy);

/* UNENFORCED: the direction has no default deny, and no rule denies. */
enum bl_reference_verdict { BL_REFERENCE_UNENFORCED, BL_REFERENCE_ALLOWED, BL_REFERENCE_DENIED };

struct bl_reference_answer {
	enum bl_reference_verdict verdict; /* on a first packet */
	const struct bl_policy *policy;    /* that the rule stands in; NULL: no rule decided */
	const struct bl_policy_rule *rule;
};

/* at: the endpoint that judges, "namespace/name". who is at the other end: "namespace/name", an address
 * or "host". port: the destination's, or the ICMP type. -ENOENT: nobody has such a name. */
int bl_reference_judge(const struct bl_reference *reference, const char *at,
		       enum bl_policy_direction direction, const char *who, uint8_t protocol,
		       uint16_t port, struct bl_reference_answer *ret_answer, struct bl_err *err);
