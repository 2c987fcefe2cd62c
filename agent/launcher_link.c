// SPDX-License-Identifier: Apache-2.0
/* The link to one launcher: see the header. */
#include "launcher_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>
#include <beeline/launcher.h>

#define DIAL_MIN_NS 50000000ull
#define DIAL_MAX_NS 2000000000ull

#define NS_PER_S 1000000000ull

/* A call for somebody else, who is answered even when the link is freed before the launcher answers. */
struct link_call {
	struct launcher_link *link;
	struct link_call *next;
	const struct bl_rpc_reply_ops *ops;
	void *data;
};

struct launcher_link {
	struct launcher_link_config config;
	struct link_call *calls;
	struct bl_timer dial;
	struct bl_rpc *rpc; /* NULL: down */
	struct cJSON *state;
	struct bl_err error;
	uint64_t backoff_ns;
	uint64_t last_seq;
	uint64_t shutdown_by_ns; /* asked for on this connection; 0: not yet */
	bool synced;
};

static void dial(struct bl_timer *timer);

static void dial_later(struct launcher_link *link)
{
	uint64_t after = link->backoff_ns;

	link->backoff_ns = after * 2 < DIAL_MAX_NS ? after * 2 : DIAL_MAX_NS;
	bl_timer_arm(link->config.loop, &link->dial, after, dial, link);
}

static void set_state(struct launcher_link *link, const struct cJSON *state)
{
	if (!bl_json_is_object(state) || (link->state && bl_json_equal(link->state, state)))
		return;
	bl_json_free(link->state);
	link->state = bl_json_copy(state);
	link->config.changed(link->config.data);
}

static void state_arrived(const struct cJSON *result, const struct bl_err *why, int *fds,
			  unsigned int n_fds, void *data)
{
	/* A notice that came meanwhile is as fresh: both are the launcher's state when it wrote. */
	if (!why)
		set_state(data, result);
}

static void link_notice(struct bl_rpc *rpc, uint64_t seq, const struct cJSON *event)
{
	struct launcher_link *link = bl_rpc_data(rpc);

	if (seq && seq <= link->last_seq)
		return;
	link->last_seq = seq;
	set_state(link, bl_json_get(event, "state"));
}

static void link_down(struct launcher_link *link)
{
	bl_rpc_free(link->rpc);
	link->rpc = NULL;
	bl_json_free(link->state);
	link->state = NULL;
	link->synced = false;
	link->shutdown_by_ns = 0;
	link->last_seq = 0;
}

static void link_closed(struct bl_rpc *rpc, const struct bl_err *why)
{
	struct launcher_link *link = bl_rpc_data(rpc);

	link_down(link);
	link->error = *why;
	dial_later(link);
	link->config.changed(link->config.data);
}

static int dial_socket(struct launcher_link *link, int *ret_fd, struct bl_err *err)
{
	bl_autoclose int dir = -1;
	int r;

	r = link->config.open_dir(&dir, link->config.data, err);
	if (r < 0)
		return r;
	return bl_unix_connect_beneath(dir, strrchr(BL_LAUNCHER_SOCKET, '/') + 1, ret_fd, err);
}

static int link_up(struct launcher_link *link, struct bl_err *err)
{
	static const struct bl_rpc_ops ops = {.notice = link_notice, .closed = link_closed};
	static const struct bl_rpc_reply_ops on_state = {.done = state_arrived};
	uid_t peer;
	int fd, r;

	r = dial_socket(link, &fd, err);
	if (r < 0)
		return r;
	r = bl_rpc_new(link->config.loop, fd, "beeline-agent", &ops, link, &link->rpc, err);
	if (r < 0)
		return r;
	peer = bl_rpc_peer(link->rpc).uid;
	if (peer != link->config.uid) {
		link_down(link);
		return bl_fail(err, -EPERM, "uid %u answers on the launcher's socket, not %u", peer,
			       link->config.uid);
	}
	bl_rpc_call(link->rpc, "state", NULL, NULL, 0, 0, &on_state, link);
	return 0;
}

