/* SPDX-License-Identifier: Apache-2.0 */
/* The variants that are measured against each other, as data. */
#pragma once

#include "lane.h"

/* The lanes, in the order of the table. Beeline's stand twice: the second is the control, and follows
 * the first. */
enum lane_id {
	LANE_BRIDGE,
	LANE_BRIDGE_NF0,
	LANE_NFT,
	LANE_MIRRED,
	LANE_BASELINES,
	LANE_POD = LANE_BASELINES, /* ours from here on */
	LANE_POD_AGAIN,
	LANE_MASQUERADE,
	LANE_MASQUERADE_AGAIN,
	LANE_POD_POLICY,
	LANE_POD_POLICY_AGAIN,
	LANE_MASQUERADE_POLICY,
	LANE_MASQUERADE_POLICY_AGAIN,
	LANES,
};

extern const struct variant variants[LANES];
