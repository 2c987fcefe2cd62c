// SPDX-License-Identifier: Apache-2.0
/* The launcher's socket: see server.h. One row per method. */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <beeline/file.h>
#include <beeline/json.h>
#include <beeline/launcher.h>
#include <beeline/log.h>
#include <beeline/rpc.h>

#include "lifecycle.h"

#define PEERS_MAX         8
#define GRACE_MAX_SECONDS (7 * 24 * 3600)

struct peer {
	struct server *server;
	struct peer *next;
	struct bl_rpc *rpc;
};

struct server {
	struct bl_loop *loop;
	struct lifecycle *lifecycle;
	struct bl_io io;
	struct peer *peers;
	unsigned int n_peers;
	uint64_t seq;
};

/* ---- methods ---- */

static void reply_or_fail(struct bl_rpc_call *call, int r, const struct bl_err *err)
{
	if (r < 0)
		bl_rpc_error(call, err);
	else
		bl_rpc_reply(call, NULL);
}

static void reply_fd(struct bl_rpc_call *call, int r, int fd, const struct bl_err *err)
{
	if (r < 0) {
		bl_rpc_error(call, err);
		return;
	}
	bl_rpc_reply_fds(call, NULL, &fd, 1);
	close(fd);
}

static void do_sync(struct server *server, struct bl_rpc_call *call, const struct cJSON *params)
{
	struct bl_err err = BL_ERR_INIT;
	int r = lifecycle_sync(server->lifecycle, bl_json_get(params, "vmi"),
			       bl_json_get(params, "prepared"), &err);

	reply_or_fail(call, r, &err);
}

static void do_shutdown(struct server *server, struct bl_rpc_call *call, const struct cJSON *params)
{
	double grace = bl_json_get_number(params, "graceSeconds", LIFECYCLE_GRACE_DEFAULT);

	if (grace < 0)
		grace = 0;
	if (grace > GRACE_MAX_SECONDS)
		grace = GRACE_MAX_SECONDS;
	bl_rpc_reply(call, NULL);
	lifecycle_shutdown(server->lifecycle, (uint32_t)grace);
}

static void on_acted(const struct bl_err *err, void *data)
{
	reply_or_fail(data, err ? err->code : 0, err);
}

static void do_pause(struct server *server, struct bl_rpc_call *call, const struct cJSON *params)
{
	lifecycle_act(server->lifecycle, LIFECYCLE_PAUSE, on_acted, call);
}

static void do_unpause(struct server *server, struct bl_rpc_call *call, const struct cJSON *params)
{
	lifecycle_act(server->lifecycle, LIFECYCLE_UNPAUSE, on_acted, call);
}

static void do_reset(struct server *server, struct bl_rpc_call *call, const struct cJSON *params)
{
	lifecycle_act(server->lifecycle, LIFECYCLE_RESET, on_acted, call);
}

static void do_state(struct server *server, struct bl_rpc_call *call, const struct cJSON *params)
{
	bl_rpc_reply(call, lifecycle_state(server->lifecycle));
}

static void do_console(struct server *server, struct bl_rpc_call *call, const struct cJSON *params)
{
	struct bl_err err = BL_ERR_INIT;
	int fd = -1, r = lifecycle_open_console(server->lifecycle, &fd, &err);

	reply_fd(call, r, fd, &err);
}

static void do_vnc(struct server *server, struct bl_rpc_call *call, const struct cJSON *params)
{
	struct bl_err err = BL_ERR_INIT;
	int fd = -1, r = lifecycle_open_vnc(server->lifecycle, &fd, &err);

	reply_fd(call, r, fd, &err);
}

static const struct method {
	const char *name;
	void (*fn)(struct server *server, struct bl_rpc_call *call, const struct cJSON *params);
} methods[] = {
	{"sync", do_sync},   {"shutdown", do_shutdown}, {"pause", do_pause},
	{"reset", do_reset}, {"unpause", do_unpause},   {"state", do_state},
	{"vnc", do_vnc},     {"console", do_console},
};

/* ---- peers ---- */

static void on_call(struct bl_rpc *rpc, struct bl_rpc_call *call, const char *method,
		    const struct cJSON *params, int *fds, unsigned int n_fds)
{
	struct peer *peer = bl_rpc_data(rpc);
	struct bl_err err = BL_ERR_INIT;

	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
		if (strcmp(method, methods[i].name) == 0) {
			methods[i].fn(peer->server, call, params);
			return;
		}
	}
	bl_fail(&err, -ENOSYS, "unknown method '%s'", method);
	bl_rpc_error(call, &err);
}

static void peer_free(struct peer *peer)
{
	struct peer **slot = &peer->server->peers;

	while (*slot != peer)
		slot = &(*slot)->next;
	*slot = peer->next;
	peer->server->n_peers--;
	bl_rpc_free(peer->rpc);
	free(peer);
}

static void on_closed(struct bl_rpc *rpc, const struct bl_err *why)
{
	peer_free(bl_rpc_data(rpc));
}

static const struct bl_rpc_ops rpc_ops = {.call = on_call, .closed = on_closed};

static bool is_root(int fd)
{
	struct ucred credentials;
	socklen_t len = sizeof(credentials);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) == 0 &&
	       credentials.uid == 0;
}

static void on_accept(struct bl_io *io, uint32_t events)
{
	struct server *server = io->data;
	bl_autoclose int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct bl_err err = BL_ERR_INIT;
	struct peer *peer;

	if (fd < 0)
		return;
	if (!is_root(fd) || server->n_peers == PEERS_MAX) {
		bl_warn("connection refused", "reason",
			is_root(fd) ? "too many agents" : "the peer is not root");
		return;
	}
	peer = bl_alloc(sizeof(*peer));
	peer->server = server;
	if (bl_rpc_new(server->loop, bl_take_fd(&fd), "beeline-launcher", &rpc_ops, peer,
		       &peer->rpc, &err) < 0) {
		bl_warn("connection refused", "reason", err.message);
		free(peer);
		return;
	}
	peer->next = server->peers;
	server->peers = peer;
	server->n_peers++;
}

void server_announce(struct server *server)
{
	server->seq++;
	for (struct peer *peer = server->peers; peer; peer = peer->next) {
		struct cJSON *event = bl_json_object();

		bl_json_set(event, "state", lifecycle_state(server->lifecycle));
		bl_rpc_notify(peer->rpc, server->seq, event);
	}
}

int server_new(struct bl_loop *loop, struct lifecycle *lifecycle, struct server **ret_server,
	       struct bl_err *err)
{
	bl_autofree struct server *server = bl_alloc(sizeof(*server));
	bl_autoclose int fd = -1;
	int r;

	server->loop = loop;
	server->lifecycle = lifecycle;
	r = bl_dir_make(BL_LAUNCHER_SOCKET_DIR, 0755, err);
	if (r == 0)
		r = bl_unix_listen(BL_LAUNCHER_SOCKET, 0600, &fd, err);
	if (r == 0)
		r = bl_io_add(loop, &server->io, fd, EPOLLIN, on_accept, server, err);
	if (r < 0)
		return r;
	bl_take_fd(&fd); /* open to the end of the process */
	*ret_server = bl_take_ptr(server);
	return 0;
}
