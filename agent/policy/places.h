/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes and services by address. */
#pragma once

#include <stdbool.h>

#include <beeline/abi.h>

struct objects;
struct places;

/* objects is borrowed and outlives the places. */
struct places *places_new(const struct objects *objects);
void places_free(struct places *places);
/* Of a kind whose objects are found here? */
bool places_is_kind(const char *kind);
/* Such an object came, changed or went. */
void places_changed(struct places *places);
/* "node worker-1", "service shop/db"; of several the first by alphabet. Borrowed until the next call; NULL:
 * nobody's. */
const char *places_name(struct places *places, const struct bl_addr *addr);
