/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of selectors share. */
#pragma once

#include <beeline/labels.h>

/* Takes over what the requirement owns. Requirements and values are sorted, so that equal selectors
 * look alike. */
void selector_add(struct bl_selector *selector, struct bl_requirement *requirement);
