/* SPDX-License-Identifier: Apache-2.0 */
/* One line for one packet event of `beeline monitor`. Pure. */
#pragma once

#include <stdbool.h>

#include <beeline/json.h>

struct event_line {
	char *packet;  /* time, arrow, VM, protocol, source > destination, size; cleaned, owned */
	char *verdict; /* "dropped: Invalid source ip (132)"; cleaned, owned */
	bool is_drop;
};

void event_line_read(const struct cJSON *event, struct event_line *ret_line);
void event_line_clear(struct event_line *line);

/* "default_vm-01_default" is default/vm-01; other names stay. The caller frees. */
char *event_line_endpoint(const char *endpoint);
