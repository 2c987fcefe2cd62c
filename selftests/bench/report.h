/* SPDX-License-Identifier: Apache-2.0 */
/* What was measured, as build/bench.json holds it. Pure. */
#pragma once

#include <beeline/json.h>

#include "measure.h"
#include "policies.h"
#include "scale.h"

/* {"machine": {...}, "rows": [...]}. A ratio has name, baseline, ratio, low and high, of ours control too, and
 * "lost" where frames of it or of its baseline were; a value has name and value. The caller owns it. */
struct cJSON *report_json(const struct costs *costs, const struct scale_step steps[SCALE_STEPS],
			  const struct policies_cost *policies, double simulated_per_s,
			  struct cJSON *machine);
