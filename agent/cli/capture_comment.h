/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a captured packet, in words. Pure. */
#pragma once

#include <stdint.h>

struct capture_outcome {
	uint8_t reason;   /* enum bl_reason */
	uint32_t cookie;  /* of the policy's entry that judged it; 0: none */
	const char *rule; /* in words; NULL: policy was not asked, or nobody knows */
};

/* "dropped: Policy denied (133), default deny of default/web"; NULL: forwarded, of which there is nothing to
 * be said. The caller frees. */
char *capture_comment(const struct capture_outcome *outcome);
