/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Things of this node that have a name and no kind (images, endpoints): what is done alike with each
 * of them. thing is the word for one, from which the agent's method is made.
 */
#pragma once

#include <beeline/json.h>

/* Asks the agent to delete each and says what became of it; the exit code. */
int named_delete(const char *socket, const char *thing, char *const *names, int n_names);
/* The names alone, a line each; what has none is passed over. */
void named_print(const struct cJSON *items);
