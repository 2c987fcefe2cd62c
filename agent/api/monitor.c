// SPDX-License-Identifier: Apache-2.0
/* Methods that look on: monitor (events), capture (packets), status (the agent itself). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/version.h>

#include "../agent.h"
#include "../api.h"
#include "../endpoint.h"
#include "../kinds.h"
#include "../objects.h"
#include "../policy.h"

#define SAMPLE_MAX  1000000000
#define BACKLOG_MAX (1024 * 1024)

struct listener {
	struct bl_rpc *rpc;
	struct bl_rpc_call *call;
	uint64_t n_lost; /* that a slow reader has not been told of yet */
	struct endpoint_monitor *monitor;
	char *endpoint; /* the only one; NULL: see prefix */
	char *prefix;   /* what endpoints' names begin with; NULL: all */
};

static void listener_free(struct listener *listener)
{
	endpoint_monitor_stop(listener->monitor);
	free(listener->endpoint);
	free(listener->prefix);
	free(listener);
}

static void listener_cancelled(struct bl_rpc_call *call, void *data)
{
	listener_free(data);
}

static bool is_wanted(const struct listener *listener, const char *endpoint)
{
	if (!endpoint) /* lost events are everybody's */
		return true;
	if (listener->endpoint)
		return strcmp(endpoint, listener->endpoint) == 0;
	return !listener->prefix ||
	       strncmp(endpoint, listener->prefix, strlen(listener->prefix)) == 0;
}

static void tell_lost(struct listener *listener)
{
	struct cJSON *event = bl_json_object();

	bl_json_set_number(event, "lost", (double)listener->n_lost);
	listener->n_lost = 0;
	bl_rpc_progress(listener->call, event);
}

static void packet_seen(const struct cJSON *event, void *data)
{
	struct listener *listener = data;

	if (!is_wanted(listener, bl_json_get_string(event, "endpoint")))
		return;
	if (bl_rpc_backlog(listener->rpc) > BACKLOG_MAX) {
		listener->n_lost++;
		return;
	}
	if (listener->n_lost)
		tell_lost(listener);
	bl_rpc_progress(listener->call, bl_json_copy(event));
}

/* A VM need not run: its packets are shown when it does. */
static int check_target(const struct agent *agent, const struct cJSON *params, struct bl_err *err)
{
	const char *endpoint = bl_json_get_string(params, "endpoint");
	const char *namespace = bl_json_get_string(params, "namespace");
	struct object_key key = {
		.kind = KIND_VM,
		.namespace = namespace ? namespace : "default",
		.name = bl_json_get_string(params, "name"),
	};
	struct object_key instance = key;

	instance.kind = KIND_VMI;
	if (endpoint && !endpoint_find(agent->endpoints, endpoint))
		return bl_fail(err, -ENOENT, "endpoint \"%s\" not found", endpoint);
	if (key.name && !objects_get(agent->objects, &key) &&
	    !objects_get(agent->objects, &instance))
		return bl_fail(err, -ENOENT, "%s \"%s\" not found in namespace \"%s\"", KIND_VM,
			       key.name, key.namespace);
	return 0;
}

static int method_monitor(const struct api_request *request, struct cJSON **ret_result,
			  struct bl_err *err)
{
	double sample = bl_json_get_number(request->params, "sample", 0);
	struct listener *listener;
	int r = check_target(request->agent, request->params, err);

	if (r < 0)
		return r;
	listener = bl_alloc(sizeof(*listener));
	*listener = (struct listener){
		.rpc = request->rpc,
		.call = request->call,
		.endpoint = bl_strdup(bl_json_get_string(request->params, "endpoint")),
		.prefix = api_endpoint_prefix(request->params),
	};
	r = endpoint_monitor_start(request->agent->endpoints,
				   sample > 0 && sample < SAMPLE_MAX ? sample : 0, packet_seen,
				   listener, &listener->monitor, err);
	if (r < 0) {
		free(listener->endpoint);
		free(listener->prefix);
		free(listener);
		return r;
	}
	bl_rpc_on_cancel(request->call, listener_cancelled, listener);
	return API_LATER;
}

static int method_capture(const struct api_request *request, struct cJSON **ret_result,
			  struct bl_err *err)
{
	double snaplen = bl_json_get_number(request->params, "snaplen", BL_CAPTURE_BYTES_MAX);
	struct endpoints *set = request->agent->endpoints;
	struct cJSON *result;
	bl_autoclose int fd = -1;
	const char *name = NULL;
	int r;

	if (snaplen < 1 || snaplen > BL_CAPTURE_BYTES_MAX)
		return bl_fail(err, -EINVAL, "snaplen: 1 to %d", BL_CAPTURE_BYTES_MAX);
	r = api_endpoint(request, &name, err);
	if (r == 0)
		r = endpoint_capture_start(set, name, (uint32_t)snaplen, &fd, err);
	if (r < 0)
		return r;
	result = bl_json_object();
	bl_json_set(result, "endpoint", endpoint_describe(set, endpoint_find(set, name)));
	bl_rpc_reply_fds(request->call, result, &fd, 1);
	return API_LATER;
}

static void count_one(const struct cJSON *object, void *data)
{
	(*(unsigned int *)data)++;
}

static unsigned int count(const struct agent *agent, const char *kind)
{
	unsigned int n = 0;

	objects_for_each(agent->objects, kind, NULL, count_one, &n);
	return n;
}

static unsigned int count_endpoints(const struct agent *agent)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < BL_ENDPOINTS_MAX; i++)
		n += endpoint_name_of_index(agent->endpoints, i) != NULL;
	return n;
}

static int method_status(const struct api_request *request, struct cJSON **ret_result,
			 struct bl_err *err)
{
	const struct agent *agent = request->agent;
	struct cJSON *status = bl_json_object();
	struct cJSON *counts = bl_json_ensure(status, "counts");
	struct cJSON *kvm = bl_json_ensure(status, "kvm");

	bl_json_set_string(status, "version", BL_VERSION);
	bl_json_set_string(status, "nodeName", agent->node_name);
	bl_json_set_number(status, "pid", getpid());
	bl_json_set_string(status, "stateDir", agent->config.state_dir);
	bl_json_set_string(status, "runDir", agent->config.run_dir);
	bl_json_set_string(status, "bpffs", agent->config.bpffs);
	bl_json_set_number(status, "vmUser", agent->vm_uid);
	bl_json_set_bool(kvm, "usable", agent->kvm);
	bl_json_set_string(kvm, "reason", agent->kvm_reason);
	bl_json_set_bool(status, "vhostNet", agent->vhost_net);
	bl_json_set_string(status, "policyMode", agent->config.policy);
	bl_json_set_number(counts, KIND_VM, count(agent, KIND_VM));
	bl_json_set_number(counts, KIND_VMI, count(agent, KIND_VMI));
	bl_json_set_number(counts, "endpoints", count_endpoints(agent));
	bl_json_set_number(counts, "endpointsAmiss", policy_troubles(agent->policy)->n_amiss);
	*ret_result = status;
	return 0;
}

const struct api_method api_monitor_methods[] = {
	{"monitor", method_monitor},
	{"capture", method_capture},
	{"status", method_status},
	{0},
};
