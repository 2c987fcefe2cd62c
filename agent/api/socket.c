// SPDX-License-Identifier: Apache-2.0
/* The agent's socket: accepting clients and handing their calls to the methods' tables. */
#include <errno.h>
#include <grp.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <beeline/file.h>
#include <beeline/log.h>
#include <beeline/vmi.h>

#include "../agent.h"
#include "../api.h"
#include "../endpoint.h"

#define CLIENTS_MAX 256

struct client {
	struct api *api;
	struct client *next;
	struct bl_rpc *rpc;
};

struct api {
	struct agent *agent;
	struct bl_io io;
	struct bl_timer spent;
	struct client *clients;
	unsigned int n_clients;
	int fd;
};

static const struct api_method *const groups[] = {
	api_apply_methods,   api_object_methods,   api_watch_methods,
	api_vm_methods,      api_endpoint_methods, api_image_methods,
	api_monitor_methods, api_policy_methods,   api_connection_methods,
};

static api_fn *method_find(const char *name)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		for (const struct api_method *method = groups[i]; method->name; method++)
			if (strcmp(method->name, name) == 0)
				return method->fn;
	return NULL;
}

static void client_call(struct bl_rpc *rpc, struct bl_rpc_call *call, const char *method,
			const struct cJSON *params, int *fds, unsigned int n_fds)
{
	struct agent *agent = ((struct client *)bl_rpc_data(rpc))->api->agent;
	const struct api_request request = {agent, rpc, call, params, fds, n_fds};
	api_fn *fn = method_find(method);
	struct cJSON *result = NULL;
	struct bl_err err = BL_ERR_INIT;
	int r;

	r = fn ? fn(&request, &result, &err)
	       : bl_fail(&err, -ENOSYS, "this agent does not know the method '%s'", method);
	if (r < 0)
		bl_rpc_error(call, &err);
	else if (r != API_LATER)
		bl_rpc_reply(call, result ? result : bl_json_object());
}

static void client_free(struct client *client)
{
	struct client **slot = &client->api->clients;

	while (*slot != client)
		slot = &(*slot)->next;
	*slot = client->next;
	client->api->n_clients--;
	bl_rpc_free(client->rpc);
	free(client);
}

static void client_closed(struct bl_rpc *rpc, const struct bl_err *why)
{
	client_free(bl_rpc_data(rpc));
}

static int client_new(struct api *api, int fd, struct bl_err *err)
{
	static const struct bl_rpc_ops ops = {.call = client_call, .closed = client_closed};
	struct client *client = bl_alloc(sizeof(*client));
	int r;

	r = bl_rpc_new(api->agent->loop, fd, "beeline-agent", &ops, client, &client->rpc, err);
	if (r < 0) {
		free(client);
		return r;
	}
	client->api = api;
	client->next = api->clients;
	api->clients = client;
	api->n_clients++;
	return 0;
}

static void client_waits(struct bl_io *io, uint32_t events)
{
	struct api *api = io->data;
	struct bl_err err = BL_ERR_INIT;
	int fd = accept4(api->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (api->n_clients >= CLIENTS_MAX) {
		close(fd);
		bl_warn("too many clients");
	} else if (client_new(api, fd, &err) < 0) {
		bl_warn("client refused", "error", err.message);
	}
}

/* The call is over, and with it its parameters. */
static void give_back(struct bl_timer *timer)
{
	malloc_trim(0);
}

void api_spent(struct api *api)
{
	bl_timer_arm(api->agent->loop, &api->spent, 0, give_back, api);
}

static int give_to_group(const char *path, const char *name, struct bl_err *err)
{
	const struct group *group = getgrnam(name);

	if (!group)
		return 0;
	if (chown(path, 0, group->gr_gid) < 0)
		return bl_fail_errno(err, -errno, "giving '%s' to group '%s'", path, name);
	return 0;
}

int api_new(struct agent *agent, struct api **ret_api, struct bl_err *err)
{
	struct api *api = bl_alloc(sizeof(*api));
	int r;

	*api = (struct api){.agent = agent, .fd = -1};
	r = bl_unix_listen(agent->config.socket, 0660, &api->fd, err);
	if (r == 0)
		r = give_to_group(agent->config.socket, agent->config.group, err);
	if (r == 0)
		r = bl_io_add(agent->loop, &api->io, api->fd, EPOLLIN, client_waits, api, err);
	if (r < 0) {
		api_free(api);
		return r;
	}
	*ret_api = api;
	return 0;
}

void api_free(struct api *api)
{
	if (!api)
		return;
	bl_io_remove(&api->io);
	bl_timer_disarm(&api->spent);
	while (api->clients)
		client_free(api->clients);
	if (api->fd >= 0) {
		unlink(api->agent->config.socket);
		close(api->fd);
	}
	free(api);
}

int api_string(const struct api_request *request, const char *name, const char **ret_text,
	       struct bl_err *err)
{
	*ret_text = bl_json_get_string(request->params, name);
	return *ret_text && **ret_text ? 0 : bl_fail(err, -EINVAL, "missing parameter '%s'", name);
}

/* What an object's name may be, so that it can become a part of paths and keys. */
static bool is_dns_name(const char *text)
{
	return *text && *text != '.' && *text != '-' && strlen(text) < 254 &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-")] == '\0';
}

int api_object_name(const struct api_request *request, const char **ret_namespace,
		    const char **ret_name, struct bl_err *err)
{
	const char *namespace = bl_json_get_string(request->params, "namespace");
	int r;

	*ret_namespace = namespace && *namespace ? namespace : "default";
	r = api_string(request, "name", ret_name, err);
	if (r < 0)
		return r;
	if (!is_dns_name(*ret_name) || !is_dns_name(*ret_namespace))
		return bl_fail(err, -EINVAL, "'%s/%s' is no name of an object", *ret_namespace,
			       *ret_name);
	return 0;
}

char *api_endpoint_prefix(const struct cJSON *params)
{
	const char *namespace = bl_json_get_string(params, "namespace");
	const char *name = bl_json_get_string(params, "name");

	if (name)
		return bl_format("%s_%s_", namespace ? namespace : "default", name);
	return namespace ? bl_format("%s_", namespace) : NULL;
}

int api_endpoint(const struct api_request *request, const char **ret_name, struct bl_err *err)
{
	const struct endpoints *set = request->agent->endpoints;
	const char *endpoint = bl_json_get_string(request->params, "endpoint");
	bl_autofree char *prefix = api_endpoint_prefix(request->params);
	const char *found = NULL;

	if (!endpoint && !bl_json_get_string(request->params, "name"))
		return bl_fail(err, -EINVAL, "missing parameter 'name'");
	if (endpoint && endpoint_find(set, endpoint)) {
		*ret_name = endpoint;
		return 0;
	}
	for (uint32_t i = 0; prefix && i < BL_ENDPOINTS_MAX; i++) {
		const char *name = endpoint_name_of_index(set, i);

		if (!name || strncmp(name, prefix, strlen(prefix)) != 0)
			continue;
		if (found)
			return bl_fail(err, -EINVAL, "which endpoint: \"%s\" or \"%s\"?", found,
				       name);
		found = name;
	}
	if (!found)
		return bl_fail(err, -ENOENT, "no VM that runs and no endpoint is called \"%s\"",
			       endpoint ? endpoint : bl_json_get_string(request->params, "name"));
	*ret_name = found;
	return 0;
}
