/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's end of one launcher's socket (beeline/launcher.h): dials it below the sandbox's
 * directory, checks that the VM's user answers, keeps the last state, and dials again with a
 * back-off whenever either side went away. What is said on the link is decided elsewhere.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <beeline/err.h>
#include <beeline/json.h>
#include <beeline/loop.h>
#include <beeline/rpc.h>

struct launcher_link;

struct launcher_link_config {
	struct bl_loop *loop;
	uid_t uid; /* who must answer */
	/* Opens the directory that holds the socket; called for each attempt. */
	int (*open_dir)(int *ret_fd, void *data, struct bl_err *err);
	/* The link came up, went down, or has another state or error than before. */
	void (*changed)(void *data);
	void *data;
};

/* Dials at once and for as long as the link lives. */
struct launcher_link *launcher_link_new(const struct launcher_link_config *config);
void launcher_link_free(struct launcher_link *link);

bool launcher_link_is_up(const struct launcher_link *link);
/* The last state of the domain since the link came up, or NULL; borrowed. */
const struct cJSON *launcher_link_state(const struct launcher_link *link);
/* Why the link is down or the last sync failed; code 0 when all is well. */
const struct bl_err *launcher_link_error(const struct launcher_link *link);

/* Sends the sync (params taken); once per connection is enough, is_synced says whether it has been
 * accepted or is under way. */
void launcher_link_sync(struct launcher_link *link, struct cJSON *params);
bool launcher_link_is_synced(const struct launcher_link *link);
/* Asks for the end of the domain within grace_s from now; repeated on one connection only when that is
 * sooner than what has been asked for. */
void launcher_link_shutdown(struct launcher_link *link, uint32_t grace_s);
/* Any other call; params taken; ops->done is called exactly once, also when the link is freed first.
 * Fails with -ENOTCONN while the link is down. */
int launcher_link_call(struct launcher_link *link, const char *method, struct cJSON *params,
		       const struct bl_rpc_reply_ops *ops, void *data, struct bl_err *err);
