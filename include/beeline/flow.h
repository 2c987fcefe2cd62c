/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking policies about a flow: who calls whom, by which protocol, at which port; and what each end would
 * say to its first packet. Nothing of it reaches a kernel.
 *
 *   JSON --bl_flow_decode--> struct bl_flow --bl_flow_judge--> struct bl_flow_answer
 *
 * Ends are found among the objects of the engine, which has to know every Pod and VMI as an endpoint
 * (bl_engine_options.all_are_endpoints). Each end sees the other as its own node would: the addresses of
 * that node are "host" to it, those of other nodes "remote-node".
 */
#pragma once

#include <beeline/engine.h>
#include <beeline/reference.h>

/* {"src", "dst", "protocol", "dport", "sport", "icmpType"}; a document holds nothing else. */
struct bl_flow {
	char *src, *dst; /* "namespace/name" of a pod or VM, an address, or "host" */
	uint8_t protocol;
	uint16_t port; /* the destination's, or the type of ICMP; 0 of a protocol without any */
};

/* Errors name the field. On success the caller clears *ret_flow. */
int bl_flow_decode(const struct cJSON *document, struct bl_flow *ret_flow, struct bl_err *err);
void bl_flow_clear(struct bl_flow *flow);
#define BL_FLOW_INIT ((struct bl_flow){0})
#define bl_auto_flow bl_cleanup(bl_flow_clear)

/* UNENFORCED: the end is no endpoint, or nothing denies in its direction. */
enum bl_flow_verdict {
	BL_FLOW_UNENFORCED,
	BL_FLOW_ALLOWED,
	BL_FLOW_DENIED,
	BL_FLOW_VERDICTS,
};
const char *bl_flow_verdict_name(enum bl_flow_verdict verdict);

/* What one end says: the source by its egress rules, the destination by its ingress rules. */
struct bl_flow_end {
	enum bl_flow_verdict verdict;
	char *rule; /* that decided: "default/web spec.ingress[0]", or in words why there is none */
};

struct bl_flow_answer {
	struct bl_flow_end ends[BL_POLICY_DIRECTIONS];
};

/* Denied when either end denies, else allowed. */
enum bl_flow_verdict bl_flow_verdict(const struct bl_flow_answer *answer);

/* What an end is asked of the packet that opens a connection. */
struct bl_flow_question {
	const struct bl_policy_rows *rows; /* the end's; they stay until the engine's next update */
	enum bl_policy_direction direction;
	const char *peer;  /* the other, as the flow calls it */
	uint32_t identity; /* and as the end sees it */
	uint8_t protocol;
	uint16_t port; /* as of the flow */
};

/* The peer's address, where the engine's prefixes make of it what the end sees. */
bool bl_flow_peer_addr(const struct bl_engine *engine, const struct bl_flow_question *question,
		       struct bl_addr *ret_addr);

struct bl_flow_said {
	bool denied;
	uint32_t cookie; /* of the entry that decided; 0: none did */
	const char *why; /* it was no entry's business, but this; of static storage; NULL: it was */
};

/* Who answers for an end. */
typedef int bl_flow_oracle_fn(const struct bl_flow_question *question,
			      struct bl_flow_said *ret_said, void *data, struct bl_err *err);
/* The entries that the engine has compiled, looked up by whoever oracle is; the rest as below. */
int bl_flow_judge_by(const struct bl_engine *engine, const struct bl_flow *flow,
		     bl_flow_oracle_fn *oracle, void *data, struct bl_flow_answer *ret_answer,
		     struct bl_err *err);

/* By the compiled entries of the engine's last update, or rule by rule. -ENOENT: nobody is called so; the
 * error begins with the field. The caller clears *ret_answer. */
int bl_flow_judge(const struct bl_engine *engine, const struct bl_flow *flow,
		  struct bl_flow_answer *ret_answer, struct bl_err *err);
int bl_flow_judge_by_reference(const struct bl_reference *reference, const struct bl_flow *flow,
			       struct bl_flow_answer *ret_answer, struct bl_err *err);
void bl_flow_answer_clear(struct bl_flow_answer *answer);
#define BL_FLOW_ANSWER_INIT ((struct bl_flow_answer){0})
#define bl_auto_flow_answer bl_cleanup(bl_flow_answer_clear)
