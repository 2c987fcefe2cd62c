/* SPDX-License-Identifier: Apache-2.0 */
/* From the peers that a rule names to selections. */
#pragma once

#include "rules.h"

/* Fills any_peer and the selections of a rule, each of which gets a user. */
void resolve_peers(const struct rules_context *context, struct rule *rule);
