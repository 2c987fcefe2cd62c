// SPDX-License-Identifier: Apache-2.0
/* Comments of captured packets; see capture_comment.h. */
#include "capture_comment.h"

#include <beeline/abi.h>
#include <beeline/engine.h>
#include <beeline/file.h>
#include <beeline/reason.h>

char *capture_comment(const struct capture_outcome *outcome)
{
	bool in_policy = outcome->cookie > BL_RULE_DEFAULT;

	if (outcome->reason == BL_REASON_FORWARDED && !outcome->rule)
		return NULL;
	return bl_format("%s%s (%u)%s%s%s", BL_REASON_IS_DROP(outcome->reason) ? "dropped: " : "",
			 bl_reason_text(outcome->reason), outcome->reason,
			 outcome->rule ? ", " : "", outcome->rule && in_policy ? "rule " : "",
			 outcome->rule ? outcome->rule : "");
}
