/* SPDX-License-Identifier: Apache-2.0 */
/* Single labels, each of which stands in memory once. */
#pragma once

#include <stdint.h>

#include <beeline/labels.h>

/* The label of these three, made when nobody holds it; each call needs a label_put(). */
const struct bl_label *label_get(const char *source, const char *key, const char *value);
const struct bl_label *label_share(const struct bl_label *label); /* one more holder */
void label_put(const struct bl_label *label);
/* Of key and value, whatever the source; a shared label knows its own. */
uint64_t label_hash(const char *key, const char *value);
uint64_t label_hash_of(const struct bl_label *label);
/* The order of a set: by key, then source. The value does not count. */
int label_compare(const struct bl_label *a, const char *source, const char *key);
