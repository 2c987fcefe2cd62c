/* SPDX-License-Identifier: Apache-2.0 */
/* The variants that are measured against each other, as data. */
#pragma once

#include "lane.h"

/* The lanes, in the order of the table. Beeline's stand twice: the second is the control. */
enum lane_id {
	LANE_BRIDGE,
	LANE_BRIDGE_NF0,
	LANE_NFT,
	LANE_MIRRED,
	LANE_BASELINES,
	LANE_POD = LANE_BASELINES,
	LANE_POD_AGAIN,
	LANE_MASQUERADE,
	LANE_MASQUERADE_AGAIN,
	LANES,
};

extern const struct variant variants[LANES];
