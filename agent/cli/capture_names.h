/* SPDX-License-Identifier: Apache-2.0 */
/* Who has the addresses of captured packets, as the agent knew it when the capture began. */
#pragma once

#include <stdio.h>

#include <beeline/cleanup.h>
#include <beeline/json.h>

struct capture_name;
struct capture_names {
	struct capture_name *items; /* owned; sorted by address */
	size_t n_items;
};

/* items of "ipcache-list", see <beeline/api.h>. */
void capture_names_read(const struct cJSON *items, struct capture_names *ret_names);
/* Writes the names of the frame's source and destination, each once. */
void capture_names_tell(struct capture_names *names, const void *frame, size_t len, FILE *file);
void capture_names_clear(struct capture_names *names);
#define capture_names_auto bl_cleanup(capture_names_clear)
