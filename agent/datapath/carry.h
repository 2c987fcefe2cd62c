/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in a map of an older layout, carried over to the map of that name in ours. Both are
 * read as the types that the kernel keeps with them say; layout.h is the conversion.
 */
#pragma once

#include "room.h"

struct bpf_map;

/* Can programs of this agent go on with the pinned map as it is? 1: yes, 0: what is in it has to be
 * carried over. Fails when that cannot be. before is its descriptor. */
int carry_needless(struct datapath *datapath, const struct bpf_map *map, int before,
		   struct bl_err *err);
/* Copies all values of an array or a hash, which no program of ours uses yet. What programs of the
 * old layout write meanwhile is missed: a few milliseconds of counters. */
int carry_values(int before, int after, struct bl_err *err);
/* Puts the very maps that stand in an outer map into ours as well; the kernel refuses those that
 * are not of our kind. */
int carry_inner_maps(struct datapath *datapath, int before, int after, struct bl_err *err);
/* Gives each endpoint that has a share of connections in the old outer map one in ours. version is
 * the old layout's. */
int carry_shares(struct datapath *datapath, int before, uint32_t version, struct bl_err *err);
/* Puts back each connection that stands in the old shares and not in ours; programs of both layouts
 * may be at work. */
int carry_connections(struct datapath *datapath, int before, uint32_t version, struct bl_err *err);
