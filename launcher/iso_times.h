/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The moment of writing, which libarchive puts into an ISO image in four places and offers no option
 * for. Here it is made the epoch, which the files have too, so that an image is what it holds.
 */
#pragma once

#include <stddef.h>

void iso_times_fix(char *image, size_t size);
