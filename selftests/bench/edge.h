/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policy at the edge of an endpoint that is measured: some tens of entries for identities and prefixes,
 * with denies, default deny both ways. It lets in and out what frame.h's flows are, and no stranger.
 */
#pragma once

#include "agent.h"
#include "place.h"

/* Of an endpoint that is attached. */
int edge_enforce(struct agent *agent, const struct place *place, const char *endpoint,
		 struct bl_err *err);
