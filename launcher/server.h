/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launcher's socket: the protocol of beeline/launcher.h over beeline/rpc.h. Only root may call.
 * Any number of agents may be connected (an old one dying, a new one coming); all hear every state.
 */
#pragma once

#include <beeline/err.h>
#include <beeline/loop.h>

struct lifecycle;
struct server;

int server_new(struct bl_loop *loop, struct lifecycle *lifecycle, struct server **ret_server,
	       struct bl_err *err);
/* Tells all connected peers the lifecycle's state. */
void server_announce(struct server *server);
