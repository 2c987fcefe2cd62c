// SPDX-License-Identifier: Apache-2.0
/* A flow's two ends, judged by the compiled entries or rule by rule; see flow.h. */
#include <errno.h>
#include <stdlib.h>

#include <beeline/addr.h>
#include <beeline/file.h>
#include <beeline/flow.h>

#include "../engine/rules.h"
#include "reference.h"

#define NO_ENDPOINT "no managed endpoint"

enum bl_flow_verdict bl_flow_verdict(const struct bl_flow_answer *answer)
{
	return answer->ends[BL_INGRESS].verdict == BL_FLOW_DENIED ||
			       answer->ends[BL_EGRESS].verdict == BL_FLOW_DENIED
		       ? BL_FLOW_DENIED
		       : BL_FLOW_ALLOWED;
}

void bl_flow_answer_clear(struct bl_flow_answer *answer)
{
	for (int i = 0; i < BL_POLICY_DIRECTIONS; i++)
		free(answer->ends[i].rule);
	*answer = BL_FLOW_ANSWER_INIT;
}

/* ---- by entries --------------------------------------------------------------------------------- */

static int find_end(const struct bl_engine *engine, const char *who, const char *other,
		    const char *field, struct bl_engine_party *ret_party, struct bl_err *err)
{
	int r = bl_engine_find(engine, who, other, ret_party, err);

	if (r < 0)
		bl_wrap(err, "%s", field);
	return r;
}

/* Who the ends are, each as the other sees it. The source is looked for twice, as where the other end
 * stands is known only then. */
static int find_ends(const struct bl_engine *engine, const struct bl_flow *flow,
		     struct bl_engine_party *src, struct bl_engine_party *dst, struct bl_err *err)
{
	int r = find_end(engine, flow->src, NULL, "src", src, err);

	if (r == 0)
		r = find_end(engine, flow->dst, src->endpoint, "dst", dst, err);
	if (r == 0 && dst->endpoint)
		r = find_end(engine, flow->src, dst->endpoint, "src", src, err);
	return r;
}

static int look_up(const struct bl_flow_question *question, struct bl_flow_said *ret_said,
		   void *data, struct bl_err *err)
{
	const struct bl_policy_row *row =
		bl_policy_lookup(question->rows, question->identity, question->direction,
				 question->protocol, question->port);

	*ret_said = (struct bl_flow_said){
		.denied = !row || row->entry.deny,
		.cookie = row ? row->entry.cookie : 0,
	};
	return 0;
}

bool bl_flow_peer_addr(const struct bl_engine *engine, const struct bl_flow_question *question,
		       struct bl_addr *ret_addr)
{
	return bl_addr_parse(question->peer, ret_addr, NULL) == 0 &&
	       bl_engine_identity(engine, ret_addr) == question->identity;
}

struct judge {
	const struct bl_engine *engine;
	const struct bl_flow *flow;
	bl_flow_oracle_fn *oracle;
	void *data;
};

static enum bl_flow_verdict verdict_of(const struct bl_flow_question *question,
				       const struct bl_flow_said *said)
{
	if (said->denied)
		return BL_FLOW_DENIED;
	return question->rows->default_deny[question->direction] ? BL_FLOW_ALLOWED
								 : BL_FLOW_UNENFORCED;
}

static const char *reason_of(const struct bl_engine *engine, const char *endpoint,
			     const struct bl_flow_said *said)
{
	const char *error = bl_engine_error(engine, endpoint);

	if (error || said->why)
		return error ? error : said->why;
	return bl_engine_rule(engine, said->cookie ? said->cookie : BL_RULE_DEFAULT);
}

/* who: how the flow calls the other. */
static int judge_end(const struct judge *judge, const struct bl_engine_party *at,
		     const struct bl_engine_party *other, const char *who,
		     enum bl_policy_direction direction, struct bl_flow_end *ret_end,
		     struct bl_err *err)
{
	const struct bl_flow_question question = {
		.rows = at->endpoint ? bl_engine_rows(judge->engine, at->endpoint) : NULL,
		.direction = direction,
		.peer = who,
		.identity = other->identity,
		.protocol = judge->flow->protocol,
		.port = judge->flow->port,
	};
	struct bl_flow_said said = {0};
	int r;

	if (!question.rows) {
		*ret_end = (struct bl_flow_end){BL_FLOW_UNENFORCED, bl_strdup(NO_ENDPOINT)};
		return 0;
	}
	r = judge->oracle(&question, &said, judge->data, err);
	if (r == 0)
		*ret_end = (struct bl_flow_end){
			verdict_of(&question, &said),
			bl_strdup(reason_of(judge->engine, at->endpoint, &said))};
	return r;
}

