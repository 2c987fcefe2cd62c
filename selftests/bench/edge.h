/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy at the edge of an endpoint that is measured: some tens of entries for identities and prefixes,
 * with denies, default deny both ways. It lets in and out what frame.h's flows are, and no stranger.
 */
#pragma once

#include <beeline/json.h>

#include "agent.h"

/* Endpoints of this namespace and with these labels are selected; the caller owns them. */
#define EDGE_NAMESPACE "edge"
struct cJSON *edge_labels(void);
/* Once for all of them. */
int edge_apply(struct agent *agent, struct bl_err *err);
