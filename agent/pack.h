/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A struct and all that it points to in one allocation. What is to be packed is told twice, in the same order:
 * to a pack without memory, which only measures, and then to one that copies into as many bytes behind the
 * struct. While a pack measures, whatever it hands out is NULL.
 */
#pragma once

#include <stddef.h>

struct pack {
	char *memory; /* aligned for anything; NULL: it measures */
	size_t size;  /* so far */
};

/* A copy, aligned for anything that is made of numbers and pointers. NULL of NULL; of no bytes at an address, an
 * address. */
void *pack_bytes(struct pack *pack, const void *bytes, size_t size);
char *pack_text(struct pack *pack, const char *text);
/* With what they point to. */
const char *const *pack_texts(struct pack *pack, const char *const *texts, size_t n);
