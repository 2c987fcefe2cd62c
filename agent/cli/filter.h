/* SPDX-License-Identifier: Apache-2.0 */
/* `--selector` as kubectl writes it, and which objects it chooses. Pure. */
#pragma once

#include <beeline/labels.h>

/* "app=web,tier!=db,env in (a,b),zone notin (c),owner,!old"; NULL chooses everything. */
int filter_parse(const char *text, struct bl_selector *ret_filter, struct bl_err *err);
bool filter_takes(const struct bl_selector *filter, const struct cJSON *object);
#define filter_auto bl_cleanup(bl_selector_clear)
