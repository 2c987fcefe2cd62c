/* SPDX-License-Identifier: Apache-2.0 */
/* The command's side of the agent's socket; see client.h. */
#include "client.h"

#include <errno.h>
#include <string.h>

#include <beeline/api.h>

#define PROGRAM "beeline"

static const struct bl_rpc_ops no_calls = {0};

int client_open(const char *socket, struct client *ret_client, struct bl_err *err)
{
	client_auto struct client client = CLIENT_INIT;
	bl_autoclose int fd = -1;
	int r;

	r = bl_unix_connect(socket, &fd, err);
	if (r == -EACCES || r == -EPERM)
		return bl_fail(err, r,
			       "cannot reach the agent at %s: permission denied; be root or a "
			       "member of the group \"" BL_AGENT_GROUP "\"",
			       socket);
	if (r < 0)
		return bl_fail(err, r,
			       "cannot reach the agent at %s: %s; start it with \"systemctl start "
			       "beeline-agent\", or as root with \"beeline-agent\"",
			       socket, strerror(-r));
	r = bl_loop_new(&client.loop, err);
	if (r < 0)
		return r;
	r = bl_rpc_new(client.loop, bl_take_fd(&fd), PROGRAM, &no_calls, NULL, &client.rpc, err);
	if (r < 0)
		return r;
	*ret_client = client;
	client = CLIENT_INIT;
	return 0;
}

void client_close(struct client *client)
{
	if (client->rpc)
		bl_rpc_free(client->rpc);
	bl_loop_free(client->loop);
	*client = CLIENT_INIT;
}

/* What the callbacks of one call fill in. */
struct answer {
	const struct client_call *call;
	struct bl_loop *loop;
	struct cJSON *result;
	int fd;
	int code; /* 0 or negative errno */
	bool ended;
	struct bl_err *err;
};

static void on_event(const struct cJSON *event, void *data)
{
	struct answer *answer = data;

	if (answer->call->event)
		answer->call->event(event, answer->call->data);
}

static void on_done(const struct cJSON *result, const struct bl_err *why, int *fds,
		    unsigned int n_fds, void *data)
{
	struct answer *answer = data;

	if (why)
		answer->code =
			bl_fail(answer->err, why->code ? why->code : -EIO, "%s", why->message);
	else
		answer->result = bl_json_copy(result);
	if (!why && n_fds)
		answer->fd = bl_take_fd(&fds[0]);
	answer->ended = true;
	bl_loop_exit(answer->loop, 0);
}

int client_call(struct client *client, const struct client_call *call, struct cJSON **ret_result,
		int *ret_fd, struct bl_err *err)
{
	static const struct bl_rpc_reply_ops ops = {.event = on_event, .done = on_done};
	struct answer answer = {
		.call = call,
		.loop = client->loop,
		.fd = -1,
		.err = err,
	};
	int r = 0;

	bl_rpc_call(client->rpc, call->method, call->params, &call->fd, call->fd >= 0, 0, &ops,
		    &answer);
	while (!answer.ended && r == 0)
		r = bl_loop_run(client->loop);

	bl_auto_json struct cJSON *result = answer.result;
	bl_autoclose int fd = answer.fd;

	if (r < 0)
		return bl_fail_errno(err, r, "waiting for the agent");
	if (answer.code < 0)
		return answer.code;
	if (ret_fd && fd < 0)
		return bl_fail(err, -EPROTO, "the agent answered \"%s\" without a descriptor",
			       call->method);
	if (ret_result)
		*ret_result = bl_take_ptr(result);
	if (ret_fd)
		*ret_fd = bl_take_fd(&fd);
	return 0;
}

int client_ask(struct client *client, const char *method, struct cJSON *params,
	       struct cJSON **ret_result, struct bl_err *err)
{
	struct client_call call = {.method = method, .params = params, .fd = -1};

	return client_call(client, &call, ret_result, NULL, err);
}

int client_ask_once(const char *socket, const char *method, struct cJSON *params,
		    struct cJSON **ret_result, struct bl_err *err)
{
	bl_auto_json struct cJSON *taken = params;
	client_auto struct client client = CLIENT_INIT;
	int r = client_open(socket, &client, err);

	if (r < 0)
		return r;
	return client_ask(&client, method, bl_take_ptr(taken), ret_result, err);
}

struct cJSON *client_reference(const char *kind, const char *namespace, const char *name)
{
	struct cJSON *reference = bl_json_object();

	bl_json_set_string(reference, "kind", kind);
	bl_json_set_string(reference, "namespace", namespace);
	bl_json_set_string(reference, "name", name);
	return reference;
}

void client_set_grace(struct cJSON *params, long grace_s)
{
	if (grace_s >= 0)
		bl_json_set_number(params, "gracePeriodSeconds", (double)grace_s);
}
