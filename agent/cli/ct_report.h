/* SPDX-License-Identifier: Apache-2.0 */
/* Connections as the agent tells of them (api.h), in columns. */
#pragma once

#include <stdbool.h>

#include <beeline/json.h>

#include "table.h"

void ct_columns(struct table *table, bool wide);
void ct_row(struct table *table, const struct cJSON *connection, bool wide);
