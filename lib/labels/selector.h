/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of selectors share. */
#pragma once

#include "requirement.h"

/* Takes the requirement over. They are sorted, so that equal selectors look alike. */
void selector_add(struct bl_selector *selector, const struct bl_requirement *requirement);
