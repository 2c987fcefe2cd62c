/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that many hold, such as the names of nodes: each stands in memory once, as long as somebody holds
 * it. The table belongs to the process and to one thread, as that of labels does. */
#pragma once

#include <stddef.h>

/* Each call needs an atom_put(). NULL: NULL. Equal texts are the same pointer. */
const char *atom_get(const char *text);
void atom_put(const char *atom); /* NULL is fine */
/* How many texts are held: none, once labels, selectors, policies and engines are gone. */
size_t atoms_held(void);
