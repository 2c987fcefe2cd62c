// SPDX-License-Identifier: Apache-2.0
/* Methods on network policy: policy-list, -get, -rules, -describe, identity-list, ipcache-list. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/engine.h>
#include <beeline/file.h>

#include "../agent.h"
#include "../api.h"
#include "../objects.h"
#include "../policy.h"

#define BATCH       1000               /* values in a message, or about so many */
#define BACKLOG_MAX (4u * 1024 * 1024) /* then the client asks for the rest when it has read this */

/* A list on its way to the client. */
struct stream {
	const struct api_request *request;
	struct policy_items items;
	struct cJSON *batch;
	size_t n_values; /* of the batch */
	char *next;      /* the place where it was cut; NULL: it was not */
};

static void flush(struct stream *stream)
{
	struct cJSON *event;

	if (!stream->batch)
		return;
	event = bl_json_object();
	bl_json_set(event, "items", bl_take_ptr(stream->batch));
	bl_rpc_progress(stream->request->call, event);
	stream->n_values = 0;
}

/* Items are objects, of scalars and lists of texts. */
static size_t count_values(const struct cJSON *item)
{
	size_t n = bl_json_size(item);

	bl_json_for_each (member, item)
		n += bl_json_size(member);
	return n;
}

static bool take_item(struct cJSON *item, const char *place, void *data)
{
	struct stream *stream = data;

	if (!stream->batch)
		stream->batch = bl_json_array();
	stream->n_values += count_values(item);
	bl_json_append(stream->batch, item);
	if (stream->n_values < BATCH)
		return true;
	flush(stream);
	if (bl_rpc_backlog(stream->request->rpc) <= BACKLOG_MAX)
		return true;
	stream->next = bl_strdup(place);
	return false;
}

static struct policy_items *stream_begin(struct stream *stream, const struct api_request *request)
{
	*stream = (struct stream){.request = request};
	stream->items = (struct policy_items){
		.after = bl_json_get_string(request->params, "after"),
		.fn = take_item,
		.data = stream,
	};
	return &stream->items;
}

static struct cJSON *stream_end(struct stream *stream)
{
	struct cJSON *result = bl_json_object();

	flush(stream);
	bl_json_set_string(result, "next", stream->next);
	free(stream->next);
	return result;
}

/* ---- methods ------------------------------------------------------------------------------------ */

static int find_policy(const struct api_request *request, struct policy **ret_policy,
		       struct bl_err *err)
{
	*ret_policy = request->agent->policy;
	if (!policy_is_enforced(*ret_policy))
		return bl_fail(err, -EOPNOTSUPP,
			       "network policy is not enforced here: the agent runs with "
			       "--policy=never");
	return 0;
}

/* *ret_endpoint is the caller's. The endpoint may be one that policy refused when it was adopted. */
static int find_endpoint(const struct api_request *request, struct policy **ret_policy,
			 const char **ret_name, struct cJSON **ret_endpoint, struct bl_err *err)
{
	int r = find_policy(request, ret_policy, err);

	if (r == 0)
		r = api_endpoint(request, ret_name, err);
	if (r < 0)
		return r;
	*ret_endpoint = policy_endpoint(*ret_policy, *ret_name);
	if (!*ret_endpoint)
		return bl_fail(err, -ENOENT,
			       "network policy does not know endpoint \"%s\": the agent's log says "
			       "why",
			       *ret_name);
	return 0;
}

static int method_list(const struct api_request *request, struct cJSON **ret_result,
		       struct bl_err *err)
{
	struct policy *policy;
	int r = find_policy(request, &policy, err);

	if (r == 0)
		*ret_result = policy_list(policy);
	return r;
}

static int method_get(const struct api_request *request, struct cJSON **ret_result,
		      struct bl_err *err)
{
	bl_auto_json struct cJSON *endpoint = NULL;
	struct stream stream;
	struct policy *policy;
	const char *name;
	int r = find_endpoint(request, &policy, &name, &endpoint, err);

	if (r == 0)
		r = policy_entries(policy, name, stream_begin(&stream, request), err);
	if (r < 0)
		return r;
	*ret_result = stream_end(&stream);
	bl_json_set(*ret_result, "endpoint", bl_take_ptr(endpoint));
	return 0;
}

static int method_rules(const struct api_request *request, struct cJSON **ret_result,
			struct bl_err *err)
{
	struct cJSON *endpoint;
	struct stream stream;
	struct policy *policy;
	const char *name;
	int r = find_endpoint(request, &policy, &name, &endpoint, err);

	if (r < 0)
		return r;
	policy_rules(policy, name, stream_begin(&stream, request));
	*ret_result = stream_end(&stream);
	bl_json_set(*ret_result, "endpoint", endpoint);
	return 0;
}

static int method_describe(const struct api_request *request, struct cJSON **ret_result,
			   struct bl_err *err)
{
	struct cJSON *about = NULL;
	struct object_key key;
	struct stream stream;
	struct policy *policy;
	int r = find_policy(request, &policy, err);

	if (r == 0)
		r = api_key(request, &key, err);
	if (r == 0 && !bl_policy_is_kind(key.kind))
		r = bl_fail(err, -EINVAL, "%s is no kind of policy", key.kind);
	if (r == 0)
		r = policy_describe(policy, &key, stream_begin(&stream, request), &about, err);
	if (r < 0)
		return r;
	*ret_result = stream_end(&stream);
	bl_json_set(*ret_result, "policy", about);
	return 0;
}

typedef void list_fn(struct policy *policy, const struct policy_items *items);

static int stream_list(const struct api_request *request, list_fn *list, struct cJSON **ret_result,
		       struct bl_err *err)
{
	struct stream stream;
	struct policy *policy;
	int r = find_policy(request, &policy, err);

	if (r < 0)
		return r;
	list(policy, stream_begin(&stream, request));
	*ret_result = stream_end(&stream);
	return 0;
}

static int method_identities(const struct api_request *request, struct cJSON **ret_result,
			     struct bl_err *err)
{
	return stream_list(request, policy_identities, ret_result, err);
}

static int method_prefixes(const struct api_request *request, struct cJSON **ret_result,
			   struct bl_err *err)
{
	return stream_list(request, policy_prefixes, ret_result, err);
}

const struct api_method api_policy_methods[] = {
	{"policy-list", method_list},
	{"policy-get", method_get},
	{"policy-rules", method_rules},
	{"policy-describe", method_describe},
	{"identity-list", method_identities},
	{"ipcache-list", method_prefixes},
	{0},
};
