/* SPDX-License-Identifier: Apache-2.0 */
/* Single requirements of selectors, each of which stands in memory once: "app=web" and "in this namespace"
 * are in hundreds of policies. */
#pragma once

#include <beeline/labels.h>

/* The requirement that says this, made when nobody holds it; its texts are copied and its values sorted.
 * Each call needs a requirement_put(). */
const struct bl_requirement *requirement_get(const struct bl_requirement *like);
const struct bl_requirement *requirement_share(const struct bl_requirement *requirement);
void requirement_put(const struct bl_requirement *requirement);
/* The order within a selector: by key, source, operator, values. 0: of the same only. */
int requirement_compare(const struct bl_requirement *a, const struct bl_requirement *b);
