/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which set of maps the new programs run on, and how they take the old ones' place.
 *
 *   <bpffs>/maps         the set in use, of one layout: its bl_config says which
 *   <bpffs>/maps%other   while an agent with a newer layout takes over: first its own set, then, when
 *                        the two folders have been exchanged, the set before
 *
 * Same layout: the programs go on with the pinned maps, and each slot of bl_progs is written.
 * Older layout, in this order, the old programs at work until the slots are written:
 *
 *   1. maps%other: maps whose values are the same in both layouts are pinned there too, the others
 *      made, and filled from the old ones; bl_progs is the same map for ever, stubs call into it
 *   2. the folders are exchanged, in one rename: from here on only the new layout's agents go on
 *   3. the old programs become the elders of the new ones (headers/elder.h), then each slot is
 *      written: what the new ones do not know the elders judge by the old maps
 *   4. connections are carried over; no elder is needed any more to the VM; those that it made in
 *      the meantime are carried over; no elder is needed any more
 *   5. the old set goes
 *
 * An agent that is killed before 2 leaves remains that the next one removes; one killed behind 2 is
 * followed by one that goes on at 3. No packet waits or is lost at any step, and a connection is known
 * to the programs that see its packets at every instant.
 */
#pragma once

#include "room.h"

enum takeover {
	TAKEOVER_NONE,  /* the maps are of our layout, or there are none */
	TAKEOVER_WHOLE, /* from step 1 */
	TAKEOVER_GO_ON, /* from step 3 */
};

#define TAKEOVER_MAPS  "maps"
#define TAKEOVER_OTHER "maps%other"

/* Path of a pinned map; the caller frees. set is TAKEOVER_MAPS or _OTHER; map "" is the folder. */
char *takeover_path(const char *bpffs_dir, const char *set, const char *map);
/* Looks at what is pinned, and removes remains. Fails, with nothing changed, when the maps are of a
 * newer layout, or when another release has to finish first. */
int takeover_look(const char *bpffs_dir, enum takeover *ret_takeover, struct bl_err *err);
/* Before the programs are loaded: where each map is or will be. */
int takeover_place(struct datapath *datapath, enum takeover takeover, struct bl_err *err);
/* When they are: the steps above, to the end. */
int takeover_run(struct datapath *datapath, enum takeover takeover, struct bl_err *err);