int bl_flow_judge_by(const struct bl_engine *engine, const struct bl_flow *flow,
		     bl_flow_oracle_fn *oracle, void *data, struct bl_flow_answer *ret_answer,
		     struct bl_err *err)
{
	const struct judge judge = {engine, flow, oracle, data};
	bl_auto_flow_answer struct bl_flow_answer answer = BL_FLOW_ANSWER_INIT;
	struct bl_engine_party src, dst;
	int r = find_ends(engine, flow, &src, &dst, err);

	if (r == 0)
		r = judge_end(&judge, &src, &dst, flow->dst, BL_EGRESS, &answer.ends[BL_EGRESS],
			      err);
	if (r == 0)
		r = judge_end(&judge, &dst, &src, flow->src, BL_INGRESS, &answer.ends[BL_INGRESS],
			      err);
	if (r < 0)
		return r;
	*ret_answer = answer;
	answer = BL_FLOW_ANSWER_INIT;
	return 0;
}

int bl_flow_judge(const struct bl_engine *engine, const struct bl_flow *flow,
		  struct bl_flow_answer *ret_answer, struct bl_err *err)
{
	return bl_flow_judge_by(engine, flow, look_up, NULL, ret_answer, err);
}

/* ---- rule by rule ------------------------------------------------------------------------------- */

/* "namespace/name" when it is an endpoint, else NULL; the caller frees. */
static int find_endpoint(const struct bl_reference *reference, const char *who, const char *field,
			 char **ret_name, struct bl_err *err)
{
	static const struct object nowhere;
	struct party party;

	if (!reference_find(reference, &nowhere, who, &party))
		return bl_fail(err, -ENOENT, "%s: there is no VM or pod '%.200s'", field, who);
	*ret_name = party.workload
			    ? bl_format("%s/%s", party.workload->namespace, party.workload->name)
			    : NULL;
	bl_labels_clear(&party.labels);
	return 0;
}

static char *rule_of(const struct bl_reference_answer *answer)
{
	const struct bl_policy *policy = answer->policy;

	if (policy)
		return rule_text(policy, answer->rule);
	if (answer->verdict == BL_REFERENCE_UNENFORCED)
		return bl_strdup(RULE_TEXT_UNENFORCED);
	return bl_strdup(answer->verdict == BL_REFERENCE_ALLOWED ? RULE_TEXT_NODE
								 : RULE_TEXT_DEFAULT);
}

static int judge_end_by_reference(const struct bl_reference *reference, const struct bl_flow *flow,
				  const char *at, const char *who,
				  enum bl_policy_direction direction, struct bl_flow_end *ret_end,
				  struct bl_err *err)
{
	static const enum bl_flow_verdict verdicts[] = {
		[BL_REFERENCE_UNENFORCED] = BL_FLOW_UNENFORCED,
		[BL_REFERENCE_ALLOWED] = BL_FLOW_ALLOWED,
		[BL_REFERENCE_DENIED] = BL_FLOW_DENIED,
	};
	struct bl_reference_answer answer;
	int r;

	if (!at) {
		*ret_end = (struct bl_flow_end){BL_FLOW_UNENFORCED, bl_strdup(NO_ENDPOINT)};
		return 0;
	}
	r = bl_reference_judge(reference, at, direction, who, flow->protocol, flow->port, &answer,
			       err);
	if (r == 0)
		*ret_end = (struct bl_flow_end){verdicts[answer.verdict], rule_of(&answer)};
	return r;
}

int bl_flow_judge_by_reference(const struct bl_reference *reference, const struct bl_flow *flow,
			       struct bl_flow_answer *ret_answer, struct bl_err *err)
{
	bl_autofree char *src = NULL, *dst = NULL;
	bl_auto_flow_answer struct bl_flow_answer answer = BL_FLOW_ANSWER_INIT;
	int r = find_endpoint(reference, flow->src, "src", &src, err);

	if (r == 0)
		r = find_endpoint(reference, flow->dst, "dst", &dst, err);
	if (r == 0)
		r = judge_end_by_reference(reference, flow, src, flow->dst, BL_EGRESS,
					   &answer.ends[BL_EGRESS], err);
	if (r == 0)
		r = judge_end_by_reference(reference, flow, dst, flow->src, BL_INGRESS,
					   &answer.ends[BL_INGRESS], err);
	if (r < 0)
		return r;
	*ret_answer = answer;
	answer = BL_FLOW_ANSWER_INIT;
	return 0;
}