static void dial(struct bl_timer *timer)
{
	struct launcher_link *link = timer->data;
	struct bl_err err = BL_ERR_INIT;

	if (link_up(link, &err) < 0) {
		link->error = err;
		dial_later(link);
		return;
	}
	link->backoff_ns = DIAL_MIN_NS;
	link->error = BL_ERR_INIT;
	link->config.changed(link->config.data);
}

struct launcher_link *launcher_link_new(const struct launcher_link_config *config)
{
	struct launcher_link *link = bl_alloc(sizeof(*link));

	*link = (struct launcher_link){
		.config = *config,
		.backoff_ns = DIAL_MIN_NS,
	};
	bl_timer_arm(config->loop, &link->dial, 0, dial, link);
	return link;
}

static void call_end(struct link_call *call, const struct cJSON *result, const struct bl_err *why,
		     int *fds, unsigned int n_fds)
{
	struct link_call **slot = &call->link->calls;

	while (*slot != call)
		slot = &(*slot)->next;
	*slot = call->next;
	call->ops->done(result, why, fds, n_fds, call->data);
	free(call);
}

static void call_done(const struct cJSON *result, const struct bl_err *why, int *fds,
		      unsigned int n_fds, void *data)
{
	call_end(data, result, why, fds, n_fds);
}

void launcher_link_free(struct launcher_link *link)
{
	struct bl_err gone;

	if (!link)
		return;
	bl_fail(&gone, -ENOTCONN, "the VM's launcher has ended");
	bl_timer_disarm(&link->dial);
	link_down(link);
	while (link->calls)
		call_end(link->calls, NULL, &gone, NULL, 0);
	free(link);
}

bool launcher_link_is_up(const struct launcher_link *link)
{
	return link && link->rpc;
}

const struct cJSON *launcher_link_state(const struct launcher_link *link)
{
	return link ? link->state : NULL;
}

const struct bl_err *launcher_link_error(const struct launcher_link *link)
{
	return &link->error;
}

static void shutdown_done(const struct cJSON *result, const struct bl_err *why, int *fds,
			  unsigned int n_fds, void *data)
{
	struct launcher_link *link = data;

	if (!why)
		return;
	link->error = *why;
	link->config.changed(link->config.data);
}

static void sync_done(const struct cJSON *result, const struct bl_err *why, int *fds,
		      unsigned int n_fds, void *data)
{
	struct launcher_link *link = data;

	link->error = why ? *why : BL_ERR_INIT;
	link->synced = !why;
	link->config.changed(link->config.data);
}

void launcher_link_sync(struct launcher_link *link, struct cJSON *params)
{
	static const struct bl_rpc_reply_ops ops = {.done = sync_done};

	link->synced = true;
	bl_rpc_call(link->rpc, "sync", params, NULL, 0, 0, &ops, link);
}

bool launcher_link_is_synced(const struct launcher_link *link)
{
	return link && link->synced;
}

void launcher_link_shutdown(struct launcher_link *link, uint32_t grace_s)
{
	static const struct bl_rpc_reply_ops ops = {.done = shutdown_done};
	uint64_t by_ns = bl_now_ns() + grace_s * NS_PER_S;
	struct cJSON *params;

	/* The grace that is left shrinks by itself: a second more or less asks for nothing new. */
	if (!link->rpc || (link->shutdown_by_ns && by_ns + 2 * NS_PER_S > link->shutdown_by_ns))
		return;
	link->shutdown_by_ns = by_ns;
	params = bl_json_object();
	bl_json_set_number(params, "graceSeconds", grace_s);
	bl_rpc_call(link->rpc, "shutdown", params, NULL, 0, 0, &ops, link);
}

int launcher_link_call(struct launcher_link *link, const char *method, struct cJSON *params,
		       const struct bl_rpc_reply_ops *ops, void *data, struct bl_err *err)
{
	static const struct bl_rpc_reply_ops own_ops = {.done = call_done};
	struct link_call *call;

	if (!launcher_link_is_up(link)) {
		bl_json_free(params);
		return bl_fail(err, -ENOTCONN, "the VM's launcher does not answer");
	}
	call = bl_alloc(sizeof(*call));
	*call = (struct link_call){link, link->calls, ops, data};
	link->calls = call;
	bl_rpc_call(link->rpc, method, params, NULL, 0, 0, &own_ops, call);
	return 0;
}
