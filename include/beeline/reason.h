/* SPDX-License-Identifier: Apache-2.0 */
/* What the datapath's reasons (abi.h) mean, in words. */
#pragma once

#include <stdint.h>

/* As in BL_REASONS; "unknown" of a number that is none. */
const char *bl_reason_text(uint8_t reason);
