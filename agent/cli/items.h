/* SPDX-License-Identifier: Apache-2.0 */
/* Long lists of the agent, which come in parts (see <beeline/api.h>). */
#pragma once

#include <beeline/err.h>
#include <beeline/json.h>

struct client;

/* Asks until all parts are there. params is taken. *ret_items is an array, *ret_result (may be NULL) the
 * last answer; both are the caller's. */
int items_ask(struct client *client, const char *method, struct cJSON *params,
	      struct cJSON **ret_items, struct cJSON **ret_result, struct bl_err *err);
/* Connects, asks and leaves. */
int items_ask_once(const char *socket, const char *method, struct cJSON *params,
		   struct cJSON **ret_items, struct cJSON **ret_result, struct bl_err *err);
/* Strings of an array with that between them: "\n" for a tall row of a table. The caller frees. */
char *items_join(const struct cJSON *array, const char *between);
